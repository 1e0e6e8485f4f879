"""Tables as rows of values: for DataFrames and for CSV files."""

import csv
from io import StringIO
from typing import TypeAlias

from ..records.base import Interval
from .document import Table, Value
from .units import interval_names

Row: TypeAlias = dict[str, object]


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
                names = interval_names(column.key)
                for row, value in zip(made, column.values, strict=False):
                    row.update(_cells(names, value))
    return made


def _cells(names: tuple[str, str, str], value: Value) -> Row:
    if not isinstance(value, Interval):
        return {names[0]: value}
    return dict(zip(names, (value.median, value.low, value.high), strict=True))


def csv_text(table: Table) -> str:
    """The rows of a table as a CSV file: a header, values as they are, units in the names of
    columns; '' for a table without rows."""
    rows = rows_of(table)
    if not rows:
        return ""
    text = StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)),
                            lineterminator="\n")  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
