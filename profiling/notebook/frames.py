"""Rows of figures as a pandas DataFrame where pandas is installed, else as they are."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

Row = dict[str, Any]


def frame(rows: Sequence[Row], index: str) -> Any:
    """A DataFrame with column `index` as its index; without pandas the list of rows."""
    if find_spec("pandas") is None:
        return list(rows)
    table = import_module("pandas").DataFrame(list(rows))
    return table.set_index(index) if len(rows) else table
