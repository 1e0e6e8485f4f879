"""Accuracy and its cost: of k attempts for each k, of every option on a frontier, on each slice.

Intervals take each problem as one observation. An option is a way to answer: a cell is one; where
it has several attempts per question, so are the majority and the best by score of k of them, whose
FLOPs are exactly linear in k beyond the prompt's.
"""

import math
from collections import Counter, defaultdict
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
from ..records.lever_study import Z95, PairedDifference


def estimate(per_problem: Sequence[float]) -> Estimate:
    """The mean of figures from 0 to 1, one a problem (at least one), with a 95 % interval."""
    low, high = mean_interval(per_problem)
    return Estimate(value=float(np.mean(per_problem)), low=low, high=high)


def paired(base: Sequence[QuestionResult], other: Sequence[QuestionResult]) -> PairedDifference:
    """How much more often `other` is right than `base`, on the same problems.

    The interval is Wald's with half a problem added to each of the four outcomes (Agresti & Min
    2005, Statistics in Medicine 24, 729), the test McNemar's, exact: among the problems that one
    alone has right, each is as likely to. Raises ValueError for other numbers of problems.
    """
    from scipy.stats import binomtest  # takes a while to import

    pairs = [(one.right, two.right) for one, two in zip(base, other, strict=True)]
    lost, gained = pairs.count((True, False)), pairs.count((False, True))
    n, both = len(pairs), lost + gained
    centre = (gained - lost) / (n + 2)
    half = Z95 / (n + 2) * math.sqrt(both + 1 - (gained - lost) ** 2 / (n + 2))
    return PairedDifference(
        value=(gained - lost) / n,
        low=max(centre - half, -1.0),
        high=min(centre + half, 1.0),
        lost=lost,
        gained=gained,
        p_value=max(float(binomtest(lost, both).pvalue), LEAST_P) if both else 1.0,
        answers_changed=sum(a.answer != b.answer for a, b in zip(base, other, strict=True)),
    )


LEAST_P = 1e-9
"""A smaller probability tells no more, and no record holds what is below 1e-50."""


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
    """A way to answer: how likely it is right, and its FLOPs, for each question [Q]; of a log's,
    which says no FLOPs, NaN."""

    label: str
    family: Family
    right: np.ndarray
    flops: np.ndarray
    cell: Cell
    k: int | None  # attempts; None: as the cell ran


def options_of(cells: Sequence[Cell]) -> list[AnswerOption]:
    """All options of the cells. A log's cell is its first attempts at the cost of all of them: it
    is an option only where nothing is known of fewer attempts. Where several cells of a budget
    have attempts, each option names its strategy."""
    options = []
    budgets = Counter(cell.budget for cell in cells if cell.attempts)
    for cell in cells:
        right = np.array([float(question.right) for question in cell.questions])
        whole = AnswerOption(cell.label, "cell", right, _flops(cell), cell, None)
        fewer = _of_attempts(cell, f" ({cell.strategy})" if budgets[cell.budget] > 1 else "")
        options += fewer if fewer and np.isnan(whole.flops).any() else [whole, *fewer]
    return options


def _of_attempts(cell: Cell, whose: str) -> list[AnswerOption]:
    """Votes and bests over k attempts, `whose` behind their labels; k = 1 is one sample, whichever
    of them."""
    ks = [point.k for point in cell.attempts]
    everyone = [question.tried for question in cell.questions]
    votes = np.array([majority_at(tried, ks) for tried in everyone]) if ks else np.empty((0, 0))
    options = []
    for i, (k, point) in enumerate(zip(ks, cell.attempts, strict=True)):
        flops = _flops(cell, k)
        budget = whose if cell.budget is None else f" @{cell.budget}{whose}"
        if point.majority is not None and k > 2:
            options.append(
                AnswerOption(f"majority of {k}{budget}", "majority", votes[:, i], flops, cell, k)
            )
        if k == 1 or point.best is not None:  # of one attempt no score is needed
            best = np.array([best_at(tried, k) for tried in everyone])
            name = f"best of {k}{budget}" if k > 1 else f"one sample{budget}"
            options.append(AnswerOption(name, "best", best, flops, cell, k))
    return options


def _flops(cell: Cell, k: int | None = None) -> np.ndarray:
    """Of each question as it ran, or expected with `k` of its attempts."""
    return np.array([_question_flops(question, k) for question in cell.questions])


def _question_flops(question: QuestionResult, k: int | None) -> float:
    if question.ledger is None:
        return math.nan
    share = 1.0 if k is None else k / len(question.tried)
    return sum(
        entry.flops * (1.0 if entry.phase == PROMPT_PHASE else share)
        for entry in question.ledger.entries
    )


def frontiers(options: Sequence[AnswerOption], slices: Sequence[str]) -> list[Frontier]:
    """By counted FLOPs per query, by the dollars that a log says, and by predicted dollars on each
    of `slices`: of each kind those options of which it is known."""
    counted = _frontier("flops", None, [(o, float(o.flops.mean())) for o in options])
    paid = _frontier("usd", None, [(o, _paid(o)) for o in options])
    priced = [_frontier("usd", name, [(o, _usd(o, name)) for o in options]) for name in slices]
    return [frontier for frontier in (counted, paid, *priced) if frontier.options]


def _paid(option: AnswerOption) -> float:
    """Dollars per query as a log says; NaN where it does not."""
    usd = option.cell.usd and option.cell.usd / len(option.cell.questions)
    if option.k is not None:
        usd = _point(option).usd
    return math.nan if usd is None else usd


def _usd(option: AnswerOption, name: str) -> float:
    """Predicted dollars per query on that slice; NaN where it has no price."""
    costs = option.cell.slices if option.k is None else _point(option).slices
    found = [c.amounts.usd.median for c in costs if c.slice == name and c.amounts.usd is not None]
    return found[0] if found else math.nan


def _point(option: AnswerOption) -> AttemptsPoint:
    return next(point for point in option.cell.attempts if point.k == option.k)


def _frontier(
    kind: CostKind, name: str | None, priced: Sequence[tuple[AnswerOption, float]]
) -> Frontier:
    """Cheapest first; of equally cheap ones the most accurate first; no cost that is NaN."""
    known = [(option, cost) for option, cost in priced if not math.isnan(cost)]
    rows = [(option, cost, estimate(option.right.tolist())) for option, cost in known]
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
