"""A validation in a terminal."""

from rich.console import Console
from rich.text import Text

from ..records.validation import Fold, MeasuredRow, Validation
from .console_table import Column, print_table, printable
from .table import Table
from .validation_tables import (
    error_table,
    left_out_table,
    peers_table,
    prefill_table,
    rows_table,
    worked_left_out_table,
    worked_table,
)

ALL_ROWS_UP_TO = 40
"""Rows that are all printed; of more, the worst of each kind."""
WORST = 12


def show_validation(validation: Validation, console: Console) -> None:
    """Print errors, rows, worked problems and peers, as far as they were asked for."""
    if validation.files:
        _show_measurements(validation, console)
    if validation.worked or validation.worked_left_out:
        _show(worked_table(validation), console)
        agreed = sum(row.agrees for row in validation.worked)
        _note(f"{agreed} of {len(validation.worked)} solved within their tolerance", console)
        _show(worked_left_out_table(validation), console)
    if validation.peers:
        _show(peers_table(validation), console)
        _show(prefill_table(validation), console)
        _note("others' prefill counts some of what is marked 'no'", console)


def _show_measurements(validation: Validation, console: Console) -> None:
    rows = validation.rows
    console.print(Text(printable(", ".join(validation.files)), "bold"))
    _note(f"{len(rows)} predictions, {len(validation.left_out)} rows left out", console)
    for by in ("group", "chip", "stack", "all"):
        _show(error_table(validation, by), console)
    _note("error: median of |predicted / measured - 1|; bias: median with its sign", console)
    if len(rows) <= ALL_ROWS_UP_TO:
        _show(rows_table(rows, "held out"), console)
    else:
        worst = _worst(rows, "held out")
        _show(rows_table(worst, "held out"), console, f"The {len(worst)} worst, held out")
        _note("all rows: --json, or --out DIR", console)
    _show(left_out_table(validation), console)


def _worst(rows: list[MeasuredRow], fold: Fold) -> list[MeasuredRow]:
    """The rows whose prediction is most times off, either way."""

    def times_off(row: MeasuredRow) -> float:
        predicted = row.predicted(fold)
        if predicted is None:
            return 0.0
        ratio = predicted.median / row.observed
        return max(ratio, 1 / ratio)

    return sorted(rows, key=times_off, reverse=True)[:WORST]


def _show(table: Table, console: Console, heading: str = "") -> None:
    if not table.rows:
        return
    console.print(Text(f"\n{printable(heading or table.caption)}", "bold"))
    columns = [
        Column(
            column.title,
            [printable(row[index]) for row in table.rows],
            column.lens,
            left=not column.numeric,
            most=None if column.numeric else _most(table, console),
            drop=_drop(table, index),
        )
        for index, column in enumerate(table.columns)
    ]
    print_table(console, columns, tight=True)


def _most(table: Table, console: Console) -> int:
    """Characters from which words wrap: what a table of two columns leaves beside the first."""
    return max(console.width - 30, 30) if len(table.columns) == 2 else 36


def _drop(table: Table, index: int) -> int:
    """Verdicts go first, then words that a row's name stands for, then the last figures."""
    column = table.columns[index]
    if index == 0 or len(table.columns) == 2:
        return 0
    if column.title in ("tolerance", "agrees", "inside"):
        return 20
    if not column.numeric and column.title not in ("unit", "tool"):
        return 19 - index
    return index if index > 4 else 0


def _note(text: str, console: Console) -> None:
    console.print(Text(printable(text), "dim"))
