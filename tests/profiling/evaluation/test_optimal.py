"""Frontier and compute-optimal choice on options whose best is known."""

import numpy as np
import pytest
from real_records import real_evaluation

from rooflink.profiling.evaluation.accuracy import AnswerOption, Family, frontiers
from rooflink.profiling.evaluation.compute_optimal import bins_of, compute_optimal

LEVELS = [1] * 10 + [2] * 10
CELL = real_evaluation().cells[0]  # of which a log says no costs


def option(
    label: str, easy: float, hard: float, flops: float, kind: Family = "best"
) -> AnswerOption:
    right = np.array([easy] * 10 + [hard] * 10)
    return AnswerOption(label, kind, right, np.full(20, flops), CELL, None)


CHEAP = option("cheap", 1.0, 0.0, 1.0, "cell")
DEAR = option("best of 8", 1.0, 1.0, 8.0)
WASTE = option("waste", 0.5, 0.5, 8.0, "cell")


def test_the_choice_spends_where_it_helps() -> None:
    """Easy problems cost 1 and hard ones 8: 4.5 in the mean for what 8 buys everywhere."""
    found = compute_optimal([CHEAP, DEAR, WASTE], LEVELS)
    assert found is not None
    first, last = found.points
    assert (first.accuracy, first.flops) == (0.5, 1.0)
    assert (last.accuracy, last.flops) == (1.0, 4.5)
    assert last.chosen == {"1": ["cheap", "cheap"], "2": ["best of 8", "best of 8"]}
    (baseline,) = found.baselines
    assert baseline.times_less == pytest.approx(8 / 4.5)
    assert "1.8 times less compute: less than the 4 times" in found.said


def test_the_choice_is_judged_on_the_other_half() -> None:
    """An option that is right on the even problems alone looks perfect on one half of them; what
    is reported is the half where it fails."""
    lucky = AnswerOption("lucky", "cell", np.tile([1.0, 0.0], 10), np.full(20, 8.0), CELL, None)
    found = compute_optimal([option("steady", 0.6, 0.6, 8.0), lucky], LEVELS)
    assert found is not None
    (point,) = found.points
    assert point.chosen == {"1": ["lucky", "steady"], "2": ["lucky", "steady"]}
    assert point.accuracy == pytest.approx((0.0 + 0.6) / 2)


def test_too_few_problems_give_no_choice() -> None:
    short = [AnswerOption(o.label, o.family, o.right[:4], o.flops[:4], CELL, None)
             for o in (CHEAP, DEAR)]  # fmt: skip
    assert compute_optimal(short, [1] * 4) is None


def test_sparse_levels_are_joined_with_their_neighbours() -> None:
    levels = [2] * 9 + [3] * 3 + [4] * 6 + [5] * 2
    assert dict(zip(levels, bins_of(levels).tolist(), strict=True)) == {
        2: "2", 3: "3-5", 4: "3-5", 5: "3-5",
    }  # fmt: skip
    assert set(bins_of([None, 3]).tolist()) == {"all"}


def test_the_frontier_keeps_what_nothing_cheaper_beats() -> None:
    (found,) = frontiers([DEAR, WASTE, CHEAP], [])
    assert [(o.label, o.on_frontier) for o in found.options] == [
        ("cheap", True), ("best of 8", True), ("waste", False),
    ]  # fmt: skip
    assert found.options[1].points_per_cost == pytest.approx(50 / 7)
