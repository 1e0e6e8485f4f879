"""A profile's document: its sections, tables and charts as data, at every width."""

import io
import json
import re

import pytest
from html_page import parsed
from rich.console import Console

from rooflink.model.phases import PHASES
from rooflink.profiling.records import MeasuredCost, Profile, Spread
from rooflink.profiling.records.prediction import by_cost
from rooflink.profiling.records.profile import total_phase
from rooflink.profiling.reports import theme, units
from rooflink.profiling.reports.charts.chart_parts import contrast, ink_on
from rooflink.profiling.reports.document import Document, Example, Findings
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.html import html
from rooflink.profiling.reports.renderers.markdown import markdown
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.renderers.vega import vega_bundle
from rooflink.profiling.reports.sections import profile_facts as facts
from rooflink.profiling.reports.sections import profile_tables as tables
from rooflink.profiling.reports.sections.profile_document import (
    profile_document,
    profile_summary,
    tiles,
)
from rooflink.profiling.reports.sections.profile_facts import headline


def shown(profile: Profile, width: int) -> str:
    out = io.StringIO()
    show(profile_summary(profile), Console(file=out, width=width, color_system=None))
    return out.getvalue()


def columns(document: Document) -> set[str]:
    return {column.heading for table in document.tables() for column in table.shown}


def test_the_first_page_comes_first_and_the_compiled_lens_last(compiled: Profile) -> None:
    keys = [section.key for section in profile_document(compiled).filled]
    assert keys == ["findings", "phases", "roofline", "predicted", "chips", "thought", "outcome",
                    "compiled", "provenance", "reading"]  # fmt: skip


def test_every_phase_has_its_record_figures(profile: Profile) -> None:
    table = tables.phase_table(profile)
    phases = [*profile.phases, total_phase(profile)]
    assert table.has_total
    assert table.column("phase").values == [phase.name for phase in phases]
    assert table.column("flops").values == [phase.counted.flops for phase in phases]
    assert table.column("measured_s").values == [
        phase.measured.time_s.median for phase in phases if phase.measured
    ]
    kv = tables.bytes_table(profile).column("kv_read_bytes")
    assert kv.values == [phase.counted.hbm_bytes.kv_read for phase in phases]
    scale = units.bytes_.for_column(kv.values)
    assert kv.cells == [scale(value) for value in kv.values]


def test_each_chip_has_its_bound_of_each_phase(profile: Profile) -> None:
    table = tables.chip_times_table(profile)
    for index, placement in enumerate(profile.placements):
        for on_chip in placement.phases:
            assert table.column(f"{on_chip.phase}_s").values[index] == on_chip.time_at_peak_s
            assert table.column(f"{on_chip.phase}_bound").values[index] == on_chip.bound


def test_nothing_measured_nothing_claimed(not_run: Profile) -> None:
    assert not [title for title in columns(profile_document(not_run)) if "(measured)" in title]
    assert {chart.name for chart in profile_document(not_run).charts()} == {
        "bytes", "roofline", "chips", "thought"}  # fmt: skip


def test_without_targets_nothing_is_compiled(profile: Profile, compiled: Profile) -> None:
    bare = compiled.model_copy(update={"compiled": []})
    assert profile_document(bare) == profile_document(profile)
    assert profile_document(compiled) != profile_document(profile)


def test_an_empty_profile_has_a_page(not_run: Profile) -> None:
    empty = not_run.model_copy(
        update={"phases": [], "thought": [], "placements": [], "findings": []}
    )
    assert [s.key for s in profile_document(empty).filled] == ["provenance", "reading"]
    assert headline(empty) == "The profile holds no phase."


def test_tiles_begin_with_money_where_it_is_predicted(predicted: Profile) -> None:
    first = tiles(predicted)[0]
    economics = min(predicted.predictions, key=by_cost).economics
    assert economics
    money = units.usd_per(economics.per_query.usd.median, "query", "queries")
    assert f"{first.value} {first.title.split(' on ')[0]}" == money


def test_findings_say_what_they_save_and_how(profile: Profile) -> None:
    (findings,) = [b for b in profile_document(profile).blocks() if isinstance(b, Findings)]
    assert len(findings.items) == len(profile.findings)
    for advice, finding in zip(findings.items, profile.findings, strict=True):
        assert finding.what in advice.sentence
        assert bool(advice.size) == (finding.saves_share is not None)
        assert advice.action == (finding.command or "")


