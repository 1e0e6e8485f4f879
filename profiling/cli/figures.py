"""One chip's figures with their sources, as a table."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure, Statement
from ..render.units import count, prefixed

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and source."""
    table = Table(title=f"{chip.name} ({chip.vendor}, {chip.year}), per chip", box=None)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("confidence")
    table.add_column("date", no_wrap=True)
    table.add_column("source", overflow="fold")
    for name, figure in _figures(chip):
        value = figure.value if isinstance(figure, Statement) else _number(figure)
        table.add_row(name, value, figure.confidence, figure.date, figure.source)
    console.print(table)


def _figures(chip: Chip) -> Iterator[tuple[str, Figure | Statement]]:
    for section in type(chip).model_fields:
        table = getattr(chip, section)
        for field in getattr(type(table), "model_fields", ()):
            figure = getattr(table, field)
            if isinstance(figure, Figure | Statement):
                yield f"{section}.{field}", figure


def _number(figure: Figure) -> str:
    if figure.unit in PREFIXED:
        return prefixed(figure.value, figure.unit)
    return count(figure.value) if figure.unit == "1" else f"{figure.value:g} {figure.unit}"
