"""Errors summed up, tests of agreement worked by hand, and comparisons with published errors."""

import math

import pytest

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.validation import MeasuredRow
from rooflink.profiling.validation.agreement import (
    agreements,
    compared,
    equivalence_p,
    summaries,
)


def about(median: float) -> Interval:
    return Interval(median=median, low=0.8 * median, high=1.25 * median)


def row(observed: float, predicted: float, **changes: object) -> MeasuredRow:
    plain = MeasuredRow(
        id="a.csv:1", source="a source", reliability="A", stack="vLLM", group="decode",
        model="a model", chip="TPU v5e", slice="v5e-1", unit="s", note="", observed=observed,
        fitted=None, held_out=about(predicted), system_held_out=None, stack_held_out=None,
        unseen=None, output_tokens=None, overfull=False, basis="seven rows",
    )  # fmt: skip
    return plain.model_copy(update=changes)


def test_two_one_sided_tests_by_hand() -> None:
    """Mean 0, standard deviation 0.02 of four: t = log(1.1) / (0.02 / 2) = 9.531 either way, of
    which Student's t with 3 degrees of freedom exceeds 0.00122; closed form of its tail."""
    values = [0.02 * x for x in (-math.sqrt(1.5), 0.0, 0.0, math.sqrt(1.5))]
    t = math.log(1.1) / 0.01
    tail = 0.5 - (math.atan(t / math.sqrt(3)) + (t / math.sqrt(3)) / (1 + t**2 / 3)) / math.pi
    assert equivalence_p(values) == pytest.approx(tail)
    assert tail == pytest.approx(0.00122, abs=1e-5)


def test_what_is_off_by_a_fifth_or_scattered_is_not_equivalent() -> None:
    off = [math.log(1.2) + 0.01 * x for x in (-1, 0, 1)]
    assert (equivalence_p(off) or 0) > 0.95
    assert (equivalence_p([-1.0, 1.0, -0.8, 0.8]) or 0) > 0.05
    assert equivalence_p([0.0]) is None
    assert equivalence_p([0.01, 0.01]) == 0.0
    assert equivalence_p([0.2, 0.2]) == 1.0


def test_a_model_of_many_rows_is_one_witness() -> None:
    """Ratios 1.1 of one model's two rows and 1 / 1.1 of another's one: as a whole none."""
    rows = [row(1.0, 1.1), row(2.0, 2.2), row(1.1, 1.0, model="another")]
    (found,) = agreements(rows)
    assert (found.units, found.rows) == (2, 3)
    assert found.mean_ratio == pytest.approx(1.0)
    assert not found.equivalent


def test_the_distance_between_what_was_predicted_and_measured() -> None:
    """Of four predictions two lie above all measurements, and none below."""
    rows = [row(o, p) for o, p in ((1.0, 1.0), (2.0, 2.0), (3.0, 8.0), (4.0, 9.0))]
    (found,) = agreements(rows)
    assert found.ks_distance == 0.5


def test_a_group_of_one_row_is_no_evidence_either_way() -> None:
    (found,) = agreements([row(1.0, 1.1)])
    assert (found.ks_distance, found.ks_p, found.tost_p) == (1.0, 1.0, None)


def test_coverage_and_error_of_each_fold_by_hand() -> None:
    rows = [
        row(1.0, 1.1, fitted=about(1.0), system_held_out=about(2.0), stack_held_out=about(0.5)),
        row(1.0, 1.5, fitted=about(0.9), system_held_out=about(1.0), stack_held_out=about(0.5)),
    ]
    found = {each.fold: each for each in summaries(rows) if each.by == "group"}
    errors = {fold: each.median_absolute_error for fold, each in found.items()}
    assert errors == pytest.approx(
        {"held out": 0.3, "system held out": 0.5, "stack held out": 0.5, "fitted": 0.05}
    )
    coverage = {fold: each.coverage for fold, each in found.items()}
    assert coverage == {
        "held out": 0.5, "system held out": 0.5, "stack held out": 0.0, "fitted": 1.0,
    }  # fmt: skip


def test_long_answers_and_requests_beyond_memory_are_apart() -> None:
    rows = [
        row(1.0, 1.1, output_tokens=512.0),
        row(1.0, 1.2, output_tokens=8000.0),
        row(1.0, 9.0, output_tokens=512.0, overfull=True),
        row(1.0, 1.3),
    ]
    found = {(each.by, each.name): each for each in summaries(rows)}
    assert found["group", "decode"].rows == 3
    assert found["group", "decode, beyond memory"].median_absolute_error == pytest.approx(8.0)
    assert {name for by, name in found if by == "length"} == {
        "decode, answers of 8k tokens or more", "decode, answers of below 8k tokens",
        "decode, beyond memory, answers of below 8k tokens",
    }  # fmt: skip


@pytest.mark.parametrize(("predicted", "within"), [(1.24, True), (1.26, False)])
def test_rows_that_no_fit_saw_are_held_to_a_quarter_more(predicted: float, within: bool) -> None:
    """Published: 20 % without the system. Of the new rows' way alone the error counts."""
    seen = [row(1.0, 1.01, system_held_out=about(1.2), fitted=about(1.0))]
    new = [row(1.0, predicted, unseen="system"), row(1.0, 5.0, unseen="stack")]
    of_stack, of_system = sorted(compared(new, summaries(seen)), key=lambda each: each.unseen)
    assert of_system.published_error == pytest.approx(0.2)
    assert of_system.within_a_quarter is within
    assert (of_stack.published_error, of_stack.within_a_quarter) == (None, None)
    assert compared(seen, summaries(seen)) == []
