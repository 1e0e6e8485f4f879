"""An evaluation as tables, a document, charts and events, from what real commands wrote."""

import io

import pytest
from real_records import real_evaluation
from rich.console import Console

from rooflink.profiling.records.evaluation import Cell, Estimate, Evaluation
from rooflink.profiling.reports.charts.evaluation_charts import (
    attempts_chart,
    budget_chart,
    frontier_chart,
)
from rooflink.profiling.reports.estimates import accuracy_text, guessed
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.html import html
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.renderers.vega import svg
from rooflink.profiling.reports.sections import evaluation_scalars
from rooflink.profiling.reports.sections import evaluation_tables as tables
from rooflink.profiling.reports.sections.evaluation_document import (
    evaluation_cell,
    evaluation_document,
    evaluation_summary,
)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return real_evaluation()


def sampled(evaluation: Evaluation) -> Cell:
    return next(cell for cell in evaluation.cells if len(cell.attempts) > 1)


def test_accuracy_in_words() -> None:
    assert accuracy_text(Estimate(value=0.825, low=0.681, high=0.913)) == "82.5 % (68.1 to 91.3 %)"
    assert guessed(0.1, 2) == pytest.approx(0.19)


def test_a_strategys_row_is_the_records(evaluation: Evaluation) -> None:
    rows = rows_of(tables.cells_table(evaluation))
    for row, cell in zip(rows, evaluation.cells, strict=True):
        assert (row["way"], row["budget_tokens"]) == (cell.label, cell.budget)
        assert (row["right"], row["right_low"]) == (cell.accuracy.value, cell.accuracy.low)
        assert row["flops"] * len(cell.questions) == pytest.approx(
            sum(phase.counted.flops for phase in cell.phases)
        )


def test_a_correct_answer_costs_a_query_over_the_accuracy(evaluation: Evaluation) -> None:
    rows = rows_of(tables.costs_table(evaluation))
    assert len(rows) == sum(len(cell.slices) for cell in evaluation.cells)
    for row in rows:
        if row["right"]:
            assert row["correct_usd"] == pytest.approx(row["query_usd"] / row["right"])
            assert row["correct_low_usd"] <= row["correct_usd"] <= row["correct_high_usd"]
        else:
            assert row["correct_usd"] is None
    shown = tables.costs_table(evaluation).column("time per correct answer").cells
    assert shown.count(tables.NONE_RIGHT) == sum(1 for row in rows if not row["right"]) > 0


def test_all_attempts_are_one_table_with_its_strategies(evaluation: Evaluation) -> None:
    table = tables.attempts_table(evaluation)
    several = [cell for cell in evaluation.cells if len(cell.attempts) > 1]
    points = [(cell.label, p) for cell in several for p in cell.attempts]
    assert 0 < len(several) < len(evaluation.cells)
    assert list(table.column("strategy").values) == [label for label, _ in points]
    assert list(table.column("k").values) == [point.k for _, point in points]
    rate = evaluation.guess_rate
    assert rate is not None
    assert table.column("guesses").values[-1] == guessed(rate, points[-1][1].k)
    without = evaluation.model_copy(update={"guess_rate": None})
    titles = [column.title for column in tables.attempts_table(without).shown]
    assert "any of k random guesses" not in titles


def test_the_ledger_adds_up_to_the_mean_of_all_questions(evaluation: Evaluation) -> None:
    rows = rows_of(tables.ledger_table(evaluation))
    for cell in evaluation.cells:
        ledgers = [question.ledger for question in cell.questions if question.ledger]
        spent = [row for row in rows if row["way"] == cell.label and row["flops"] >= 0]
        mean = sum(ledger.flops for ledger in ledgers) / len(ledgers)
        assert sum(row["flops"] for row in spent) == pytest.approx(mean)
    saved = [row for row in rows if row["phase"] == "saved by sharing the prompt"]
    assert saved
    assert all(row["tokens"] < 0 and row["hbm_bytes"] < 0 for row in saved)


