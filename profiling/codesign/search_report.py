"""Searches: the best chip for reasoning beside the best for prefill, under one budget.

Pareto: latency against money per query, and per correct answer where accuracy was measured.

The budget of one chip, as it is written.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ProfileInputError
from ..predicted.economics import per_correct
from ..records.codesign import BudgetKind, ChipDesign, DesignSearch, ParetoPoint
from .chip_cost_model import BUDGETS, ChipParts
from .chip_search import (
    HIGH,
    SEARCHED,
    SLOWEST_TOKEN_S,
    UNITS,
    Found,
    Ground,
    best_by_gradient,
    best_of_sweep,
    cost_slopes,
    grid_of,
    ground_of,
    reference_design,
    times_of_draws,
)
from .costs import costs_of
from .design_point import MOST_SEQUENCES, fits, with_prompts
from .posterior_draws import summary
from .workload_mix import PREFILL_HEAVY, SEQUENCES, MixedWorkload, mix_times, mix_work
from .workload_on_slice import SECONDS_PER_HOUR, Setting

PURPOSES = ("reasoning", "prefill-heavy")


@dataclass(frozen=True)
class Budget:
    """What one chip may take at most."""

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
    if kind not in BUDGETS or not (math.isfinite(number) and number > 0):
        raise ProfileInputError(
            f"--chip-budget is {text!r}, expected what one chip may take: area=800mm2, power=700W "
            "or cost=3000$"
        )
    return Budget(kind, number)  # type: ignore[arg-type]


def design_searches(
    known: Setting,
    mix: Sequence[MixedWorkload],
    budget: Budget | None = None,
    slowest_token_s: float = SLOWEST_TOKEN_S,
) -> list[DesignSearch]:
    """The best chip for `mix` and the best for PREFILL_HEAVY, about the setting's chip and on as
    many chips; without a budget, for the dollars that its own chip takes to build.

    Raises ProfileInputError where no chip is within the budget and fast enough.
    """
    grounds = [
        ground_of(known, mix_work(known.point, each), slowest_token_s)
        for each in (mix, PREFILL_HEAVY)
    ]
    spent = budget or Budget("usd", float(BUDGETS["usd"](grounds[0].reference, grounds[0].rates)))
    grid = grid_of()
    swept = [best_of_sweep(each, spent.amount, spent.kind, grid) for each in grounds]
    best = [
        best_by_gradient(ground, spent.amount, spent.kind, start)
        for ground, start in zip(grounds, swept, strict=True)
    ]
    points = len(grid.matrix_flops) * len(SEQUENCES)
    return [
        _record(known, PURPOSES[i], each, spent, grounds, swept[i], best, i, points)
        for i, each in enumerate((mix, PREFILL_HEAVY))
    ]


def _record(
    known: Setting,
    purpose: str,
    mix: Sequence[MixedWorkload],
    budget: Budget,
    grounds: Sequence[Ground],
    swept: Found,
    best: Sequence[Found],
    index: int,
    points: int,
) -> DesignSearch:
    ground, found, other = grounds[index], best[index], best[1 - index]
    reference = reference_design(ground, known.slice.chip.hbm_capacity_bytes)
    before = times_of_draws(ground, known.draws.efficiency, reference)
    after = times_of_draws(ground, known.draws.efficiency, found)
    hourly = known.terms.usd_per_chip_hour
    dearer = _usd(found.parts, known) / _usd(known.costs.reference, known)
    rent = None if hourly is None else hourly * known.slice.chips / SECONDS_PER_HOUR * dearer
    speedup = summary(before / after)
    slower = _time_on(grounds[1 - index], found, float(other.sequences)) / other.time_s
    return DesignSearch(
        purpose=purpose,
        mix=[each.words for each in mix],
        model=known.query.model,
        chips=known.slice.chips,
        budget_kind=budget.kind,
        budget=budget.amount,
        reference=_design(reference, ground),
        reference_chip=known.slice.chip.name,
        swept=points,
        swept_best=_design(swept, ground),
        best=_design(found, ground),
        sequences=found.sequences,
        slowest_token_s=float(ground.slowest_token_s),
        time_per_query_s=summary(after),
        usd_per_query=None if rent is None else summary(after * np.asarray(rent)),
        speedup=speedup,
        spent=_spent(found, ground, budget),
        other_purpose_slowdown=float(slower) if np.isfinite(slower) else None,
        sentence=_sentence(purpose, found, reference, speedup.median, budget),
    )


def _time_on(ground: Ground, found: Found, sequences: float) -> float:
    """Seconds of a query of another mix on a found chip, at the most sequences up to `sequences`
    that its memory holds; inf where it holds none."""
    time_s, _ = mix_times(
        ground.mixed, ground.hardware, ground.on_chip, ground.efficiency, found.factors
    )
    holds = np.asarray(ground.mixed.needed_bytes) <= found.parts.hbm_capacity * 1.0001
    return float(np.where(holds, np.asarray(time_s), np.inf).min())


def _usd(parts: ChipParts, known: Setting) -> np.ndarray:
    """Dollars to build, [draws]."""
    return np.asarray(BUDGETS["usd"](parts, known.costs.rates), np.float64)


def _design(found: Found, ground: Ground) -> ChipDesign:
    parts = found.parts
    costs = {kind: float(cost(parts, ground.rates)) for kind, cost in BUDGETS.items()}
    return ChipDesign(
        matrix_flops=parts.matrix_flops,
        hbm_bandwidth=parts.hbm_bandwidth,
        hbm_capacity=parts.hbm_capacity,
        on_chip_capacity=parts.on_chip_capacity,
        link_bandwidth=parts.link_bandwidth,
        area_mm2=costs["area"],
        watts=costs["watts"],
        usd=costs["usd"],
    )


def _spent(found: Found, ground: Ground, budget: Budget) -> dict[str, float]:
    """Share of the budget that each part adds, and what is left for all else."""
    cost = BUDGETS[budget.kind]
    slopes = cost_slopes(found.parts, ground.rates, budget.kind)
    shares = {
        name: float(getattr(slopes, name) * getattr(found.parts, name)) / budget.amount
        for name in ChipParts.__dataclass_fields__
    }
    whole = float(cost(found.parts, ground.rates)) / budget.amount
    return shares | {"other": whole - sum(shares.values())}


def _sentence(purpose: str, found: Found, reference: Found, speedup: float, budget: Budget) -> str:
    words = {
        "matrix_flops": "matrix FLOP/s",
        "hbm_bandwidth": "HBM bandwidth",
        "hbm_capacity": "HBM capacity",
        "on_chip_capacity": "on-chip memory",
        "link_bandwidth": "link bandwidth",
    }
    said = [
        f"{getattr(found.parts, name) / getattr(reference.parts, name):.2g}x {each}"
        for name, each in words.items()
        if getattr(reference.parts, name)
    ]
    sentence = (
        f"For {purpose} work under {budget.amount:.4g} {UNITS[budget.kind]} a chip would have "
        f"{', '.join(said)}, and serve {speedup:.2g}x the queries."
    )
    ended = [words[name] for name in at_limits(found)]
    if ended:
        sentence += (
            f" The search ended at its own limit of {' and '.join(ended)}, short of the budget's "
            "best chip."
        )
    return sentence


def at_limits(found: Found) -> list[str]:
    """The searched parts whose factor is the largest that a search tries."""
    return [
        name
        for name, most in zip(SEARCHED, HIGH, strict=True)
        if float(getattr(found.factors, name)) > 0.99 * most
    ]


def pareto_points(cases: Sequence[Setting]) -> list[ParetoPoint]:
    """Every batch that fits, a power of two of prompts, on every case's slice that has a price."""
    found = [point for case in cases for point in _points(case)]
    return [point.model_copy(update={"on_frontier": _best(point, found)}) for point in found]


def _points(case: Setting) -> list[ParetoPoint]:
    rate = case.usd_per_second
    if rate is None:
        return []
    lengths = case.query.lengths
    most = max(MOST_SEQUENCES / float(lengths.attempts), 1.0)
    rows = []
    for prompts in (2.0**n for n in range(int(math.log2(most)) + 1)):
        point = with_prompts(case.point, prompts)
        if not bool(fits(point)):
            break
        latency = np.asarray(costs_of(point, case.draws).query_s, np.float64) * case.waves
        usd = latency / prompts * rate
        outcome = case.outcome
        accuracy = outcome.accuracy if outcome else None
        cost = summary(usd)
        rows.append(
            ParetoPoint(
                profile=case.profile,
                slice=case.slice.name,
                batch=prompts,
                attempts=float(lengths.attempts) * case.waves,
                think_tokens=float(lengths.think_tokens),
                latency_s=summary(latency),
                usd_per_query=cost,
                accuracy=accuracy,
                usd_per_correct=per_correct(cost, *outcome.share_of_problems)
                if outcome and accuracy is not None
                else None,
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
