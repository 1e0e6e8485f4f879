"""A co-design report as tables, documents, charts and events, from what a real command wrote."""

import io
from dataclasses import replace

import pytest
from real_records import real_codesign
from rich.console import Console

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.codesign import (
    Ask,
    BudgetKind,
    CodesignCase,
    CodesignReport,
    budget_amount,
)
from rooflink.profiling.reports.charts import codesign_map
from rooflink.profiling.reports.charts.codesign_elasticities import tornado
from rooflink.profiling.reports.charts.codesign_roofline import lever_rooflines, numbered
from rooflink.profiling.reports.charts.codesign_serving import designs, pareto, power
from rooflink.profiling.reports.codesign_words import (
    LEAST,
    QUERY,
    headline,
    idle_parameters,
    ranked,
    saving_kind,
    signed,
)
from rooflink.profiling.reports.document import Bullets, Document, Facts, Findings, Section
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.html import html
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.renderers.vega import svg
from rooflink.profiling.reports.sections import codesign_search as search_tables
from rooflink.profiling.reports.sections import codesign_tables as tables
from rooflink.profiling.reports.sections.codesign_document import (
    codesign_cell,
    codesign_document,
    codesign_summary,
    requested,
)
from rooflink.profiling.reports.sections.codesign_scalars import charts, scalars, sessions


@pytest.fixture(scope="module")
def report() -> CodesignReport:
    return real_codesign()


@pytest.fixture
def case(report: CodesignReport) -> CodesignCase:
    return report.cases[0]


def findings(section: Section) -> Findings:
    return next(block for block in section.blocks if isinstance(block, Findings))


def shown(document: Document, width: int) -> list[str]:
    out = io.StringIO()
    show(document, Console(file=out, width=width))
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("value", "text"), [(-0.714, "\N{MINUS SIGN}0.71"), (0.3, "+0.30"), (-0.001, "0.00")]
)
def test_a_sign_is_wide_and_a_zero_has_none(value: float, text: str) -> None:
    assert signed(value) == text


def test_a_saving_says_of_what_and_within_what(report: CodesignReport) -> None:
    ask = report.model_asks[0].model_copy(
        update={"quantity": "time", "saving": Interval(median=0.31, low=0.25, high=0.37)}
    )
    assert saving_kind(ask) == "less time (25 to 37 %)"
    dearer = ask.model_copy(update={"saving": Interval(median=-0.2, low=-0.3, high=-0.1)})
    assert saving_kind(dearer).startswith("more time")


def test_the_headline_counts_the_cases_that_are_alike(report: CodesignReport) -> None:
    batch = "With 4 prompts \N{MULTIPLICATION SIGN} 8 attempts together (as run), "
    assert headline(report).startswith(
        f"{batch}think takes 99 % of a query's time and is memory-bound, in every case. First for "
        "hardware"
    )
    one = report.model_copy(update={"cases": report.cases[:1], "hardware_asks": []})
    assert headline(one).startswith(
        f"{batch}think takes 99 % of a query's time and is memory-bound. First for the model"
    )


def test_what_was_requested_comes_first(report: CodesignReport) -> None:
    what_if, chip, facts = requested(report)
    assert isinstance(what_if, Section)
    assert isinstance(chip, Section)
    assert isinstance(facts, Facts)
    assert what_if.blocks == [tables.what_ifs_table(report.cases)]
    assert chip.blocks == [Bullets([])], "no chip was asked for"
    budget = search_tables.budget_text(report.searches[0])
    assert dict(facts.known)["chip budget"] == budget
    assert budget.endswith(" per chip")
    assert "workload mix" not in dict(facts.known), "no mix was stated"
    assert dict(facts.known)["load"].startswith("1.00 queries/s, each within")
    _, asked, stated = requested(report.model_copy(update={"chip_stated": True}))
    assert isinstance(asked, Section)
    assert isinstance(stated, Facts)
    assert dict(stated.known)["workload mix"] == "; ".join(report.searches[0].mix)
    assert asked.blocks == [Bullets([search.sentence for search in report.searches])]
    for document in (codesign_summary(report), codesign_document(report)):
        assert document.lead == requested(report)


