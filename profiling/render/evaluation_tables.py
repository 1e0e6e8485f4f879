"""The tables of cells: what each got right, by level, and its costs here and on slices."""

from collections.abc import Callable, Sequence

from ..records.evaluation import Cell, Evaluation, SliceCost
from . import amounts, units
from .evaluation_text import accuracy_text, bounded_text, each_text, median_text
from .lens import COUNTED, MEASURED, PREDICTED
from .table import Column, Table, from_columns

Cells = list[tuple[Column, list[str]]]


def cells_table(evaluation: Evaluation) -> Table:
    """Each strategy at each budget: what it got right, and what a query costs."""
    cells = evaluation.cells
    tokens = [_mean(cell, lambda ledger: ledger.tokens) for cell in cells]
    flops = [_mean(cell, lambda ledger: ledger.flops) for cell in cells]
    moved = [_mean(cell, lambda ledger: ledger.hbm_bytes) for cell in cells]
    return from_columns(
        "Strategies",
        [
            (Column("strategy @budget", numeric=False), [cell.label for cell in cells]),
            (Column("right (95 %)"), [accuracy_text(cell.accuracy) for cell in cells]),
            (Column("tokens a query", COUNTED), each_text(tokens, units.significant)),
            (Column("FLOPs a query", COUNTED), each_text(flops, units.flops)),
            (Column("bytes a query", COUNTED), each_text(moved, units.bytes_)),
            (Column("time a query here", MEASURED), [_here(cell) for cell in cells]),
            (Column("hit the limit"), [_hits(cell) for cell in cells]),
        ],
    )


def slice_table(evaluation: Evaluation, index: int) -> Table:
    """A query and a correct answer of every cell, on one slice."""
    cells = [cell for cell in evaluation.cells if len(cell.slices) > index]
    costs = [cell.slices[index] for cell in cells]
    name = costs[0].slice if costs else ""
    return from_columns(
        f"On {name}",
        [
            (Column("strategy", numeric=False), [cell.label for cell in cells]),
            *_cost_columns(costs),
        ],
    )


def _cost_columns(costs: Sequence[SliceCost]) -> Cells:
    no = "none right"
    right = [cost.per_correct for cost in costs]
    return [
        (Column("time a query", PREDICTED), bounded_text([c.time_s for c in costs], units.seconds)),
        (
            Column("energy a query", PREDICTED),
            median_text([c.amounts.wall_j for c in costs], amounts.joules),
        ),
        (Column("$ a query", PREDICTED), median_text([c.amounts.usd for c in costs], amounts.usd)),
        (
            Column("time a correct answer", PREDICTED),
            [
                no if c.per_correct_s is None else units.seconds(c.per_correct_s.median)
                for c in costs
            ],
        ),
        (
            Column("energy a correct answer", PREDICTED),
            median_text([a.wall_j if a else None for a in right], amounts.joules),
        ),
        (
            Column("$ a correct answer", PREDICTED),
            bounded_text([a.usd if a else None for a in right], amounts.usd),
        ),
    ]


def levels_table(evaluation: Evaluation) -> Table:
    """Accuracy by level of difficulty; no rows where there is one level."""
    levels = sorted({level for cell in evaluation.cells for level in cell.by_level}, key=float)
    rows = [
        [cell.label, *(accuracy_text(cell.by_level.get(level)) for level in levels)]
        for cell in evaluation.cells
        if cell.by_level
    ]
    columns = [Column("strategy", numeric=False), *(Column(f"level {each}") for each in levels)]
    return Table("Right by difficulty (95 %)", columns, rows)


def _mean(cell: Cell, of: Callable[..., float]) -> float | None:
    ledgers = [question.ledger for question in cell.questions]
    known = [of(ledger) for ledger in ledgers if ledger is not None]
    return sum(known) / len(known) if known else None


def _here(cell: Cell) -> str:
    return "" if cell.wall_s is None else units.seconds(cell.wall_s / len(cell.questions))


def _hits(cell: Cell) -> str:
    hit = [question.limit for question in cell.questions if question.limit is not None]
    return f"{len(hit)} of {len(cell.questions)}: {', '.join(sorted(set(hit)))}" if hit else ""
