"""The tables of samples: pass@k, majority@k and their costs."""

from collections.abc import Sequence

from ..records.evaluation import AttemptsPoint, Cell, Evaluation
from . import amounts, units
from .evaluation_text import accuracy_text, each_text, guessed, median_text
from .lens import PREDICTED
from .table import Column, Table, from_columns

Cells = list[tuple[Column, list[str]]]


def attempts_tables(evaluation: Evaluation) -> list[Table]:
    """pass@k and majority@k of every cell of samples, beside a random guess."""
    return [_attempts_table(evaluation, cell) for cell in evaluation.cells if cell.attempts]


def _attempts_table(evaluation: Evaluation, cell: Cell) -> Table:
    points, rate = cell.attempts, evaluation.guess_rate
    logged = [p.usd / p.coverage.value if p.usd and p.coverage.value else None for p in points]
    return from_columns(
        f"Attempts: {cell.label}",
        [
            (Column("k"), [str(point.k) for point in points]),
            (Column("pass@k (95 %)"), [accuracy_text(point.coverage) for point in points]),
            (
                Column("k guesses"),
                [units.share(guessed(rate, p.k)) if rate else "" for p in points],
            ),
            (Column("majority@k (95 %)"), [accuracy_text(point.majority) for point in points]),
            (Column("best of k by score (95 %)"), [accuracy_text(point.best) for point in points]),
            (Column("tokens a query"), each_text([p.tokens for p in points], units.significant)),
            (Column("FLOPs a query"), each_text([p.flops for p in points], units.flops)),
            (Column("bytes a query"), each_text([p.hbm_bytes for p in points], units.bytes_)),
            (Column("$ a query", "logged"), each_text([p.usd for p in points], amounts.usd)),
            (Column("$ a solved problem", "logged"), each_text(logged, amounts.usd)),
            *_point_costs(points),
        ],
    )


def _point_costs(points: Sequence[AttemptsPoint]) -> Cells:
    """Dollars a query and a covered problem on each slice."""
    found: Cells = []
    for i, cost in enumerate(points[0].slices if points else ()):
        each = [point.slices[i] for point in points]
        usd = [c.amounts.usd for c in each]
        solved = [c.per_correct.usd if c.per_correct else None for c in each]
        found.append((Column(f"$ a query, {cost.slice}", PREDICTED), median_text(usd, amounts.usd)))
        found.append(
            (Column(f"$ a solved one, {cost.slice}", PREDICTED), median_text(solved, amounts.usd))
        )
    return found