def test_cases_have_their_figures(report: CodesignReport) -> None:
    rows = rows_of(tables.cases_table(report.cases))
    for row, case in zip(rows, report.cases, strict=True):
        assert row["slice"] == case.prediction.slice
        assert row["time_s"] == case.prediction.time_s.median
        assert case.usd_per_query
        assert row["query_usd"] == case.usd_per_query.median
        assert row["think_bound"] == "memory"
    titles = {column.title for column in tables.cases_table(report.cases).shown}
    assert "accuracy of an attempt" not in titles, "of what is not known there is no column"


def test_levers_are_numbered_and_say_whether_they_fit(case: CodesignCase) -> None:
    table = tables.levers_table(case)
    first = table.column("change").cells[0]
    assert first == f"1. {case.levers[0].change}"
    full = case.model_copy(update={"levers": [case.levers[0].model_copy(update={"fits": False})]})
    quality = tables.levers_table(full).column("quality").cells[0]
    assert quality.startswith("DOES NOT FIT this slice's memory.")
    assert len(rows_of(tables.levers_rows([case, case]))) == 2 * len(case.levers)


def test_slopes_are_the_records(case: CodesignCase) -> None:
    table = tables.slopes_table(case, "memory full")
    wanted = {
        row.parameter: row.value
        for row in case.elasticities
        if (row.regime, row.phase, row.quantity) == ("memory full", "think", "time")
    }
    names = {parameter.words: parameter.name for parameter in case.parameters}
    column = table.column("think's time").values
    for words, value in zip(table.column("parameter").values, column, strict=True):
        assert value == wanted[names[str(words)]]


def test_parameters_without_effect_are_named_apart(case: CodesignCase) -> None:
    drawn = ranked(case, "as run")
    whole = {row.parameter: abs(row.value.median) for row in case.elasticities
             if (row.regime, row.phase, row.quantity) == ("as run", QUERY, "time")}  # fmt: skip
    assert [whole[name] for name in drawn] == sorted((whole[n] for n in drawn), reverse=True)
    idle = {p.name for p in case.parameters if p.words in idle_parameters(case, "as run")}
    assert idle == {parameter.name for parameter in case.parameters} - set(drawn)
    assert all(whole[name] < LEAST for name in idle)


def test_elasticities_name_a_batch_that_is_the_case_s_at_any_latency(case: CodesignCase) -> None:
    chart = tornado(case, "as run")
    assert chart is not None
    for words in (chart.note, tables.slopes_table(case, "as run").caption):
        assert "at the case's batch" in words
        assert "as run" not in words


@pytest.mark.parametrize(
    ("kind", "most", "text"),
    [
        ("area", 800.0, "800 mm²"),
        ("watts", 1000.0, "1,000 W"),
        ("usd", 4533.7, "$4,534"),
        ("usd", 1e6, "$1,000,000"),
        ("area", 0.5, "0.500 mm²"),
    ],
)
def test_a_budget_is_written_one_way(kind: BudgetKind, most: float, text: str) -> None:
    assert budget_amount(kind, most) == text


def test_a_what_if_stands_before_and_after_on_each_case(report: CodesignReport) -> None:
    rows = rows_of(tables.what_ifs_table(report.cases))
    assert [row["slice"] for row in rows] == [case.prediction.slice for case in report.cases]
    assert all(row["after_s"] / row["before_s"] == pytest.approx(row["time"], rel=0.03)
               for row in rows)  # fmt: skip
    alone = tables.what_ifs_table(report.cases[:1])
    assert "case" not in {column.title for column in alone.shown}
    stated = report.cases[0].what_ifs[0]
    by_phase = {row["phase"]: row for row in rows_of(tables.phases_changed_table(report.cases[0]))}
    assert list(by_phase) == list(stated.by_phase)
    assert by_phase["think"]["time"] == stated.by_phase["think"].median
    assert by_phase["think"]["bound_before"] == stated.bound_before["think"] == "memory"


