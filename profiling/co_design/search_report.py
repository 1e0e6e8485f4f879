"""Searches: the best chip for reasoning beside the best for prefill, under one budget; and the
Pareto front of latency against money per query.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ProfileInputError
from ..records.base import ratio
from ..records.codesign import (
    BudgetKind,
    ChipDesign,
    DesignSearch,
    ParetoPoint,
    budget_amount,
    budget_amounts,
)
from .buildable import LIMITS, package_limits
from .chip_cost_model import BUDGETS, PARTS, build_usd, dies_of, full_watts
from .chip_search import (
    HIGH,
    LOW,
    SEARCHED,
    UNCAPPED,
    Caps,
    FoundDesign,
    SearchProblem,
    best_design,
    cost_slopes,
    grid_of,
    reference_design,
    search_problem,
    shares_of,
    times_of_draws,
)
from .costs import costs_of
from .design_point import PARAMETERS, batch_sizes, fits, summary, with_lengths
from .workload_mix import PREFILL_HEAVY, SEQUENCES, MixedWorkload, mix_work
from .workload_on_slice import WorkloadOnSlice

Budget = Mapping[BudgetKind, float]
"""What one chip may take, by kind; the first is what its parts' shares are of."""
BUDGET_NAMES = {"power": "watts", "cost": "usd"}
BUDGET_UNITS = {"area": r"\s*mm(2|²)$", "watts": r"\s*w$", "usd": r"^\$|\s*(\$|usd)$"}


def parse_chip_budget(text: str) -> Budget:
    """Budgets with or without their units: 'area=800mm2', 'area=800,power=700W', 'cost=$3000'.

    Raises ProfileInputError for anything else.
    """
    budget: dict[BudgetKind, float] = {}
    for part in text.split(","):
        name, _, amount = (word.strip().lower() for word in part.partition("="))
        kind = BUDGET_NAMES.get(name, name)
        try:
            number = float(re.sub(BUDGET_UNITS.get(kind, "^$"), "", amount))
        except ValueError:
            number = math.nan
        if kind not in BUDGETS or kind in budget or not 1e-3 <= number <= 1e9:
            raise ProfileInputError(
                f"--chip-budget is {text!r}, expected what one chip may take: area=800mm2, "
                "power=700W or cost=3000$, or several with commas, each once"
            )
        budget[kind] = number  # type: ignore[index]
    return budget


def design_searches(
    case: WorkloadOnSlice,
    mix: Sequence[MixedWorkload],
    budget: Budget | None = None,
) -> list[DesignSearch]:
    """The best chip for `mix` and the best for PREFILL_HEAVY, about the case's chip and on as
    many chips; without a budget, for the dollars that its own chip takes to build. Where no watts
    are given, they are what air cools, or the case's chip's.

    Raises ProfileInputError where no chip is within the budget and fast enough.
    """
    mixes, searches = {"reasoning": mix, "prefill-heavy": PREFILL_HEAVY}, []
    for purpose, work_mix in mixes.items():
        problem = search_problem(case, mix_work(case.point, work_mix))
        caps = _caps(problem, budget)
        words = [workload.words for workload in work_mix]
        best = best_design(problem, {**UNCAPPED, **caps})
        searches.append(_Search(purpose, words, caps, problem, best))
    reasoning, prefill = searches
    return [_record(case, reasoning, prefill), _record(case, prefill, reasoning)]


def _caps(problem: SearchProblem, budget: Budget | None) -> dict[BudgetKind, float]:
    """The budget, or the dollars of the reference chip; and watts in any case."""
    usd, watts = (float(cost(problem.reference, problem.rates)) for cost in (build_usd, full_watts))
    caps: dict[BudgetKind, float] = {"usd": usd} if budget is None else dict(budget)
    caps.setdefault("watts", max(package_limits().air_cooled_w.value, watts))
    return caps


class _Search(NamedTuple):
    purpose: str
    mix: list[str]
    caps: Caps
    problem: SearchProblem
    best: FoundDesign


def _record(case: WorkloadOnSlice, search: _Search, other: _Search) -> DesignSearch:
    problem, result = search.problem, search.best
    kind, amount = next(iter(search.caps.items()))
    reference = reference_design(problem)
    there, best = _design(reference), _design(result)
    ended = ended_against(problem, result, search.caps)
    before = times_of_draws(problem, case.draws.efficiency, reference)
    after = times_of_draws(problem, case.draws.efficiency, result)
    rent = case.usd_per_second
    dearer = best.usd / there.usd
    speedup = summary(before / after)
    slower = _time_on(other.problem, result) / other.best.time_s
    return DesignSearch(
        purpose=search.purpose,
        mix=search.mix,
        model=case.query.model.name,
        chips=case.slice.chips,
        budget_kind=kind,
        budget=amount,
        caps=dict(search.caps),
        ended_against=ended,
        reference=there,
        reference_chip=case.slice.chip.name,
        swept=len(grid_of().kind) * len(SEQUENCES),
        best=best,
        sequences=result.sequences,
        slowest_token_s=float(problem.slowest_token_s),
        time_per_query_s=summary(after),
        usd_per_query=None if rent is None else summary(after * (rent * dearer)),
        speedup=speedup,
        spent=_spent(result, kind, amount),
        other_purpose_slowdown=float(slower) if np.isfinite(slower) else None,
        sentence=_sentence(search, reference, speedup.median, ended),
    )


