"""A validation and a training as tables, documents and charts."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from sample_validation import sample_row, sample_validation

import rooflink.model.training
from rooflink.profiling.records.files import load_record
from rooflink.profiling.records.training import GENERATION, Training
from rooflink.profiling.reports.charts.validation_charts import measured_chart
from rooflink.profiling.reports.document import Document
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.markdown import markdown
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.renderers.vega import svg
from rooflink.profiling.reports.sections import validation_document as sections
from rooflink.profiling.reports.sections.training_document import (
    cost_table,
    scalars,
    session,
    shares_table,
    training_summary,
)
from rooflink.profiling.reports.write_studies import errors_markdown

RESULTS = Path(rooflink.model.training.__file__).parent / "results"


def shown(document: Document, width: int) -> list[str]:
    out = io.StringIO()
    show(document, Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_held_out_and_fitted_errors_stand_side_by_side() -> None:
    (row,) = rows_of(sections.error_table(sample_validation(), "group"))
    assert row == {
        "regime": "decode",
        "held_out_rows": 2, "held_out_error": 0.3, "held_out_bias": -0.2,
        "held_out_in_interval": 0.5,
        "fitted_rows": 1, "fitted_error": 0.05, "fitted_bias": 0.05, "fitted_in_interval": 1.0,
    }  # fmt: skip
    line = "| decode | 2 | 30 % | -20 % | 50 % | 1 | 5.0 % | +5.0 % | 100 % |"
    assert line in errors_markdown(sample_validation()).splitlines()


def test_rows_carry_measured_predicted_interval_and_error() -> None:
    times, energies = sections.rows_tables(sample_validation().rows, "held out")
    assert [column.cells[0] for column in times.columns[3:]] == [
        "20.0 ms", "22.0 ms", "17.6 to 28.6 ms", "+10 %", "yes",
    ]  # fmt: skip
    assert [column.cells[1] for column in times.columns[-2:]] == ["-50 %", "no"]
    assert energies.column("measured").cells == ["90 J"]
    (fitted,) = sections.rows_tables(sample_validation().rows, "fitted")
    assert len(fitted.rows) == 1


def test_of_many_rows_a_terminal_shows_the_worst() -> None:
    rows = [sample_row(f"mine.csv:{i}", 1.0, 1.0 + i / 100) for i in range(50)]
    many = sample_validation().model_copy(update={"rows": rows})
    (table,) = [t for t in sections.validation_summary(many).tables() if "worst" in t.key]
    assert list(table.column("row").values) == [
        f"mine.csv:{i}" for i in range(49, 49 - sections.WORST, -1)
    ]
    few = sections.validation_summary(sample_validation())
    assert [t.key for t in few.tables() if "worst" in t.key] == []
    reported = {t.key: len(t.rows) for t in sections.validation_document(many).tables()}
    assert reported["rows-held-out-time"] == 50


def test_a_problem_and_a_peer() -> None:
    (worked,) = rows_of(sections.worked_table(sample_validation()))
    assert worked["value"] == 10.1
    assert worked["agrees"] == "yes"
    by_hand, ours = rows_of(sections.peers_table(sample_validation()))
    assert by_hand["decode_1_off"] is None
    assert ours["decode_1_off"] == pytest.approx(18.66 / 18.65 - 1)


def test_the_headline_counts_rows_and_problems() -> None:
    assert sections.headline(sample_validation()) == (
        "3 predictions, 1 row left out. 1 of 1 worked problem solved within their tolerance."
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_terminal_shows_reasons_at_every_width(width: int) -> None:
    lines = shown(sections.validation_summary(sample_validation()), width)
    assert max(map(len, lines)) <= width
    assert "no chip file for X" in " ".join(lines)
    assert "22.0 ms" in " ".join(lines)


def test_what_is_quoted_is_escaped() -> None:
    assert "a &lt;model>" in markdown(sections.validation_document(sample_validation()))


def test_a_chart_has_a_point_for_each_row_of_its_unit() -> None:
    chart = measured_chart(sample_validation().rows, "s")
    assert chart
    sets = chart.spec["datasets"]
    assert isinstance(sets, dict)
    points = next(rows for rows in sets.values() if "regime" in rows[0])
    assert [(p["x"], p["y"]) for p in points] == [(0.02, 0.022), (0.002, 0.001)]
    assert svg(chart).startswith("<svg")
    assert measured_chart([], "s") is None


def test_a_training_says_what_it_changed_and_spent() -> None:
    training = load_record(Training, RESULTS / "grpo_cost.json")
    shares = rows_of(shares_table(training))
    assert [row["what"] for row in shares] == [share.what for share in training.after]
    assert shares[0]["after"] == training.after[0].right / training.after[0].problems
    assert training.cost
    spent = rows_of(cost_table(training.cost))
    assert sum(row["share"] for row in spent) == pytest.approx(1)
    generated = sum(row["share"] for row in spent if row["phase"] in GENERATION)
    assert generated == pytest.approx(training.cost.share(GENERATION, "time_s"))
    assert max(map(len, shown(training_summary(training), 80))) <= 80


def test_a_trainings_curve_and_session() -> None:
    training = load_record(Training, RESULTS / "rejection.json")
    rewards = [(s, v) for name, v, s in scalars(training) if name == "training/reward"]
    assert rewards == [(point["step"], point["reward"]) for point in training.curve]
    assert session(training).metrics["cost/time_s"] == training.train_s