def test_the_best_chips_are_multiples_of_the_one_that_is_there(report: CodesignReport) -> None:
    searches = report.searches
    there, *best = rows_of(search_tables.designs_rows(searches))
    assert there["speedup"] is None
    assert [row["hbm_bytes_per_s"] for row in best] == [s.best.hbm_bandwidth for s in searches]
    cell = search_tables.designs_table(searches).column("best for reasoning").cells[1]
    ratio = searches[0].best.hbm_bandwidth / searches[0].reference.hbm_bandwidth
    assert cell.endswith(f"({ratio:.2f}\N{MULTIPLICATION SIGN})")
    spent = search_tables.spent_table(searches).column("best for reasoning").values
    assert sum(float(str(share)) for share in spent) == pytest.approx(1, abs=1e-3)
    assert search_tables.designs_table([]).rows == []
    assert rows_of(search_tables.designs_rows([])) == []


def test_ways_to_serve_and_their_frontier(report: CodesignReport) -> None:
    rows = rows_of(search_tables.ways_rows(report.pareto))
    assert len(rows) == len(report.pareto)
    best = [p.latency_s for p in report.pareto if p.on_frontier]
    shown = search_tables.frontier_table(report.pareto).column("latency").values
    assert shown == sorted(best, key=lambda latency: latency.median)


def test_evidence_that_recommendations_share_stands_once(report: CodesignReport) -> None:
    def ask(side: str, index: int, *evidence: str) -> Ask:
        asks = report.hardware_asks if side == "hardware" else report.model_asks
        return asks[index].model_copy(update={"evidence": ["all: x", f"{side}: y", *evidence]})

    made = report.model_copy(
        update={
            "hardware_asks": [ask("hardware", 0, "own: z"), ask("hardware", 1)],
            "model_asks": [ask("model", 0), ask("model", 1)],
        }
    )
    hardware, model = codesign_document(made).sections[:2]
    assert [item.evidence for item in findings(hardware).items] == ["Own: z.", ""]
    words = [str(block) for block in hardware.blocks]
    assert any("Hardware: y." in text for text in words)
    assert not any("All: x." in text for text in words)
    assert "All: x." in str(model.blocks[-1])


def test_a_team_without_recommendations_is_told_so(report: CodesignReport) -> None:
    none = report.model_copy(update={"hardware_asks": []})
    assert "Nothing to recommend." in shown(codesign_document(none), 100)


def test_several_cases_are_folded_and_one_is_not(report: CodesignReport) -> None:
    several = codesign_document(report).section("each-case").blocks
    assert [getattr(block, "is_open", None) for block in several] == [True, False]
    alone = report.model_copy(update={"cases": report.cases[:1]})
    assert len(codesign_document(alone).section("each-case").blocks) > 5


def test_what_is_not_known_has_no_section(report: CodesignReport) -> None:
    bare = report.model_copy(update={"pareto": [], "searches": [], "data_centers": []})
    keys = {section.key for section in codesign_document(bare).filled}
    assert not keys & {"frontiers", "search", "center"}
    assert {"cases", "basis", "reading"} <= keys


@pytest.mark.parametrize("width", [80, 110])
def test_the_terminal_has_the_recommendations_cases_and_what_ifs(
    report: CodesignReport, width: int
) -> None:
    lines = shown(codesign_summary(report), width)
    assert max(map(len, lines)) <= width
    titles = ["What if: a query before and after", "For the hardware team", "For the model team",
              "Cases", "The chip to build"]  # fmt: skip
    assert [line for line in lines if line in titles] == titles


def test_names_of_tables_and_charts_differ(report: CodesignReport) -> None:
    document = codesign_document(report)
    names = [chart.name for chart in document.charts()]
    assert len(names) == len(set(names))
    assert codesign_cell(report).tables()


def test_words_of_others_are_escaped(report: CodesignReport) -> None:
    cases = [case.model_copy(update={"profile": "<b>bold"}) for case in report.cases[:1]]
    document = codesign_document(report.model_copy(update={"cases": cases, "pareto": []}))
    assert "<b>bold" not in html(document, {chart.name: "" for chart in document.charts()})


