"""The rows of a CSV file; mistakes are named by file, line and column."""

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from ....model.input_files import MiB, read_text
from ....tpu_configs.input_errors import one_line, visible
from ...errors import ProfileInputError

MOST_BYTES = 16 * MiB
"""Of a table of measurements; the largest that comes along has 60 kB."""
MOST_ROWS = 20_000
"""Each is predicted and drawn: more would be a benchmark's raw log, not its table."""
LONGEST_CELL = 1000
"""Characters; patterns are looked for in cells, and no published note is half as long."""
KEPT = 4096
"""Different cells of a column whose meaning is kept, for most rows repeat those of others."""
LEAST, LARGEST = 1e-30, 1e30
"""Of a measured or stated number: between them all arithmetic on it stays finite and above zero."""
NUMBER = r"(?<![\d.,])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?![\d.])"
"""A group of a regular expression: a whole number within text, not a part of '1.2.3' or '1,2'."""
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


class LeftOutError(Exception):
    """A row that is well formed, but says too little (or something else) to be predicted."""


def positive(text: str) -> float:
    """The number that a pattern has matched in a cell. Raises LeftOutError for one that is zero or
    larger than anything measured."""
    plain = text.replace(",", "")
    value = float(plain) if _PLAIN.fullmatch(plain) else 0.0
    if not LEAST <= value <= LARGEST:
        raise LeftOutError(f"{one_line(repr(text))} is no number of anything there is")
    return value


def positive_count(text: str) -> int:
    """As `positive`, of things that are counted."""
    return int(positive(text))


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
        """A positive number. Raises LeftOutError where the cell is empty, ProfileInputError where
        it is another text."""
        if not self.text(column):
            raise LeftOutError(f"the column '{column}' is empty")
        value = self._number(column)
        if value is None:
            raise self._wrong(column, "is not a positive number")
        return value

    def count(self, column: str, default: int) -> int:
        """A whole number, `default` where the cell is empty. Raises ProfileInputError where the
        cell is another text, or below 1."""
        if not self.text(column):
            return default
        value = self.number(column)
        if not value.is_integer():
            raise self._wrong(column, "is not a whole number")
        return int(value)

    def _wrong(self, column: str, what: str) -> ProfileInputError:
        cell = f"column '{column}': {self.text(column)!r}"
        return ProfileInputError(f"{self.file}, line {self.line}, {cell} {what}")

    def number_or_none(self, column: str) -> float | None:
        """The number in a cell that may hold words instead ('dataset', '?', 'MLA'): then None.
        Raises LeftOutError for a number below zero."""
        text = self.text(column)
        if text.startswith("-") and _PLAIN.fullmatch(text) and float(text) < 0:
            raise LeftOutError(f"the column '{column}' is {text[:40]}, below zero")
        return self._number(column)

    def _number(self, column: str) -> float | None:
        text = self.text(column)
        value = float(text) if _PLAIN.fullmatch(text) else 0.0
        return value if LEAST <= value <= LARGEST else None


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
        lines = itertools.islice(filter(None, reader), MOST_ROWS + 1)
        rows = [_row(file, reader.line_num, header, cells) for cells in lines]
    except csv.Error as error:
        raise ProfileInputError(f"{file}, line {reader.line_num}: {error}") from None
    if twice := next((name for name in header if header.count(name) > 1), None):
        raise ProfileInputError(f"{file}, line 1: column '{twice}' is there twice")
    if not rows:
        raise ProfileInputError(f"{file} has no rows under its header")
    if len(rows) > MOST_ROWS:
        raise ProfileInputError(f"{file} has more than {MOST_ROWS:,} rows: validate them in parts")
    return rows


def _row(file: Path, line: int, header: tuple[str, ...], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise ProfileInputError(
            f"{file}, line {line} has {len(cells)} cells, expected {len(header)} as in the header"
        )
    if longest := next((name for name, cell in zip(header, cells, strict=True)
                        if len(cell) > LONGEST_CELL), None):  # fmt: skip
        raise ProfileInputError(
            f"{file}, line {line}, column '{longest}': a cell has more than {LONGEST_CELL:,} "
            "characters, expected words or a number"
        )
    return Row(file, line, dict(zip(header, map(_printable, cells), strict=True)))


def _printable(cell: str) -> str:
    """Without blanks around it, and without what a terminal would obey."""
    text = " ".join(cell.split("\n")).strip()
    return visible(text)


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