def cost(bandwidth: float, flops: float) -> MeasuredCost:
    return MeasuredCost(
        time_s=Spread(median=1.0, low=1.0, high=1.0, repeats=[1.0]), tokens_per_s=1.0,
        flops_per_s=1.0, bytes_per_s=1.0, bandwidth_share=bandwidth, flops_share=flops,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bandwidth", "flops", "bound"),
    [(0.5, 0.2, "memory"), (0.2, 0.5, "compute"), (0.3, 0.3, "overhead")],
)
def test_bound_here(profile: Profile, bandwidth: float, flops: float, bound: str) -> None:
    phase = profile.phases[0].model_copy(update={"measured": cost(bandwidth, flops)})
    assert facts.bound_text(phase) == bound


def test_a_single_run_has_no_range() -> None:
    assert facts.spread_text(cost(0.5, 0.5).time_s) == "1 run"


def test_idle_and_padding_shares(profile: Profile) -> None:
    """16 attempts of at most 9 passes; 20 padded tokens beside the 60 of the prompts."""
    prefill, think, _ = profile.phases
    assert facts.idle_share(think) == pytest.approx(think.idle_slots / (16 * 9))
    padded = prefill.model_copy(update={"padded_tokens": 20})
    assert facts.padded_share(padded) == pytest.approx(20 / 80)


STOPS = ["marker"] * 9 + ["budget"] * 6 + ["end_of_sequence"]


def test_outcome_in_words(profile: Profile) -> None:
    assert profile.outcome
    five = {"correct": 5, "accuracy": 5 / 16, "accuracy_low": 0.1416, "accuracy_high": 0.5559}
    text = facts.accuracy_text(profile.outcome.model_copy(update=five))
    assert text == "31 % (95 % interval 14 to 56 %, 5 of 16 attempts at 4 prompts)"
    unchecked = profile.outcome.model_copy(update={"accuracy": None})
    assert facts.accuracy_text(unchecked) == ""
    lengths = [
        each.model_copy(update={"stop_reason": why})
        for each, why in zip(profile.outcome.lengths, STOPS, strict=True)
    ]
    stops = facts.stop_text(profile.outcome.model_copy(update={"lengths": lengths}))
    assert stops == "9 closed by a marker, 6 cut off by the budget, 1 ended the text"


def test_no_right_answer_still_shows_its_interval(profile: Profile) -> None:
    assert profile.outcome
    none = {"correct": 0, "accuracy": 0.0, "accuracy_low": 0.0, "accuracy_high": 0.19}
    outcome = profile.outcome.model_copy(update=none)
    lenses = [tile.lens for tile in tiles(profile.model_copy(update={"outcome": outcome}))]
    assert "0 to 19 %, 16 attempts at 4 prompts" in lenses


def test_samples_keep_the_words_of_the_model(profile: Profile) -> None:
    assert profile.outcome
    examples = [b for b in profile_document(profile).blocks() if isinstance(b, Example)]
    assert [dict(example.parts)["Prompt"] for example in examples] == [
        sample.prompt for sample in profile.outcome.samples
    ]


# Terminal


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_terminal_fits_and_names_every_phase_and_chip(profile: Profile, width: int) -> None:
    lines = shown(profile, width).splitlines()
    assert max(len(line) for line in lines) <= width
    starts = {line.split("  ")[0].split(" ")[0] for line in lines}
    assert {phase.name for phase in profile.phases} <= starts
    assert all(any(line.startswith(p.chip) for line in lines) for p in profile.placements)


def test_five_phases_and_long_numbers_still_fit(profile: Profile) -> None:
    names = ("prefill", "draft", "think", "answer", "verify")
    big = [
        phase.model_copy(update={"name": name, "tokens": 123_456_789})
        for name, phase in zip(names, profile.phases * 2, strict=False)
    ]
    lines = shown(profile.model_copy(update={"phases": big}), 80).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum("123,456,789" in line for line in lines) == 5


def thought(profile: Profile, text: str) -> Profile:
    """The profile whose one sample thinks `text`."""
    assert profile.outcome
    sample = profile.outcome.samples[0].model_copy(update={"thought": text})
    outcome = profile.outcome.model_copy(update={"samples": [sample]})
    return profile.model_copy(update={"outcome": outcome})


def test_words_of_the_model_stay_words(profile: Profile) -> None:
    text = shown(thought(profile, "red \x1b[31m [red]x[/red]"), 80)
    assert "\x1b" not in text
    assert "[red]x[/red]" in text


# Pages