def test_arrows_carry_the_numbers_of_the_table(case: CodesignCase) -> None:
    whole, enlarged = lever_rooflines(case)
    own = {str(each.number) for each in numbered(case) if each.arrow.phase == "think"}
    drawn = svg(enlarged)
    assert all(f">{number}<" in drawn for number in own)
    assert enlarged.title == "think, enlarged"
    assert svg(whole).startswith("<svg")
    roof = case.roofline.model_copy(update={"points": []})
    assert lever_rooflines(case.model_copy(update={"roofline": roof})) == []


def test_each_bar_of_an_elasticity_is_named(case: CodesignCase) -> None:
    chart = tornado(case, "memory full")
    assert chart
    drawn = svg(chart)
    for phase in (QUERY, *(phase.phase for phase in case.prediction.phases)):
        assert f">{phase}<" in drawn
    assert tornado(case.model_copy(update={"elasticities": []}), "as run") is None


def test_runs_of_the_map_hold_every_cell_once(case: CodesignCase) -> None:
    grid = case.bound_maps[0]
    every = codesign_map.runs(grid)
    cells = [(run.row, column, run.kind) for run in every for column in range(run.start, run.end)]
    assert len(cells) == len(grid.batches) * len(grid.contexts)
    assert all(codesign_map.kind(grid, row, column) == name for row, column, name in cells)
    full = grid.model_copy(update={"fits": [[False] * len(grid.contexts)] * len(grid.batches)})
    assert {run.kind for run in codesign_map.runs(full)} == {codesign_map.FULL}
    assert [run.kind for run in codesign_map.named(codesign_map.runs(full))] == [codesign_map.FULL]


def test_a_region_too_narrow_for_its_name_has_none() -> None:
    narrow = [codesign_map.Run(0, 0, 2, "compute"), codesign_map.Run(0, 2, 21, "HBM: KV")]
    assert [run.kind for run in codesign_map.named(narrow)] == ["HBM: KV"]
    wide = [replace(narrow[0], end=10)]
    assert [run.kind for run in codesign_map.named(wide)] == ["compute"]


def test_regions_are_named_in_the_map(case: CodesignCase) -> None:
    chart = codesign_map.bound_maps(case)[0]
    assert ">HBM: weights<" in svg(chart)
    assert "HBM: weights in " in chart.alt


def test_nothing_to_draw_is_no_chart(report: CodesignReport) -> None:
    assert pareto([]) is None
    assert designs([], search_tables.SHARES) is None
    assert power(report.data_centers[0].model_copy(update={"traces": []})) is None


def test_tags_of_charts_and_scalars(report: CodesignReport) -> None:
    run = report.cases[0].profile
    cases = (f"{run}_on_v5e_2x4", f"{run}_on_v5p_2x2x1")
    center = report.data_centers[0]
    assert set(charts(report)) == {
        *(f"{kind}/{name}" for kind in ("tornado", "roofline") for name in cases),
        *(f"crossovers/{name}_attempts_{n}" for name in cases for n in (1, 8)),
        f"pareto/{run}", "search/llama3-8b",
        f"power/{run}_on_{center.slice.replace(':', '_')}",
    }  # fmt: skip
    saved = {step: value for name, value, step in scalars(report)
             if name == "asks_predicted/model/saving"}  # fmt: skip
    assert saved == {ask.rank: ask.saving.median for ask in report.model_asks}
    assert [each.folder for each in sessions(report)] == list(cases)


def test_slices_of_like_names_have_curves_of_their_own(report: CodesignReport) -> None:
    case = report.cases[0]
    predictions = [case.prediction.model_copy(update={"slice": s}) for s in ("a/b:1", "a b:1")]
    cases = [case.model_copy(update={"prediction": each}) for each in predictions]
    odd = report.model_copy(update={"cases": cases})
    times = [name for name, _, _ in scalars(odd) if name.endswith("/time_s")]
    assert len(set(times)) == len(times) == 2
