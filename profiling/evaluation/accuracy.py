"""Accuracy and its cost: of k attempts for each k, of every option on a frontier, on each slice.

Intervals take each problem as one observation. An option is a way to answer: a cell is one; where
it has several attempts per question, so are the majority and the best by score of k of them, whose
FLOPs are exactly linear in k beyond the prompt's.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...model.phases import PREFILL
from ...model.strategies.voting import majority_at_k, pass_at_k
from ..outcome import mean_interval
from ..predicted.economics import per_correct
from ..records import Amounts, Interval, Prediction
from ..records.evaluation import (
    AttemptsPoint,
    Cell,
    CostKind,
    Estimate,
    Frontier,
    Option,
    QuestionResult,
    SliceCost,
    TriedAnswer,
)


def estimate(per_problem: Sequence[float]) -> Estimate:
    """The mean of figures from 0 to 1, one a problem (at least one), with a 95 % interval."""
    low, high = mean_interval(per_problem)
    return Estimate(value=float(np.mean(per_problem)), low=low, high=high)


def coverage_at(tried: Sequence[TriedAnswer], k: int) -> float:
    """pass@k of one problem."""
    return pass_at_k(len(tried), sum(attempt.right for attempt in tried), k)


def majority_at(tried: Sequence[TriedAnswer], ks: Sequence[int]) -> list[float]:
    """majority@k of one problem, for each k. An answer is as right as attempts with it."""
    verdicts: defaultdict[str, list[bool]] = defaultdict(list)
    for attempt in tried:
        if attempt.answer is not None:
            verdicts[attempt.answer].append(attempt.right)
    right = {answer: sum(of) / len(of) for answer, of in verdicts.items() if any(of)}
    return majority_at_k([attempt.answer for attempt in tried], right, ks)


def best_at(tried: Sequence[TriedAnswer], k: int) -> float:
    """Probability that the attempt of the highest score among k of one problem's is right.

    The exact expectation over all subsets of k: with the scores in descending order, the i-th is
    the best of a subset that holds none before it. Equal scores share their places evenly.
    """
    n = len(tried)
    scores = np.array([-np.inf if attempt.score is None else attempt.score for attempt in tried])
    right = np.array([attempt.right for attempt in tried], float)
    order = np.argsort(-scores, kind="stable")
    result, without = 0.0, 1.0  # `without`: no attempt before this place is in the subset
    first = 0
    while first < n:
        group = order[first : first + int((scores == scores[order[first]]).sum())]
        last = first + len(group)
        after = 1.0 - pass_at_k(n, last, k)  # C(n - last, k) / C(n, k)
        result += (without - after) * float(right[group].mean())
        without, first = after, last
    return result


def attempts_of(questions: Sequence[QuestionResult]) -> int:
    """Attempts that every question has."""
    return min((len(question.tried) for question in questions), default=0)


def usable(ks: Sequence[int], questions: Sequence[QuestionResult]) -> list[int]:
    """Those of `ks` that no question has too few attempts for."""
    return [k for k in ks if k <= attempts_of(questions)]


def accuracy_points(questions: Sequence[QuestionResult], ks: Sequence[int]) -> list[AttemptsPoint]:
    """Coverage, majority and best by score at each of `ks`; costs are still to be filled in.

    A majority needs answers, and the best by score needs scores, of some attempt at least.
    """
    everyone = [question.tried for question in questions]
    answered = any(attempt.answer is not None for tried in everyone for attempt in tried)
    scored = any(attempt.score is not None for tried in everyone for attempt in tried)
    votes = [majority_at(tried, ks) for tried in everyone] if answered and ks else []
    no_costs = dict.fromkeys(("tokens", "flops", "hbm_bytes", "usd"))
    return [
        AttemptsPoint(
            k=k,
            coverage=estimate([coverage_at(tried, k) for tried in everyone]),
            majority=estimate([vote[i] for vote in votes]) if answered else None,
            best=estimate([best_at(tried, k) for tried in everyone]) if scored else None,
            **no_costs,
            slices=[],
        )
        for i, k in enumerate(ks)
    ]


def by_level(questions: Sequence[QuestionResult]) -> dict[str, Estimate]:
    """Accuracy for each level; empty where all problems are of one."""
    levels = sorted({q.level for q in questions if q.level is not None})
    if len(levels) < 2:
        return {}
    return {
        str(level): estimate([float(q.right) for q in questions if q.level == level])
        for level in levels
    }


Family = Literal["cell", "majority", "best"]
PROMPT_PHASE = PREFILL


@dataclass(frozen=True)
class AnswerOption:
    """A way to answer: how likely it is right, and its FLOPs, for each question [Q]."""

    label: str
    family: Family
    right: np.ndarray
    flops: np.ndarray
    cell: Cell
    k: int | None  # attempts; None: as the cell ran


def options_of(cells: Sequence[Cell]) -> list[AnswerOption]:
    """All options of the cells whose FLOPs are known."""
    options = []
    for cell in cells:
        if any(question.ledger is None for question in cell.questions):
            continue
        right = np.array([float(question.right) for question in cell.questions])
        flops = np.array([_flops(question) for question in cell.questions])
        options.append(AnswerOption(cell.label, "cell", right, flops, cell, None))
        options += _of_attempts(cell)
    return options


def _of_attempts(cell: Cell) -> list[AnswerOption]:
    """Votes and bests over k attempts; k = 1 is one sample, whichever of them."""
    ks = [point.k for point in cell.attempts]
    everyone = [question.tried for question in cell.questions]
    votes = np.array([majority_at(tried, ks) for tried in everyone]) if ks else np.empty((0, 0))
    options = []
    for i, (k, point) in enumerate(zip(ks, cell.attempts, strict=True)):
        flops = np.array([_flops(question, k) for question in cell.questions])
        budget = "" if cell.budget is None else f" @{cell.budget}"
        if point.majority is not None and k > 2:
            options.append(
                AnswerOption(f"majority of {k}{budget}", "majority", votes[:, i], flops, cell, k)
            )
        if point.best is not None:
            best = np.array([best_at(tried, k) for tried in everyone])
            name = f"best of {k}{budget}" if k > 1 else f"one sample{budget}"
            options.append(AnswerOption(name, "best", best, flops, cell, k))
    return options


def _flops(question: QuestionResult, k: int | None = None) -> float:
    """Of the question as it ran, or expected with `k` of its attempts."""
    assert question.ledger is not None
    share = 1.0 if k is None else k / len(question.tried)
    return sum(
        entry.flops * (1.0 if entry.phase == PROMPT_PHASE else share)
        for entry in question.ledger.entries
    )


def frontiers(options: Sequence[AnswerOption], slices: Sequence[str]) -> list[Frontier]:
    """By counted FLOPs a query, then by predicted dollars on each of `slices` that has a price."""
    frontiers = []
    if options:
        frontiers.append(_frontier("flops", None, [(o, float(o.flops.mean())) for o in options]))
    for name in slices:
        priced = [(o, usd) for o in options if (usd := _usd(o.cell, o.k, name)) is not None]
        if priced:
            frontiers.append(_frontier("usd", name, priced))
    return frontiers


def _usd(cell: Cell, k: int | None, name: str) -> float | None:
    costs = cell.slices
    if k is not None:
        costs = next(point.slices for point in cell.attempts if point.k == k)
    for cost in costs:
        if cost.slice == name and cost.amounts.usd is not None:
            return cost.amounts.usd.median
    return None


def _frontier(
    kind: CostKind, name: str | None, priced: Sequence[tuple[AnswerOption, float]]
) -> Frontier:
    """Cheapest first; of equally cheap ones the most accurate first."""
    rows = [(option, cost, estimate(option.right.tolist())) for option, cost in priced]
    rows.sort(key=lambda row: (row[1], -row[2].value))
    best, last_cost = -1.0, 0.0
    options = []
    for option, cost, right in rows:
        on = right.value > best
        gained = None
        if on:
            if best >= 0 and cost > last_cost:
                gained = 100 * (right.value - best) / (cost - last_cost)
            best, last_cost = right.value, cost
        figures = {"accuracy": right.value, "low": right.low, "high": right.high}
        options.append(
            Option(label=option.label, cost=cost, **figures, on_frontier=on, points_per_cost=gained)
        )
    return Frontier(kind=kind, slice=name, options=options)


def slice_cost(prediction: Prediction, queries: int, share: float, problems: int) -> SliceCost:
    """Of one of the `queries` that `prediction` is of, and of a correct answer, where the `share`
    that is right was seen on so many `problems`."""
    assert prediction.economics is not None
    time_s = prediction.time_s * (1 / queries)
    amounts = _amounts(prediction.economics.whole, lambda whole: whole * (1 / queries))
    right = _amounts(amounts, lambda cost: per_correct(cost, share, problems))
    return SliceCost(
        slice=prediction.slice,
        chip=prediction.chip,
        chips=prediction.chips,
        time_s=time_s,
        amounts=amounts,
        per_correct_s=per_correct(time_s, share, problems),
        per_correct=right if share else None,
    )


def _amounts(amounts: Amounts, change: Callable[[Interval], Interval | None]) -> Amounts:
    def changed(interval: Interval | None) -> Interval | None:
        return change(interval) if interval else None

    return Amounts(
        usd=changed(amounts.usd), wall_j=changed(amounts.wall_j), gco2e=changed(amounts.gco2e)
    )