@pytest.mark.parametrize("ran", [True, False])
def test_a_page_needs_nothing_but_itself(profile: Profile, not_run: Profile, ran: bool) -> None:
    text = html(profile_document(profile if ran else not_run))
    page = parsed(text.replace(str(vega_bundle()), ""))
    assert not {"iframe", "object"} & set(page.tags)
    sources = [v for name, v in page.attributes if name in ("src", "href")]
    assert all(source.startswith(("data:", "#")) for source in sources)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = [v for name, value in page.attributes if "labelledby" in name for v in value.split()]
    linked = [source[1:] for source in sources if source.startswith("#")]
    assert {*named, *linked} <= set(ids)


def test_words_of_the_model_are_escaped(profile: Profile) -> None:
    text = html(profile_document(thought(profile, "<script>alert('x')</script> | `c`")))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text


def test_markdown_tables_are_whole(profile: Profile) -> None:
    rows = [line for line in markdown(profile_document(profile)).splitlines() if line[:1] == "|"]
    widths = [line.replace(r"\|", "").count("|") for line in rows]
    starts = [i for i, line in enumerate(rows) if set(line) <= set("|-: ")]
    assert len(starts) >= 8
    for start in starts:
        assert widths[start] == widths[start - 1]


# Charts


def test_every_colour_of_every_chart_turns_dark(compiled: Profile, predicted: Profile) -> None:
    profile = compiled.model_copy(update={"predictions": predicted.predictions})
    charts = profile_document(profile).charts()
    assert len(charts) >= 10
    for chart in charts:
        used = set(re.findall(r"#[0-9a-fA-F]{3,8}", json.dumps(chart.spec)))
        assert used <= set(theme.dark_of()), chart.name


def test_the_roofline_has_every_roof_and_phase(profile: Profile) -> None:
    (chart,) = [c for c in profile_document(profile).charts() if c.name == "roofline"]
    values = [row for rows in chart.spec["datasets"].values() for row in rows]
    assert {row["roof"] for row in values if "roof" in row} == {
        *(p.chip for p in profile.placements), "this machine (measured)"}  # fmt: skip
    reached = {row["phase"]: row["y"] for row in values
               if str(row.get("rate")).startswith("reached")}  # fmt: skip
    assert reached == {p.name: p.measured.flops_per_s for p in profile.phases if p.measured}
    v5e = next(p for p in profile.placements if p.chip == "TPU v5e")
    think = profile.phases[1]
    (ring,) = [r for r in values if r.get("roof") == "TPU v5e" and r.get("phase") == "think"]
    assert ring["y"] == pytest.approx(think.counted.intensity * v5e.hbm_bandwidth)


def test_bars_are_as_long_as_their_figures(profile: Profile) -> None:
    (chart,) = [c for c in profile_document(profile).charts() if c.name == "time"]
    parts = [row for rows in chart.spec["datasets"].values() for row in rows if "start" in row]
    assert {row["bar"]: row["end"] for row in parts} == {
        p.name: p.measured.time_s.median for p in profile.phases if p.measured
    }


def test_histogram_counts_every_attempt(profile: Profile) -> None:
    assert profile.outcome
    (chart,) = [c for c in profile_document(profile).charts() if c.name == "lengths"]
    rows = [row for rows in chart.spec["datasets"].values() for row in rows if "attempts" in row]
    assert sum(row["attempts"] for row in rows) == profile.outcome.attempts
    assert all(row["to"] > row["from"] for row in rows)


FILLS = {
    *(tint for _, tint in (*theme.KINDS.values(), *theme.RESOURCES.values())),
    *(theme.phase(name).tint for name in PHASES),
    "idle",
}


@pytest.mark.parametrize("name", sorted(FILLS))
def test_words_inside_a_bar_can_be_read(name: str) -> None:
    """At least 4.5 to 1 (WCAG 2.1, 1.4.3), light and dark."""
    light, dark = theme.COLOURS[name]
    ink = ink_on(light)
    assert contrast(ink, light) >= 4.5
    assert contrast(theme.dark_of()[ink], dark) >= 4.5


def test_contrast_by_hand() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # a known border case


# Notebooks


def test_rows_are_the_record_figures_without_the_total(profile: Profile) -> None:
    rows = rows_of(tables.phase_table(profile), tables.slots_table(profile))
    assert [row["phase"] for row in rows] == [phase.name for phase in profile.phases]
    think = profile.phases[1]
    assert rows[1]["flops"] == think.counted.flops
    assert rows[1]["idle_slots"] == think.idle_slots
    assert "spread" not in rows[1]
