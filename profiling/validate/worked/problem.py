"""Problem: a question with a published answer, as data/worked_problems.csv has it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..measurements.table import Row, read_table

Solution = Callable[[], float]
"""A question solved: its answer in its unit."""

FILE = Path(__file__).parents[1] / "data" / "worked_problems.csv"


@dataclass(frozen=True)
class Problem:
    """One row of the file."""

    id: str
    section: str
    question: str
    unit: str
    printed: str  # the answer as the file has it; empty where none was published
    tolerance_percent: float
    note: str

    @property
    def answer(self) -> float | None:
        """The published answer."""
        return float(self.printed) if self.printed else None

    def agrees(self, value: float) -> bool:
        """Whether `value` is within the tolerance; at tolerance 0, whether it rounds to what was
        printed."""
        answer = self.answer
        if answer is None:
            return False
        if self.tolerance_percent == 0:
            decimals = len(self.printed.partition(".")[2].rstrip("0"))
            return abs(value - answer) <= 0.5 * 10.0**-decimals
        return abs(value / answer - 1) <= self.tolerance_percent / 100


@cache
def problems() -> tuple[Problem, ...]:
    """All of the file, in its order."""
    return tuple(_problem(row) for row in read_table(FILE).rows)


def _problem(row: Row) -> Problem:
    return Problem(
        id=row.text("id"),
        section=row.text("section"),
        question=row.text("question"),
        unit=row.text("unit"),
        printed=row.text("published_answer"),
        tolerance_percent=float(row.text("suggested_tolerance_pct") or 0),
        note=row.text("note"),
    )
