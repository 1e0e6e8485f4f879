"""The console at 80 columns, at 120, and piped."""

import io

import pytest
from rich.console import Console

from rooflink.profiling.records import Profile
from rooflink.profiling.render.console import show


def shown(profile: Profile, width: int, terminal: bool = False) -> str:
    out = io.StringIO()
    show(profile, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_fits_and_names_every_phase_and_chip(profile: Profile, width: int) -> None:
    lines = shown(profile, width).splitlines()
    assert max(len(line) for line in lines) <= width
    starts = {line.split("  ")[0].split(" ")[0] for line in lines}
    assert {phase.name for phase in profile.phases} <= starts
    assert all(any(line.startswith(p.chip) for line in lines) for p in profile.placements)


def test_phase_row_at_80_columns(profile: Profile) -> None:
    think = next(line for line in shown(profile, 80).splitlines() if line.startswith("think "))
    expected = "think 1,567 5.77 s 3.1 % 272 435 G 76.5 GB 5.69 memory 62 % 41 %"
    assert think.split() == expected.split()


def test_five_phases_and_long_numbers_still_fit(profile: Profile) -> None:
    big = [
        phase.model_copy(update={"name": name, "tokens": 123_456_789})
        for name, phase in zip(
            ("prefill", "draft", "think", "answer", "verify"), profile.phases * 2, strict=False
        )
    ]
    lines = shown(profile.model_copy(update={"phases": big}), 80).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum("123,456,789" in line for line in lines) == 5


def test_measured_columns_vanish_where_nothing_was_run(not_run: Profile) -> None:
    text = shown(not_run, 80)
    assert "tok/s" not in text
    assert "nothing was run" in text
    assert "None" not in text
    assert "memory, all 6" in text


def test_words_of_the_model_stay_words(profile: Profile) -> None:
    assert profile.outcome
    sample = profile.outcome.samples[0].model_copy(update={"thought": "red \x1b[31m [red]x[/red]"})
    outcome = profile.outcome.model_copy(update={"samples": [sample]})
    text = shown(profile.model_copy(update={"outcome": outcome}), 80)
    assert "\x1b" not in text
    assert "[red]x[/red]" in text
