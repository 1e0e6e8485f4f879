"""Compute-optimal choice of a strategy for each level of difficulty and budget of compute.

Snell et al. 2024 (arXiv 2408.03314, section 3): for each level, of all options that the budget
pays for, the one most accurate on one fold of the problems; its accuracy and its compute are
reported on the other fold, and both ways round are averaged.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..records.base import percent
from ..records.evaluation import Baseline, Optimal, OptimalPoint
from .accuracy import AnswerOption

LEAST_PROBLEMS = 4
"""In each fold of a level, without which there is nothing to choose by."""

ALL = "all"

WANTED_TIMES = 4.0
"""The headline of Snell et al. 2024."""


def compute_optimal(
    options: Sequence[AnswerOption], levels: Sequence[int | None]
) -> Optimal | None:
    """The choice over `options`, whose questions have these `levels`, at the cost of each option.

    None where there are no two options, or too few problems to choose on one half of them.
    """
    bins = bins_of(levels)
    if len(options) < 2 or len(levels) < 2 * LEAST_PROBLEMS:
        return None
    folds = _folds(bins)
    right = np.stack([option.right for option in options])  # [O, Q]
    flops = np.stack([option.flops for option in options])
    budgets = sorted({float(mean_flops) for mean_flops in flops.mean(axis=1)})
    points = [_point(options, right, flops, bins, folds, budget) for budget in budgets]
    reachable = [point for point in points if point is not None]
    kept = reachable[:1] + [
        now for before, now in pairwise(reachable) if now.chosen != before.chosen
    ]
    baselines = [_baseline(option, kept) for option in options if option.family == "best"]
    baselines += [_baseline(o, kept) for o in options if o.label.startswith("best-of-n")]
    several = len(set(bins.tolist())) > 1
    return Optimal(
        difficulty="levels of the task" if several else "one level, all problems together",
        points=kept,
        baselines=baselines,
        said=_verdict(baselines),
    )


def bins_of(levels: Sequence[int | None]) -> np.ndarray:
    """[Q] each problem's bin in words, easiest first: levels '2', or neighbours '2-3' where one by
    itself has too few problems; 'all' where a problem has no level."""
    if any(level is None for level in levels):
        return np.array([ALL] * len(levels))
    values = np.array(levels)
    groups: list[list[int]] = [[]]
    for level in sorted(set(values.tolist())):
        if np.isin(values, groups[-1]).sum() >= 2 * LEAST_PROBLEMS:
            groups.append([])
        groups[-1].append(level)
    if len(groups) > 1 and np.isin(values, groups[-1]).sum() < 2 * LEAST_PROBLEMS:
        groups[-2:] = [groups[-2] + groups[-1]]
    result = np.empty(len(values), object)
    for group in groups:
        name = str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}"
        result[np.isin(values, group)] = name
    return result


def _folds(bins: np.ndarray) -> np.ndarray:
    """0 and 1 in turn within each level."""
    folds = np.zeros(len(bins), int)
    for level in set(bins.tolist()):
        same = bins == level
        folds[same] = np.arange(same.sum()) % 2
    return folds


def _point(
    options: Sequence[AnswerOption],
    right: np.ndarray,
    flops: np.ndarray,
    bins: np.ndarray,
    folds: np.ndarray,
    budget: float,
) -> OptimalPoint | None:
    """None where no option is within the budget for some level."""
    got, spent = np.zeros(len(bins)), np.zeros(len(bins))
    chosen: dict[str, list[str]] = {}
    for level in sorted(set(bins.tolist()), key=_easiest):
        for fold in (0, 1):
            seen, unseen = (bins == level) & (folds == fold), (bins == level) & (folds != fold)
            costs = flops[:, seen].mean(axis=1)
            within = np.flatnonzero(costs <= budget * (1 + 1e-9)).tolist()
            if not within:
                return None
            accuracy = right[:, seen].mean(axis=1)
            best = max(within, key=lambda o: (round(float(accuracy[o]), 9), -costs[o]))
            got[unseen], spent[unseen] = right[best, unseen], flops[best, unseen]
            chosen.setdefault(level, []).append(options[best].label)
    return OptimalPoint(
        budget_flops=budget, flops=float(spent.mean()), accuracy=float(got.mean()), chosen=chosen
    )


def _easiest(name: str) -> int:
    """A bin's easiest level."""
    return -1 if name == ALL else int(name.partition("-")[0])


def _baseline(option: AnswerOption, points: Sequence[OptimalPoint]) -> Baseline:
    accuracy = float(option.right.mean())
    reached = [point.flops for point in points if point.accuracy >= accuracy - 1e-9]
    return Baseline(
        label=option.label,
        flops=float(option.flops.mean()),
        accuracy=accuracy,
        reached_flops=min(reached, default=None),
    )


def _verdict(baselines: Sequence[Baseline]) -> str:
    """Against the most accurate best of N, the cheapest of equally accurate ones."""
    if not baselines:
        return "There is no best of N here to compare with: add --attempts or best-of-n."
    top = max(baselines, key=lambda baseline: (round(baseline.accuracy, 9), -baseline.flops))
    times = top.times_less
    if times is None:
        return (
            f"The choice made on one half of the problems never reached the "
            f"{percent(top.accuracy, 1)} of '{top.label}' on the other."
        )
    verdict = "at least" if times >= WANTED_TIMES else "less than"
    return (
        f"Chosen on one half of the problems and measured on the other, the choice reached the "
        f"{percent(top.accuracy, 1)} of '{top.label}' with {times:.1f} times less compute: "
        f"{verdict} the {WANTED_TIMES:.0f} times of Snell et al. 2024."
    )
