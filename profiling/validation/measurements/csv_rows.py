"""The rows of a CSV file; mistakes are named by file, line and column."""

import csv
import io
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ....model.input_files import read_text
from ...errors import ProfileInputError


class LeftOutError(Exception):
    """A row that is well formed, but says too little (or something else) to be predicted."""


@dataclass(frozen=True)
class Row:
    """One line of a table; cells without the blanks around them."""

    file: Path
    line: int
    cells: dict[str, str]

    @property
    def id(self) -> str:
        """'measured_inference.csv:23': the row's own id, else its line."""
        return f"{self.file.name}:{self.cells.get('id') or self.line}"

    def text(self, column: str) -> str:
        """The cell; empty where the table has no such column."""
        return self.cells.get(column, "")

    def number(self, column: str) -> float:
        """A positive number that must be there. Raises ProfileInputError where the cell is none."""
        value = self.number_or_none(column)
        if value is None:
            raise self._wrong(column, "is not a positive number")
        return value

    def count(self, column: str, default: int) -> int:
        """A whole number, `default` where the cell is empty. Raises ProfileInputError where the
        cell is another text, or below 1."""
        if not self.text(column):
            return default
        value = self.number(column)
        if value != int(value):
            raise self._wrong(column, "is not a whole number")
        return int(value)

    def _wrong(self, column: str, what: str) -> ProfileInputError:
        cell = repr(self.text(column)) if self.text(column) else "an empty cell"
        return ProfileInputError(f"{self.file}, line {self.line}, column '{column}': {cell} {what}")

    def number_or_none(self, column: str) -> float | None:
        """The number in a cell that may hold words instead ('dataset', '?', 'MLA'): then None."""
        with suppress(ValueError):
            value = float(self.text(column))
            return value if 0 < value < math.inf else None
        return None


def read_rows(file: Path) -> list[Row]:
    """The rows of a CSV file with a header, one at least; empty lines are passed over. Raises
    ProfileInputError where it is missing, not text, has no rows, or a line has more or fewer cells
    than the header (file and line are named)."""
    text = read_text(
        file, "table of measurements", ProfileInputError, missing="expected a CSV file"
    )
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = tuple(name.strip() for name in next(reader, []))
        rows = [_row(file, reader.line_num, header, cells) for cells in reader if cells]
    except csv.Error as error:
        raise ProfileInputError(f"{file}, line {reader.line_num}: {error}") from None
    if twice := next((name for name in header if header.count(name) > 1), None):
        raise ProfileInputError(f"{file}, line 1: column '{twice}' is there twice")
    if not rows:
        raise ProfileInputError(f"{file} has no rows under its header")
    return rows


def _row(file: Path, line: int, header: tuple[str, ...], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise ProfileInputError(
            f"{file}, line {line} has {len(cells)} cells, expected {len(header)} as in the header"
        )
    return Row(file, line, dict(zip(header, (cell.strip() for cell in cells), strict=True)))


SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Of each unit of time."""


def seconds_each(row: Row, of_token: float, of_step: float) -> float:
    """Seconds that the row's value makes of what its pieces do. A rate of tokens is turned over:
    `of_token` tokens are those that the pieces read or emit. A rate of steps, and a time for each
    step or token, count for `of_step` of them; a latency is the pieces' already. Raises
    LeftOutError for a unit that is not known."""
    value, unit = row.number("value"), row.text("unit")
    if unit in SECONDS:
        return value * SECONDS[unit]
    if unit in ("ms/tok", "ms/token", "ms/step", "s/tok", "us/tok"):
        return value * SECONDS[unit.partition("/")[0]] * of_step
    if unit == "steps/s":
        return of_step / value
    if unit in ("tok/s", "tokens/s"):
        return of_token / value
    raise LeftOutError(f"the unit '{unit}' of '{row.text('metric')}' is not known")
