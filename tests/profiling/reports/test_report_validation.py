"""A validation and a training as tables, documents and charts."""

import io
from pathlib import Path

import pytest
from real_records import real_validation
from rich.console import Console

import rooflink.model.training
from rooflink.model.phases import THINK_AND_ANSWER
from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.files import load_record
from rooflink.profiling.records.training import Training
from rooflink.profiling.records.validation import MeasuredRow
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


def changed(row: int, **changes: object) -> MeasuredRow:
    """A row of the record with `changes`."""
    return real_validation().rows[row].model_copy(update=changes)


def about(median: float) -> Interval:
    return Interval(median=median, low=0.8 * median, high=1.3 * median)


def test_held_out_and_fitted_errors_stand_side_by_side() -> None:
    validation = real_validation()
    rows = {row["regime"]: row for row in rows_of(sections.error_table(validation, "group"))}
    for each in validation.summaries:
        fold = each.fold.replace(" ", "_")
        values = [rows[each.name][f"{fold}_{what}"] for what in ("error", "bias", "inside")]
        assert values == [each.median_absolute_error, each.bias, each.coverage]
        assert rows[each.name]["rows"] == each.rows
    lines = errors_markdown(validation).splitlines()
    (line,) = [line for line in lines if line.startswith("| decode |")]
    assert len(line.strip("|").split("|")) == len(rows["decode"])


def test_rows_carry_measured_predicted_interval_and_error() -> None:
    hit = changed(0, observed=0.02, held_out=about(0.022))
    miss = changed(1, observed=0.002, held_out=about(0.001))
    joules = changed(2, observed=90.0)
    times, energies = sections.rows_tables([hit, miss, joules], "held out")
    assert [column.cells[0] for column in times.columns[3:]] == [
        "20.0 ms", "22.0 ms", "17.6 to 28.6 ms", "+10 %", "yes",
    ]  # fmt: skip
    assert [column.cells[1] for column in times.columns[-2:]] == ["-50 %", "no"]
    assert energies.column("measured").cells == ["90 J"]
    (fitted,) = sections.rows_tables([hit, changed(1, fitted=None)], "fitted")
    assert len(fitted.rows) == 1


def test_of_many_rows_a_terminal_shows_the_worst() -> None:
    rows = [
        changed(0, id=f"mine.csv:{i}", observed=1.0, held_out=about(1.0 + i / 100))
        for i in range(50)
    ]
    many = real_validation().model_copy(update={"rows": rows})
    (table,) = [t for t in sections.validation_summary(many).tables() if "worst" in t.key]
    assert list(table.column("row").values) == [
        f"mine.csv:{i}" for i in range(49, 49 - sections.WORST, -1)
    ]
    few = sections.validation_summary(real_validation())
    assert [t.key for t in few.tables() if "worst" in t.key] == []
    reported = {t.key: len(t.rows) for t in sections.validation_document(many).tables()}
    assert reported["rows-held-out-time"] == 50


def test_a_problem_and_a_peer() -> None:
    validation = real_validation()
    worked = rows_of(sections.worked_table(validation))
    assert [row["value"] for row in worked] == [each.value for each in validation.worked]
    assert {row["agrees"] for row in worked} == {"yes"}
    peers = rows_of(sections.peers_table(validation))
    for row, peer in zip(peers, validation.peers, strict=True):
        (by_hand,) = [p for p in validation.peers if (p.tool, p.chip) == ("by hand", peer.chip)]
        if peer is by_hand:
            assert row["decode_1_off"] is None
        else:
            off = peer.decode_1_ms / by_hand.decode_1_ms - 1
            assert row["decode_1_off"] == pytest.approx(off)


def test_the_headline_counts_rows_and_problems() -> None:
    validation = real_validation().model_copy(
        update={"left_out": real_validation().left_out[:1], "worked": real_validation().worked[:1]}
    )
    assert sections.headline(validation) == (
        "4 predictions, 1 row left out. 1 of 1 worked problem solved within their tolerance."
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_terminal_shows_reasons_at_every_width(width: int) -> None:
    lines = shown(sections.validation_summary(real_validation()), width)
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert all(each.reason.split()[-1] in words for each in real_validation().left_out)


def test_what_is_quoted_is_escaped() -> None:
    validation = real_validation().model_copy(update={"rows": [changed(0, model="a <model>")]})
    assert "a &lt;model>" in markdown(sections.validation_document(validation))


def test_a_chart_has_a_point_for_each_row_of_its_unit() -> None:
    rows = real_validation().rows
    chart = measured_chart(rows, "s")
    assert chart
    sets = chart.spec["datasets"]
    assert isinstance(sets, dict)
    points = next(each for each in sets.values() if "regime" in each[0])
    assert [(p["x"], p["y"]) for p in points] == [
        (row.observed, row.held_out.median) for row in rows if row.unit == "s" and row.held_out
    ]
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
    generated = sum(row["share"] for row in spent if row["phase"] in THINK_AND_ANSWER)
    assert generated == pytest.approx(training.cost.share(THINK_AND_ANSWER, "time_s"))
    assert max(map(len, shown(training_summary(training), 80))) <= 80


def test_a_trainings_curve_and_session() -> None:
    training = load_record(Training, RESULTS / "rejection.json")
    rewards = [(s, v) for name, v, s in scalars(training) if name == "training/reward"]
    assert rewards == [(point["step"], point["reward"]) for point in training.curve]
    assert session(training).metrics["cost/time_s"] == training.train_s
