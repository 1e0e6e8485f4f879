"""A document in a notebook's cell, a chart that shows itself, a table as a DataFrame."""

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import ProfileInputError
from ...records import Interval
from ...records.files import write_bytes
from ..document import Chart, Document, Spec, Table, Value, printable
from .html import fragment
from .vega import png, svg

Row = dict[str, object]
Frame: TypeAlias = Any
"""A pandas.DataFrame where pandas is installed, else a list of rows."""

_UNIT = re.compile(r"(.*?)(_per_.*|_wall_j|_[a-z0-9]+)?$")  # 'time' '_s', 'usd' '_per_query'
_numbers = count()
_brought: list[int] = []  # the element of this kernel that brought what draws charts


def cell(document: Document) -> str:
    """The document as HTML. The first with a chart brings what draws it, 0.4 MB, for all.

    In Colab every cell is a page of its own, so that each brings it.
    """
    number = next(_numbers)
    bundle = bool(document.charts()) and (not _brought or "google.colab" in sys.modules)
    if bundle:
        _brought.append(number)
    return fragment(document, number, bundle)


@dataclass(frozen=True)
class Picture:
    """A chart that a notebook shows: interactive where scripts run, else as it stands."""

    chart: Chart

    def __repr__(self) -> str:
        return printable(f"{self.chart.title}. {self.chart.alt}")

    def _repr_html_(self) -> str:
        return cell(Document(self.chart.title, "", [], lead=[self.chart]))

    def _repr_png_(self) -> bytes:
        return png(self.chart)

    @property
    def spec(self) -> Spec:
        """The Vega-Lite specification, to change or to draw with altair.Chart.from_dict."""
        return self.chart.spec

    def save(self, path: str | Path) -> Path:
        """Write the chart whole to `path`, an SVG where that ends so, else a PNG; returns it.

        Raises ProfileInputError where that cannot be.
        """
        where = Path(path)
        drawn = svg(self.chart).encode() if where.suffix == ".svg" else png(self.chart)
        try:
            write_bytes(where, drawn)
        except (OSError, ValueError) as error:  # a NUL in a path is the second
            reason = getattr(error, "strerror", None) or str(error)
            raise ProfileInputError(f"cannot write the chart to {where}: {reason}") from None
        return where


def picture(chart: Chart | None, missing: str) -> Picture:
    """The chart, to be shown. Raises ProfileInputError with `missing` where there is none."""
    if chart is None:
        raise ProfileInputError(missing)
    return Picture(chart)


def rows_of(*tables: Table) -> list[Row]:
    """The values of tables with the same rows, side by side, without their totals.

    An interval becomes three columns: its median under the column's name, and that name with
    `_low` and `_high` before the unit ('time_s', 'time_low_s', 'time_high_s').
    """
    length = len(tables[0].columns[0].values) if tables[0].columns else 0
    made: list[Row] = [{} for _ in range(length - tables[0].has_total)]
    for table in tables:
        for column in table.columns:
            if column.data:
                for row, value in zip(made, column.values, strict=False):
                    row.update(_cells(column.key, value))
    return made


def frame(*tables: Table, index: str = "") -> Frame:
    """`rows_of` as a DataFrame with `index` (the first column) as its index.

    Without pandas the list of rows.
    """
    rows = rows_of(*tables)
    if find_spec("pandas") is None:
        return rows
    made = import_module("pandas").DataFrame(rows)
    return made.set_index(index or tables[0].columns[0].key) if rows else made


def _cells(name: str, value: Value) -> Row:
    if not isinstance(value, Interval):
        return {name: value}
    stem, unit = _UNIT.match(name).groups("")  # type: ignore[union-attr]  # it matches any name
    return {name: value.median, f"{stem}_low{unit}": value.low, f"{stem}_high{unit}": value.high}
