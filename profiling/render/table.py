"""A table as data, so that Markdown and HTML print the same figures."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A heading, the lens of the figures under it ('' for plain facts), and its alignment."""

    title: str
    lens: str = ""
    numeric: bool = True

    @property
    def heading(self) -> str:
        """Title and lens in one line."""
        return f"{self.title} ({self.lens})" if self.lens else self.title


@dataclass(frozen=True)
class Table:
    """Rows of text under columns; with `has_total` the last row sums the others."""

    caption: str
    columns: list[Column]
    rows: list[list[str]]
    has_total: bool = False


def from_columns(
    caption: str, columns: Sequence[tuple[Column, list[str]]], has_total: bool = False
) -> Table:
    """A table from its columns' cells; a column whose cells are all empty is left out."""
    kept = [(column, cells) for column, cells in columns if any(cells)]
    rows = [list(row) for row in zip(*(cells for _, cells in kept), strict=True)]
    return Table(caption, [column for column, _ in kept], rows, has_total)


def pairs(caption: str, facts: Sequence[tuple[str, str]]) -> Table:
    """A two-column table of facts; those without a value are left out."""
    rows = [[name, value] for name, value in facts if value]
    return Table(caption, [Column("what", numeric=False), Column("value", numeric=False)], rows)
