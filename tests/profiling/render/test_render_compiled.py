"""The compiled lens in every report: all names and figures, warnings loud, nothing without it."""

import io
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from rich.console import Console
from sample_profile import sample_profile

from rooflink.profiling.records import CompiledPhase, Excess, HbmRow, Profile
from rooflink.profiling.render import compiled_facts as facts
from rooflink.profiling.render import svg
from rooflink.profiling.render.compiled_console import show_compiled
from rooflink.profiling.render.compiled_tables import scopes_table
from rooflink.profiling.render.console import show
from rooflink.profiling.render.html import html
from rooflink.profiling.render.markdown import inline, markdown
from rooflink.profiling.render.plot_compiled import compiled_plots, kind_bars, memory_bars
from rooflink.profiling.render.tensorboard import scalars
from rooflink.profiling.render.units import TIMES

SVG = f"{{{svg.NAMESPACE}}}"
HOSTILE = 'a<b onload="x"> | [red]`c`[/red] \x1b[31m & <script>'


@pytest.fixture
def compiled() -> Profile:
    return sample_profile(compiled=True)


def in_console(profile: Profile, width: int = 120) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    for target in profile.compiled:
        show_compiled(target, console)
    return out.getvalue()


def section(profile: Profile, width: int = 120) -> str:
    out = io.StringIO()
    show(profile, Console(file=out, width=width))
    return out.getvalue()


def flat(text: str) -> str:
    """Without the line breaks that a narrow console puts in."""
    return " ".join(text.split())


def changed(profile: Profile, target: int = 0, phase: int = 0, **update: object) -> Profile:
    """The profile with one compiled phase changed."""
    targets = list(profile.compiled)
    phases = list(targets[target].phases)
    phases[phase] = phases[phase].model_copy(update=update)
    targets[target] = targets[target].model_copy(update={"phases": phases})
    return profile.model_copy(update={"compiled": targets})


def overfull(profile: Profile) -> Profile:
    memory = profile.compiled[0].phases[1].memory
    return changed(
        profile, phase=1, memory=memory.model_copy(update={"peak_bytes": 18_200_000_000})
    )


REPORTS: list[Callable[[Profile], str]] = [in_console, html, markdown]


