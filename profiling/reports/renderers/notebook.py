"""A document in a notebook's cell, a chart that shows itself, a table as a DataFrame."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from ...errors import ProfileInputError
from ...records.files import write_bytes
from ..document import Chart, Document, Spec, Table, printable
from ..table_rows import rows_of
from .html import fragment
from .vega import png, svg

Frame: TypeAlias = Any
"""A pandas.DataFrame where pandas is installed, else a list of rows."""

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


def frame(*tables: Table, index: str = "") -> Frame:
    """`rows_of` as a DataFrame with `index` (the first column) as its index.

    Without pandas the list of rows.
    """
    rows = rows_of(*tables)
    if find_spec("pandas") is None:
        return rows
    made = import_module("pandas").DataFrame(rows)
    return made.set_index(index or tables[0].columns[0].key) if rows else made
