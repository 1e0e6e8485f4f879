"""Estimators and intervals against closed forms, enumeration and published values."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from rooflink.profiling.evaluation.accuracy import best_at, coverage_at, estimate, majority_at
from rooflink.profiling.records.evaluation import TriedAnswer


def tried(*answers: tuple[str, bool, float]) -> list[TriedAnswer]:
    return [TriedAnswer(answer=a, right=right, score=score) for a, right, score in answers]


SIX = tried(
    ("7", True, 0.2), ("3", False, 0.9), ("7", True, 0.5), ("4", False, 0.5), ("3", False, 0.1),
    ("7", True, 0.7),
)  # fmt: skip


def test_coverage_is_the_closed_form() -> None:
    """3 of 6 right: 1 - C(3, 2) / C(6, 2) = 1 - 3 / 15."""
    assert coverage_at(SIX, 2) == pytest.approx(0.8)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_best_by_score_is_the_mean_over_all_subsets(k: int) -> None:
    """Equal scores, here the two of 0.5, are each as likely to be taken."""
    expected = []
    for subset in combinations(SIX, k):
        top = max(each.score or 0.0 for each in subset)
        best = [each.right for each in subset if each.score == top]
        expected.append(sum(best) / len(best))
    assert best_at(SIX, k) == pytest.approx(float(np.mean(expected)))


def test_majority_of_one_is_one_sample() -> None:
    assert majority_at(SIX, [1]) == pytest.approx([0.5])


def test_a_majority_is_as_right_as_the_verdicts_on_its_answer() -> None:
    """One of ten attempts with the same answer is right: so is one of ten majorities."""
    same = tried(*[("x", n == 0, 0.5) for n in range(10)])
    assert majority_at(same, [1, 3, 10]) == pytest.approx([0.1, 0.1, 0.1])
    assert majority_at(same, [1]) == pytest.approx([coverage_at(same, 1)])


def test_right_or_wrong_has_wilsons_interval() -> None:
    """8 of 10: 0.490 to 0.943 (Wilson 1927; Newcombe 1998)."""
    found = estimate([1.0] * 8 + [0.0] * 2)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.490, 0.943), abs=5e-4)


def test_problems_are_what_the_bootstrap_draws() -> None:
    """The spread is that of problems: the standard error of 40 means, not of 40 x 16 attempts."""
    rates = np.random.default_rng(1).beta(0.5, 0.5, 40)
    found = estimate(rates.tolist())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * rates.std() / 40**0.5, rel=0.1)


def test_a_certain_share_still_has_an_interval() -> None:
    found = estimate([0.5] * 20)
    assert found.low < 0.5 < found.high


def test_the_interval_narrows_with_problems() -> None:
    widths = [(e := estimate([0.0, 1.0] * n)).high - e.low for n in (5, 50, 500)]
    assert all(more > less for more, less in pairwise(widths))
