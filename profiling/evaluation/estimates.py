"""Estimates over problems, with intervals that take each problem as one observation."""

from collections.abc import Sequence

import numpy as np

from ...model.reasoning import majority_at_k, pass_at_k
from ..record.evaluation import Estimate, TriedAnswer
from ..statistics import mean_interval


def estimate(per_problem: Sequence[float]) -> Estimate:
    """The mean of figures from 0 to 1, one a problem (at least one), with a 95 % interval."""
    low, high = mean_interval(per_problem)
    return Estimate(value=float(np.mean(per_problem)), low=low, high=high)


def coverage_at(tried: Sequence[TriedAnswer], k: int) -> float:
    """pass@k of one problem."""
    return pass_at_k(len(tried), sum(each.right for each in tried), k)


def majority_at(tried: Sequence[TriedAnswer], ks: Sequence[int]) -> list[float]:
    """majority@k of one problem, for each k. An answer is right where an attempt with it is."""
    right = {each.answer for each in tried if each.right and each.answer is not None}
    return majority_at_k([each.answer for each in tried], right, ks)


def best_at(tried: Sequence[TriedAnswer], k: int) -> float:
    """Probability that the attempt of the highest score among k of one problem's is right.

    The exact expectation over all subsets of k: with the scores in descending order, the i-th is
    the best of a subset that holds none before it. Equal scores share their places evenly.
    """
    n = len(tried)
    scores = np.array([-np.inf if each.score is None else each.score for each in tried])
    right = np.array([each.right for each in tried], float)
    order = np.argsort(-scores, kind="stable")
    found, without = 0.0, 1.0  # `without`: no attempt before this place is in the subset
    first = 0
    while first < n:
        group = order[first : first + int((scores == scores[order[first]]).sum())]
        last = first + len(group)
        after = _none_of(n, last, k)
        found += (without - after) * float(right[group].mean())
        without, first = after, last
    return found


def _none_of(n: int, places: int, k: int) -> float:
    """C(n - places, k) / C(n, k): a subset of k that holds none of the first `places`."""
    return 1.0 - pass_at_k(n, places, k)
