"""report.html: self-contained, escaped, complete; report.md: the same figures."""

import pytest
from html_page import parsed

from rooflink.profiling.records import Profile
from rooflink.profiling.records.profile import total_phase
from rooflink.profiling.render import units
from rooflink.profiling.render.headline import headline
from rooflink.profiling.render.html import html
from rooflink.profiling.render.markdown import fenced, inline, markdown
from rooflink.profiling.render.svg import NAMESPACE

SELF_CLOSED = {"path", "line", "rect", "circle", "g"}


@pytest.mark.parametrize("ran", [True, False])
def test_page_needs_nothing_but_itself(profile: Profile, not_run: Profile, ran: bool) -> None:
    text = html(profile if ran else not_run)
    assert text.lstrip().startswith("<!DOCTYPE html>")
    page = parsed(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "//" not in text.replace(NAMESPACE, "")
    assert "@import" not in text
    assert "url(" not in text
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = [v for name, value in page.attributes if "labelledby" in name for v in value.split()]
    assert set(named) <= set(ids)
    assert page.tags.count("table") == page.tags.count("caption")


def test_words_of_the_model_are_escaped(profile: Profile) -> None:
    text = html(profile)
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text


@pytest.mark.parametrize("render", [html, markdown])
def test_every_phase_and_figure_is_there(profile: Profile, render) -> None:  # type: ignore[no-untyped-def]
    text = render(profile)
    for phase in [*profile.phases, total_phase(profile)]:
        assert phase.measured
        assert phase.name in text
        assert units.seconds(phase.measured.time_s.median) in text
        assert units.flops(phase.counted.flops) in text
        assert units.bytes_(phase.counted.hbm_bytes.total) in text
        assert units.intensity_number(phase.counted.intensity) in text
        assert units.bytes_(phase.counted.hbm_bytes.kv_read) in text
    for placement in profile.placements:
        assert placement.chip in text
        assert units.intensity(placement.ridge) in text
        for on_chip in placement.phases:
            assert f"{units.seconds(on_chip.time_at_peak_s)}, {on_chip.bound}" in text
    for finding in profile.findings:
        assert finding.sentence.split(":")[0] in text
    for lens in ("counted", "measured", "at datasheet peak"):
        assert lens in text


@pytest.mark.parametrize("render", [html, markdown])
def test_nothing_measured_nothing_claimed(not_run: Profile, render) -> None:  # type: ignore[no-untyped-def]
    text = render(not_run)
    assert "think" in text
    assert "tok/s (measured)" not in text
    assert '<span class="lens">measured</span>' not in text
    assert "None" not in text


def test_empty_profile_renders(not_run: Profile) -> None:
    empty = not_run.model_copy(
        update={"phases": [], "thought": [], "placements": [], "findings": []}
    )
    parsed(html(empty))
    assert markdown(empty)


def test_headline(profile: Profile, not_run: Profile) -> None:
    assert headline(profile) == (
        "Thinking took 83 % of the time measured on this CPU; at datasheet peak it is "
        "memory-bound on every chip: 5.69 FLOP per byte against ridges of 166 to 560."
    )
    assert headline(not_run).startswith("Thinking moves 92 % of the counted HBM bytes;")


def test_markdown_tables_are_whole(profile: Profile) -> None:
    rows = [line for line in markdown(profile).splitlines() if line.startswith("|")]
    widths = [line.replace(r"\|", "").count("|") for line in rows]
    starts = [i for i, line in enumerate(rows) if set(line) <= set("|-: ")]
    assert len(starts) >= 10
    for start in starts:
        assert widths[start] == widths[start - 1]


def test_markdown_escapes() -> None:
    assert inline("a|b <i> *c*\nd") == r"a\|b &lt;i> \*c\* d"
    assert fenced("```\nx\n```").startswith("````text\n")