def _time_on(problem: SearchProblem, design: FoundDesign) -> float:
    """Seconds of a query of another mix on a found chip, at the best number of sequences that its
    memory holds; inf where it holds none."""
    time_s, _ = problem.times(design.factors)
    holds = np.asarray(problem.mixed.needed_bytes) <= design.parts.hbm_capacity * 1.0001
    return float(np.where(holds, np.asarray(time_s), np.inf).min())


def _design(design: FoundDesign) -> ChipDesign:
    area_mm2, watts, usd = (float(cost(design.parts, design.rates)) for cost in BUDGETS.values())
    return ChipDesign(
        **vars(design.parts),
        memory=_memory(design),
        dies=int(dies_of(design.parts, design.rates)),
        area_mm2=area_mm2,
        watts=watts,
        usd=usd,
    )


def _memory(design: FoundDesign) -> str:
    """'6 stacks, HBM3e of 36 GB'."""
    if design.design is None or design.stack is None:
        return ""
    count = int(design.design.count)
    return f"{count} {'stack' if count == 1 else 'stacks'}, {design.stack.words}"


def _spent(design: FoundDesign, kind: BudgetKind, amount: float) -> dict[str, float]:
    """Share of the budget that each part adds, and what is left for all else."""
    slopes = cost_slopes(design.parts, design.rates, kind)
    shares = {
        name: float(getattr(slopes, name) * getattr(design.parts, name)) / amount for name in PARTS
    }
    whole = float(BUDGETS[kind](design.parts, design.rates)) / amount
    return shares | {"other": whole - sum(shares.values())}


def _sentence(search: _Search, reference: FoundDesign, speedup: float, ended: Sequence[str]) -> str:
    design = search.best
    changes = [
        f"{ratio(getattr(design.parts, name) / present)} {PARAMETERS[name].words}"
        for name, present in vars(reference.parts).items()
        if present
    ]
    return (
        f"For {search.purpose} work within {budget_amounts(search.caps)} a chip would have "
        f"{', '.join(changes)} ({_memory(design)}) and serve {ratio(speedup)} the queries. "
        f"The search ended against {' and '.join(ended) or 'the steps of whole stacks'}."
    )


_CLOSE = 0.98
"""Share of a limit from which on a search ended against it: finer than a search's last steps."""


def ended_against(problem: SearchProblem, found: FoundDesign, caps: Caps) -> list[str]:
    """What kept a search from more, in words: budgets, what can be built, the slowest token, and
    the ends of what the search itself tries."""
    design = found.design
    if design is None:
        return []
    shares = {name: float(share) for name, share in shares_of(problem, design, caps).items()}
    another = (design.count + 1) / design.count
    for name in ("shoreline", "stacks"):
        shares[name] *= another if shares[name] * another > 1 + 1e-9 else 0.0
    words = {kind: f"the {budget_amount(kind, most)}" for kind, most in caps.items()} | LIMITS
    ended = [words[name] for name, share in shares.items() if share >= _CLOSE]
    _, token_s = problem.times(found.factors)
    row = SEQUENCES.index(found.sequences)
    if float(token_s[row]) >= _CLOSE * float(problem.slowest_token_s):
        ended.append(f"the slowest token allowed, {float(problem.slowest_token_s):g} s")
    return ended + at_limits(found)


def at_limits(found: FoundDesign) -> list[str]:
    """Where a search ended at the end of what it tries: the most or least of a part, or the most
    sequences together. The on-chip memory's least is the reference chip's: nothing to say."""
    ended = []
    for name, least, most in zip(SEARCHED, LOW, HIGH, strict=True):
        factor = float(getattr(found.factors, name))
        if factor > 0.99 * most:
            ended.append(f"the most {PARAMETERS[name].words} that is tried, {ratio(most)}")
        elif factor < 1.01 * least < 1:
            ended.append(f"the least {PARAMETERS[name].words} that is tried, {ratio(least)}")
    if found.sequences == SEQUENCES[-1]:
        ended.append(f"the most sequences at once that are tried, {found.sequences:.0f}")
    return ended


def pareto_points(cases: Sequence[WorkloadOnSlice]) -> list[ParetoPoint]:
    """Every batch that fits, a power of two of prompts, on every case's slice that has a price."""
    result = [point for case in cases for point in _points(case)]
    return [point.model_copy(update={"on_frontier": _best(point, result)}) for point in result]


def _points(case: WorkloadOnSlice) -> list[ParetoPoint]:
    rate, rows = case.usd_per_second, []
    if rate is None:
        return []
    for prompts in batch_sizes(case.point):
        point = with_lengths(case.point, prompts=prompts)
        if not bool(fits(point)):
            break
        latency = costs_of(point, case.draws).query_s * case.waves
        cost = summary(latency / prompts * rate)
        rows.append(
            ParetoPoint(
                profile=case.profile,
                slice=case.slice.name,
                batch=prompts,
                attempts=float(case.query.lengths.attempts) * case.waves,
                think_tokens=float(case.query.lengths.think_tokens),
                latency_s=summary(latency),
                usd_per_query=cost,
                accuracy=case.outcome.accuracy if case.outcome else None,
                usd_per_correct=case.per_correct(cost),
                on_frontier=False,
            )
        )
    return rows


def _best(point: ParetoPoint, others: Sequence[ParetoPoint]) -> bool:
    """Whether none of the same profile is faster and cheaper."""
    return not any(
        other.profile == point.profile
        and other.latency_s.median <= point.latency_s.median
        and other.usd_per_query.median <= point.usd_per_query.median
        and other is not point
        for other in others
    )
