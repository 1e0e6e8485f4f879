"""A table of numbers in a terminal: where it is wider than the console, its least needed columns
go first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

WIDE = 110  # columns from which numbers carry their units and gaps are two wide


@dataclass(frozen=True)
class Column:
    """Cells under a two-line heading; the column with the highest `drop` is left out first."""

    title: str
    cells: list[str]
    lens: str = ""
    left: bool = False
    drop: int = 0
    most: int | None = None  # characters from which its cells wrap


def print_table(
    console: Console, columns: Sequence[Column], has_total: bool = False, tight: bool = False
) -> list[Column]:
    """The table with as many columns as fit, least needed ones dropped first; returns those.

    `tight` narrows the gaps before it drops a column.
    """
    kept = [column for column in columns if any(column.cells)]
    if not kept:
        return []
    gap = 2 if console.width >= WIDE else 1
    if tight and _natural_width(kept, gap) > console.width:
        gap = 1
    offered = kept
    while True:
        table = _rich_table(kept, gap, has_total)
        fits = Measurement.get(console, console.options, table).maximum <= console.width
        droppable = max(kept, key=lambda column: column.drop)
        if (fits and _natural_width(kept, gap) <= console.width) or droppable.drop == 0:
            console.print(table)
            return [column for column in offered if column not in kept]
        kept = [column for column in kept if column is not droppable]


def _natural_width(columns: Sequence[Column], gap: int) -> int:
    """Width without wrapping; rich's own measure is capped at the console's."""
    return sum(map(_width, columns)) + gap * (len(columns) - 1)


def _width(column: Column) -> int:
    lines = "\n".join((column.title, column.lens, *column.cells)).split("\n")
    longest = max(map(len, lines))
    return min(longest, column.most or longest)


def _rich_table(columns: Sequence[Column], gap: int, has_total: bool) -> RichTable:
    table = RichTable(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    over = "\n" if any(column.lens for column in columns) else ""
    for column in columns:
        heading = Text(f"{column.lens}{over}", "dim") + Text(column.title, "bold not dim")
        justify = "left" if column.left else "right"
        width = _width(column) if column.most else None
        table.add_column(heading, justify=justify, overflow="fold", width=width)  # type: ignore[arg-type]
    rows = list(zip(*(column.cells for column in columns), strict=True))
    for index, row in enumerate(rows):
        style = "bold" if has_total and index == len(rows) - 1 else ""
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table


def printable(text: str) -> str:
    """Text on one line; control characters must not reach the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
