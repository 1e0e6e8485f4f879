"""Pareto frontiers of accuracy against FLOPs, and against dollars on each slice."""

from collections.abc import Sequence

from ..record.evaluation import Cell
from ..record.evaluation_choice import CostKind, Frontier, Option
from .estimates import estimate
from .options import AnswerOption


def frontiers(options: Sequence[AnswerOption], slices: Sequence[str]) -> list[Frontier]:
    """By counted FLOPs a query, then by predicted dollars on each of `slices` that has a price."""
    found = []
    if options:
        found.append(_frontier("flops", None, [(o, float(o.flops.mean())) for o in options]))
    for name in slices:
        priced = [(o, usd) for o in options if (usd := _usd(o.cell, o.k, name)) is not None]
        if priced:
            found.append(_frontier("usd", name, priced))
    return found


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
    known = [(option, cost, estimate(option.right.tolist())) for option, cost in priced]
    known.sort(key=lambda each: (each[1], -each[2].value))
    best, last_cost = -1.0, 0.0
    found = []
    for option, cost, right in known:
        on = right.value > best
        gained = None
        if on:
            if best >= 0 and cost > last_cost:
                gained = 100 * (right.value - best) / (cost - last_cost)
            best, last_cost = right.value, cost
        found.append(
            Option(
                label=option.label,
                cost=cost,
                accuracy=right.value,
                low=right.low,
                high=right.high,
                on_frontier=on,
                points_per_cost=gained,
            )
        )
    return Frontier(kind=kind, slice=name, options=found)
