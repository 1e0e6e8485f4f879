"""Searches: the best chip for reasoning beside the best for prefill, under one budget; and the
Pareto front of latency against money per query.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ProfileInputError
from ..records.codesign import BudgetKind, ChipDesign, DesignSearch, ParetoPoint
from .chip_cost_model import BUDGETS, PARTS
from .chip_search import (
    GRID,
    HIGH,
    SEARCHED,
    UNITS,
    FoundDesign,
    SearchProblem,
    best_by_gradient,
    best_of_sweep,
    cost_slopes,
    grid_of,
    reference_design,
    search_problem,
    times_of_draws,
)
from .costs import costs_of
from .design_point import PARAMETERS, batch_sizes, fits, summary, with_lengths
from .workload_mix import PREFILL_HEAVY, SEQUENCES, MixedWorkload, mix_work
from .workload_on_slice import WorkloadOnSlice


class Budget(NamedTuple):
    kind: BudgetKind
    amount: float


BUDGET_NAMES = {"power": "watts", "cost": "usd"}
BUDGET_UNITS = {"area": r"\s*mm(2|²)$", "watts": r"\s*w$", "usd": r"^\$|\s*(\$|usd)$"}


def parse_chip_budget(text: str) -> Budget:
    """A budget with or without its unit: 'area=800mm2', 'power=700W', 'cost=$3000', 'usd=3000'.

    Raises ProfileInputError for anything else.
    """
    name, _, amount = (part.strip().lower() for part in text.partition("="))
    kind = BUDGET_NAMES.get(name, name)
    try:
        number = float(re.sub(BUDGET_UNITS.get(kind, "^$"), "", amount))
    except ValueError:
        number = math.nan
    if kind not in BUDGETS or not 1e-3 <= number <= 1e9:
        raise ProfileInputError(
            f"--chip-budget is {text!r}, expected what one chip may take: area=800mm2, power=700W "
            "or cost=3000$"
        )
    return Budget(kind, number)  # type: ignore[arg-type]


def design_searches(
    case: WorkloadOnSlice,
    mix: Sequence[MixedWorkload],
    budget: Budget | None = None,
) -> list[DesignSearch]:
    """The best chip for `mix` and the best for PREFILL_HEAVY, about the case's chip and on as
    many chips; without a budget, for the dollars that its own chip takes to build.

    Raises ProfileInputError where no chip is within the budget and fast enough.
    """
    mixes, searches = {"reasoning": mix, "prefill-heavy": PREFILL_HEAVY}, []
    for purpose, work_mix in mixes.items():
        problem = search_problem(case, mix_work(case.point, work_mix))
        budget = budget or Budget("usd", float(BUDGETS["usd"](problem.reference, problem.rates)))
        swept = best_of_sweep(problem, budget.amount, budget.kind, grid_of())
        best = best_by_gradient(problem, budget.amount, budget.kind, swept)
        words = [workload.words for workload in work_mix]
        searches.append(_Search(purpose, words, budget, problem, swept, best))
    reasoning, prefill = searches
    return [_record(case, reasoning, prefill), _record(case, prefill, reasoning)]


class _Search(NamedTuple):
    purpose: str
    mix: list[str]
    budget: Budget
    problem: SearchProblem
    swept: FoundDesign
    best: FoundDesign


def _record(case: WorkloadOnSlice, search: _Search, other: _Search) -> DesignSearch:
    problem, result, budget = search.problem, search.best, search.budget
    reference = reference_design(problem, case.slice.chip.hbm_capacity_bytes)
    before = times_of_draws(problem, case.draws.efficiency, reference)
    after = times_of_draws(problem, case.draws.efficiency, result)
    rent, build = case.usd_per_second, BUDGETS["usd"]
    rates, present = case.costs.rates, case.costs.reference
    dearer = build(result.parts, rates) / build(present, rates)
    speedup = summary(before / after)
    slower = _time_on(other.problem, result) / other.best.time_s
    return DesignSearch(
        purpose=search.purpose,
        mix=search.mix,
        model=case.query.model.name,
        chips=case.slice.chips,
        budget_kind=budget.kind,
        budget=budget.amount,
        reference=_design(reference, problem),
        reference_chip=case.slice.chip.name,
        swept=math.prod(GRID) * len(SEQUENCES),
        swept_best=_design(search.swept, problem),
        best=_design(result, problem),
        sequences=result.sequences,
        slowest_token_s=float(problem.slowest_token_s),
        time_per_query_s=summary(after),
        usd_per_query=None if rent is None else summary(after * (rent * dearer)),
        speedup=speedup,
        spent=_spent(result, problem, budget),
        other_purpose_slowdown=float(slower) if np.isfinite(slower) else None,
        sentence=_sentence(search, reference, speedup.median),
    )


def _time_on(problem: SearchProblem, design: FoundDesign) -> float:
    """Seconds of a query of another mix on a found chip, at the best number of sequences that its
    memory holds; inf where it holds none."""
    time_s, _ = problem.times(design.factors)
    holds = np.asarray(problem.mixed.needed_bytes) <= design.parts.hbm_capacity * 1.0001
    return float(np.where(holds, np.asarray(time_s), np.inf).min())


def _design(design: FoundDesign, problem: SearchProblem) -> ChipDesign:
    area_mm2, watts, usd = (float(cost(design.parts, problem.rates)) for cost in BUDGETS.values())
    return ChipDesign(**vars(design.parts), area_mm2=area_mm2, watts=watts, usd=usd)


def _spent(design: FoundDesign, problem: SearchProblem, budget: Budget) -> dict[str, float]:
    """Share of the budget that each part adds, and what is left for all else."""
    cost = BUDGETS[budget.kind]
    slopes = cost_slopes(design.parts, problem.rates, budget.kind)
    shares = {
        name: float(getattr(slopes, name) * getattr(design.parts, name)) / budget.amount
        for name in PARTS
    }
    whole = float(cost(design.parts, problem.rates)) / budget.amount
    return shares | {"other": whole - sum(shares.values())}


def _sentence(search: _Search, reference: FoundDesign, speedup: float) -> str:
    design, budget = search.best, search.budget
    changes = [
        f"{getattr(design.parts, name) / present:.2g}x {PARAMETERS[name].words}"
        for name, present in vars(reference.parts).items()
        if present
    ]
    sentence = (
        f"For {search.purpose} work under {budget.amount:.4g} {UNITS[budget.kind]} a chip would "
        f"have {', '.join(changes)} and serve {speedup:.2g}x the queries."
    )
    ended = [PARAMETERS[name].words for name in at_limits(design)]
    if ended:
        sentence += (
            f" The search ended at its own limit of {' and '.join(ended)}, short of the budget's "
            "best chip."
        )
    return sentence


def at_limits(design: FoundDesign) -> list[str]:
    """The searched parts whose factor is the largest that a search tries."""
    return [
        name
        for name, most in zip(SEARCHED, HIGH, strict=True)
        if float(getattr(design.factors, name)) > 0.99 * most
    ]


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