def test_only_the_frontier_is_shown_and_all_options_are_kept(evaluation: Evaluation) -> None:
    frontier = evaluation.frontiers[0]
    best = [option.label for option in frontier.options if option.on_frontier]
    assert list(tables.frontier_table(frontier).column("option").values) == best
    rows = rows_of(tables.options_table(evaluation.frontiers))
    assert {row["cost_in"] for row in rows} == {"flops", "usd"}
    assert [row["way"] for row in rows if row["on_frontier"]][: len(best)] == best


def test_a_terminal_shows_the_most_accurate_baselines(evaluation: Evaluation) -> None:
    assert evaluation.optimal
    every = evaluation.optimal.baselines
    shown = tables.baseline_table(evaluation, 2).column("right").values
    assert sorted(shown, key=str)[-1] == max(baseline.accuracy for baseline in every)
    assert len(shown) == 2 < len(every)


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_a_terminal(evaluation: Evaluation, width: int) -> None:
    out = io.StringIO()
    show(evaluation_summary(evaluation), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < 110


def test_documents_hold_every_table_once(evaluation: Evaluation) -> None:
    keys = [table.key for table in evaluation_document(evaluation).tables()]
    assert len(keys) == len(set(keys))
    assert {"strategies", "costs", "attempts", "optimal", "baselines", "ledger", "phases"} <= {
        *keys
    }
    in_cell = {table.key for table in evaluation_cell(evaluation).tables()}
    assert in_cell == {*keys}


def test_charts_are_where_there_is_something_to_draw(evaluation: Evaluation) -> None:
    names = {chart.name for chart in evaluation_document(evaluation).charts()}
    assert names == {
        "budget", "frontier-flops", "frontier-v5e-1x1", "frontier-v5p-1x1x1",
        "attempts-sample-n-4-2", "attempts-sample-n-4-6",
    }  # fmt: skip
    assert budget_chart(evaluation.model_copy(update={"cells": evaluation.cells[:1]})) is None
    one = sampled(evaluation).model_copy(update={"attempts": []})
    assert attempts_chart(one, 0.1) is None
    frontier = evaluation.frontiers[0]
    alone = frontier.model_copy(update={"options": frontier.options[:1]})
    assert frontier_chart(alone, None) is None


def test_curves_differ_in_more_than_colour(evaluation: Evaluation) -> None:
    chart = attempts_chart(sampled(evaluation), evaluation.guess_rate)
    assert chart
    drawn = svg(chart)
    for word in ("pass@k", "majority@k", "best of k by score", "k random guesses"):
        assert f">{word}<" in drawn
    layers = chart.spec["layer"]
    assert isinstance(layers, list)
    for layer, channel in ((layers[1], "strokeDash"), (layers[2], "shape")):
        scale = layer["encoding"][channel]["scale"]
        assert len({str(look) for look in scale["range"]}) == 3


def test_scalars_have_attempts_as_their_step(evaluation: Evaluation) -> None:
    cell = sampled(evaluation)
    found = list(evaluation_scalars.scalars(evaluation))
    passes = {s: v for name, v, s in found if name == "attempts/sample_n_4_2/pass"}
    assert passes == {point.k: point.coverage.value for point in cell.attempts}
    budgets = {s for name, _, s in found if name == "outcome/greedy/right"}
    assert budgets == {2, 6}
    assert set(evaluation_scalars.charts(evaluation)) == {
        "budget", "frontier/flops", "frontier/usd_v5e_1x1", "frontier/usd_v5p_1x1x1",
        "attempts/sample_n_4_2", "attempts/sample_n_4_6",
    }  # fmt: skip


def test_text_of_a_log_is_never_markup(evaluation: Evaluation) -> None:
    cells = [cell.model_copy(update={"strategy": "<b>bold</b>"}) for cell in evaluation.cells]
    page = html(evaluation_document(evaluation.model_copy(update={"cells": cells})), {})
    assert "<b>bold" not in page