@pytest.mark.parametrize("render", REPORTS)
def test_every_excess_and_what_is_unexplained_is_there(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    text = flat(render(compiled))
    for target in compiled.compiled:
        assert target.target in text
        for phase in target.phases:
            assert facts.signed(phase.unexplained_bytes) in text
            assert facts.compiled_text(phase) in text
            for excess in phase.excesses:
                assert excess.name in text
                assert facts.signed(excess.excess_bytes) in text
                assert facts.signed_share(excess.share).replace("<", "") in text
    assert text.count("unexplained") >= 6


@pytest.mark.parametrize("render", REPORTS)
def test_evidence_and_fix_stand_beside_an_excess(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    text = flat(render(compiled)).replace("\\", "")
    assert "copy copy.31: bf16[30,4,3,512,64]" in text
    assert "keep the cache in one layout from the program's entry through its loops" in (
        text.replace("&#39;", "'")
    )


@pytest.mark.parametrize("render", [*REPORTS, section])
def test_unresolved_loops_and_unknown_calls_are_loud(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    text = flat(render(compiled)).replace("\\", "")
    assert "think: unresolved loop, counted once, so that all its totals are too small" in text
    assert "while.12: its bound is read from a tuple that the loop changes" in text
    assert "think: unknown call" in text
    assert "custom-call.3 (onednn$matmul)" in text
    assert f"{facts.AT_LEAST}1.92" in text
    assert "does not fit" not in text


@pytest.mark.parametrize("render", [*REPORTS, section])
def test_what_kernels_state_of_themselves_is_said(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    said = "HBM bytes are what Pallas kernels state of themselves"
    assert said not in flat(render(compiled))
    size = compiled.compiled[0].phases[1].hbm_bytes // 4
    assert f"25 % of think's {said}" in flat(
        render(changed(compiled, phase=1, stated_bytes=size))
    ).replace("&#39;", "'")


@pytest.mark.parametrize("render", [*REPORTS, section])
def test_a_phase_that_does_not_fit_says_by_how_much(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    text = flat(render(overfull(compiled)))
    assert "think does not fit: 18.2 GB of 16 GB at its peak, 2.20 GB over" in text.replace(
        "v5e:2x4: ", ""
    )


@pytest.mark.parametrize("render", REPORTS)
def test_moving_less_than_asked_for_is_said_with_its_reason(
    compiled: Profile, render: Callable[[Profile], str]
) -> None:
    text = flat(render(compiled))
    assert "think moves 6.3 % less than asked for: weights kept on the chip" in text
    assert "0.94" in text
    assert f"{facts.MINUS}723 MB" in text


def test_verdicts() -> None:
    phases = {p.phase: p for p in sample_profile(compiled=True).compiled[0].phases}
    assert facts.verdict(phases["prefill"]).startswith("moves 35 % more than asked for: copy")
    assert facts.verdict(phases["step"]) == f"moves 2.29{TIMES} what was asked for: copy of kv"
    bare = phases["think"].model_copy(update={"excesses": []})
    assert facts.verdict(bare) == "moves 6.3 % less than asked for"
    exact = bare.model_copy(update={"hbm": _of_size(bare, bare.counted_bytes.total)})
    assert facts.verdict(exact) == "moves what was asked for"
    # Below 1 only because a loop is unresolved: nothing was saved, and none may be claimed.
    unknown = bare.model_copy(update={"unresolved_loops": ["while.1: unknown"]})
    assert facts.verdict(unknown).startswith(
        f"moves at least 0.94{TIMES} what was asked for; a loop"
    )


def _of_size(phase: CompiledPhase, size: int) -> list[HbmRow]:
    row = phase.hbm[0].model_copy(update={"read_bytes": size, "written_bytes": 0})
    return [row]


def test_xla_total_has_its_factor(compiled: Profile) -> None:
    think = compiled.compiled[0].phases[1]
    assert facts.xla_factor_text(think) == f"211{TIMES} too small"
    larger = think.model_copy(update={"xla_bytes_accessed": 2.0 * think.hbm_bytes})
    assert facts.xla_factor_text(larger) == f"2.00{TIMES} too large"
    none = think.model_copy(update={"xla_bytes_accessed": 0.0})
    assert facts.xla_factor_text(none) == ""
    for text in (in_console(compiled, 160), html(compiled), markdown(compiled)):
        assert f"211{TIMES} too small" in text


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_console_keeps_to_its_width(compiled: Profile, width: int) -> None:
    worst = overfull(compiled)
    lines = [*in_console(worst, width).splitlines(), *section(worst, width).splitlines()]
    assert max(len(line) for line in lines) <= width
    for column in ("kernels", "compile", "off by", "XLA's"):
        assert column in flat(in_console(compiled, width))


def test_long_names_keep_to_80_columns(compiled: Profile) -> None:
    name = "re-read of " + "x" * 90
    excess = Excess(name=name, excess_bytes=10**12, share=9, evidence="y" * 99, fix=None)
    long = changed(compiled, excesses=[excess])
    lines = in_console(long, 80).splitlines()
    assert max(len(line) for line in lines) <= 80


def test_think_row_at_80_columns(compiled: Profile) -> None:
    row = next(line for line in in_console(compiled, 80).splitlines() if line.startswith("think "))
    expected = f"think 64 9.40 GB 8.81 GB 0.94{TIMES} weights kept on the +538 kB 1.53 GB"
    assert row.split() == expected.split()


def test_words_from_the_program_stay_words(compiled: Profile) -> None:
    excess = Excess(name=HOSTILE, excess_bytes=1, share=0.1, evidence=HOSTILE, fix=HOSTILE)
    hostile = changed(
        compiled, phase=0, excesses=[excess], unresolved_loops=[HOSTILE], unknown_calls=[HOSTILE]
    )
    targets = [t.model_copy(update={"target": HOSTILE, "mesh": HOSTILE}) for t in hostile.compiled]
    hostile = hostile.model_copy(update={"compiled": targets})
    page = html(hostile)
    assert "<script" not in page
    assert "<b onload" not in page
    for text in (in_console(hostile), section(hostile)):
        assert "\x1b" not in text
        assert "[red]`c`[/red]" in text
    assert inline(HOSTILE) in markdown(hostile)
    for drawn in compiled_plots(hostile).values():
        ElementTree.fromstring(drawn)


def test_scalars(compiled: Profile) -> None:
    found = {name: value for name, value, _ in scalars(compiled)}
    step = compiled.compiled[0].phases[3]
    under = "compiled/v5e_2x4/step"
    assert found[f"{under}/ratio"] == pytest.approx(step.ratio)
    assert found[f"{under}/excess/copy_of_kv"] == 188_800_000
    assert found[f"{under}/excess/unexplained"] == step.unexplained_bytes
    assert found[f"{under}/peak_bytes"] == 1_530_000_000
    assert found[f"{under}/kernels"] == 421
    kinds = {n: v for n, v in found.items() if n.startswith(f"{under}/hbm_bytes/")}
    assert kinds.pop(f"{under}/hbm_bytes/total") == sum(kinds.values()) == step.hbm_bytes
    assert kinds[f"{under}/hbm_bytes/copy_of_kv"] == 188_800_000
    assert found["compiled/cpu/think/unresolved_loops"] == 1
    names = [name for name, _, _ in scalars(compiled) if name.startswith("compiled/")]
    assert len(names) == len(set(names))
    for target in compiled.compiled:
        for phase in target.phases:
            for excess in phase.excesses:
                name = excess.name.replace(" ", "_")
                tag = target.target.replace(":", "_")
                assert f"compiled/{tag}/{phase.phase}/excess/{name}" in names


def test_one_target_twice_keeps_both(compiled: Profile) -> None:
    twice = compiled.model_copy(update={"compiled": [compiled.compiled[0]] * 2})
    names = [name for name, _, _ in scalars(twice) if name.startswith("compiled/")]
    assert len(names) == len(set(names))
    assert "v5e:2x4 (2)" in html(twice)


def test_bars_are_as_long_as_their_bytes(compiled: Profile) -> None:
    target = compiled.compiled[0].model_copy(update={"phases": [compiled.compiled[0].phases[3]]})
    root = ElementTree.fromstring(kind_bars(target, "k", "v5e"))
    widths: dict[str, float] = {}
    for shape in root.iter(f"{SVG}rect"):
        words = shape.findtext(f"{SVG}title") or ""
        widths[words.split(":")[0]] = float(shape.get("width", "0"))
        if "copy of KV" in words:
            assert shape.get("class") == "kind-copies"
            assert words.endswith("of its bytes, compiled")
    asked = widths["step, weights 134 MB"]
    assert widths["step, copy of KV 189 MB"] / asked == pytest.approx(188.8 / 134.5, rel=1e-3)


def test_memory_over_capacity_is_drawn_beyond_the_mark(compiled: Profile) -> None:
    drawn = memory_bars(overfull(compiled).compiled[0], "m", "v5e")
    root = ElementTree.fromstring(drawn)
    shapes = {s.get("class"): s for s in root.iter(f"{SVG}rect") if float(s.get("width", "0")) > 0}
    over, mark = shapes["memory-over"], shapes["limit"]
    assert float(over.get("x", "0")) == pytest.approx(float(mark.get("x", "0")) + 1, abs=0.02)
    assert "18.2 GB of 16 GB, 2.20 GB over" in drawn
    assert "memory-over" in html(overfull(compiled)).split("</style>")[1]
    assert "memory-over" not in html(compiled).split("</style>")[1].split("<svg")[0]


def test_labels_stay_inside_the_drawing(compiled: Profile) -> None:
    for drawn in compiled_plots(overfull(compiled)).values():
        root = ElementTree.fromstring(drawn)
        for label in root.iter(f"{SVG}text"):
            if label.get("text-anchor") is None:  # bold: a sixth wider
                end = float(label.get("x", "0")) + len(label.text or "") * svg.CHARACTER * 7 / 6
                assert end <= float(root.get("width", "0"))


def test_scopes_add_up(compiled: Profile) -> None:
    target = compiled.compiled[0]
    table = scopes_table(target, target.phases[0], most=2)
    assert [row[0] for row in table.rows][2] == "5 others"
    assert len(table.rows) == 3
    assert [column.title for column in table.columns][-1] == "all"


def test_collectives_levels_and_notes_are_in_the_reports(compiled: Profile) -> None:
    for render in (html, markdown):
        text = render(compiled).replace("&#39;", "'")
        for note in facts.NOTES:
            assert note in text
        for word in ("all-reduce", "98.6 µs", "not public", "VMEM read", "What the compiler made"):
            assert word in text
    for word in ("all-reduce", "98.6 µs", "not public", "VMEM"):
        assert word in in_console(compiled)


@pytest.mark.parametrize("render", [html, markdown, section])
def test_without_targets_the_reports_do_not_speak_of_them(
    profile: Profile, compiled: Profile, render: Callable[[Profile], str]
) -> None:
    assert "compile" not in render(profile).lower()
    assert "compile" in render(compiled).lower()
    assert render(compiled.model_copy(update={"compiled": []})) == render(profile)
    assert not [name for name, _, _ in scalars(profile) if name.startswith("compiled")]


def test_an_empty_target_is_shown(compiled: Profile) -> None:
    empty = compiled.compiled[0].model_copy(update={"phases": []})
    alone = compiled.model_copy(update={"compiled": [empty]})
    for render in REPORTS:
        assert "v5e:2x4" in render(alone)
    assert "Warning" not in section(alone)


def test_sample_is_marked_illustrative_and_adds_up(compiled: Profile) -> None:
    for target in compiled.compiled:
        assert "illustrative" in target.mesh
        for phase in target.phases:
            named = sum(excess.excess_bytes for excess in phase.excesses)
            rest = phase.hbm_bytes - phase.counted_bytes.total - named
            assert phase.unexplained_bytes == rest
            assert abs(rest) < 0.01 * phase.counted_bytes.total
