"""An evaluation's figures as flat rows, each column named with its unit."""

from collections.abc import Callable, Sequence

from ..records import Interval
from ..records.evaluation import (
    AttemptsPoint,
    Cell,
    Estimate,
    Evaluation,
    Frontier,
    Option,
    SliceCost,
)
from .frames import Row


def cells(found: Evaluation) -> list[Row]:
    """A strategy at a budget each: what it got right, and what a query costs (None: not known)."""
    return [_cell(each) for each in found.cells]


def _cell(cell: Cell) -> Row:
    return {
        "way": cell.label,
        "strategy": cell.strategy,
        "budget_tokens": cell.budget,
        **_estimate("right", cell.accuracy),
        "tokens": _mean(cell, lambda ledger: ledger.tokens),
        "flops": _mean(cell, lambda ledger: ledger.flops),
        "hbm_bytes": _mean(cell, lambda ledger: ledger.hbm_bytes),
        "measured_s": None if cell.wall_s is None else cell.wall_s / len(cell.questions),
    }


def _mean(cell: Cell, of: Callable[..., float]) -> float | None:
    known = [of(each.ledger) for each in cell.questions if each.ledger is not None]
    return sum(known) / len(known) if known else None


def levels(found: Evaluation) -> list[Row]:
    """A strategy's accuracy at each level of difficulty; none where all problems are one level."""
    return [
        {"way": cell.label, "level": int(level), **_estimate("right", each)}
        for cell in found.cells
        for level, each in cell.by_level.items()
    ]


def attempts(found: Evaluation) -> list[Row]:
    """Each number of attempts of each cell of samples."""
    return [_point(cell, point) for cell in found.cells for point in cell.attempts]


def _point(cell: Cell, point: AttemptsPoint) -> Row:
    return {
        "k": point.k,
        "way": cell.label,
        **_estimate("pass", point.coverage),
        **_estimate("majority", point.majority),
        **_estimate("best", point.best),
        "tokens": point.tokens,
        "flops": point.flops,
        "hbm_bytes": point.hbm_bytes,
    }


def costs(found: Evaluation) -> list[Row]:
    """A strategy on a slice each: a query, and a correct answer (all queries over those)."""
    return [_cost(cell, cost) for cell in found.cells for cost in cell.slices]


def _cost(cell: Cell, cost: SliceCost) -> Row:
    correct = cost.per_correct
    return {
        "way": cell.label,
        "slice": cost.slice,
        "right": cell.accuracy.value,
        "query_s": cost.time_s.median,
        "query_usd": _median(cost.amounts.usd),
        "query_wall_j": _median(cost.amounts.wall_j),
        **_bounded("correct", "s", cost.per_correct_s),
        **_bounded("correct", "usd", correct.usd if correct else None),
        **_bounded("correct", "wall_j", correct.wall_j if correct else None),
    }


def options(frontiers: Sequence[Frontier]) -> list[Row]:
    """Every way to answer, cheapest first, by each kind of cost."""
    return [_option(frontier, each) for frontier in frontiers for each in frontier.options]


def _option(frontier: Frontier, each: Option) -> Row:
    return {
        "way": each.label,
        "cost_in": frontier.kind,
        "slice": frontier.slice,
        "cost": each.cost,
        "right": each.accuracy,
        "right_low": each.low,
        "right_high": each.high,
        "on_frontier": each.on_frontier,
    }


def _estimate(name: str, found: Estimate | None) -> Row:
    """With its 95 % interval."""
    values = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _bounded(name: str, unit: str, found: Interval | None) -> Row:
    """With its 80 % interval."""
    values = (found.median, found.low, found.high) if found else (None, None, None)
    names = (f"{name}_{unit}", f"{name}_low_{unit}", f"{name}_high_{unit}")
    return dict(zip(names, values, strict=True))


def _median(found: Interval | None) -> float | None:
    return found.median if found else None
