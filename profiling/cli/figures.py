"""One chip's figures with their sources, as a table."""

from rich.console import Console
from rich.table import Table

from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure, Statement, figures_in
from ..render.units import count, prefixed

PREFIXED = {"FLOP/s", "B/s", "B"}


def show_chip(chip: Chip, console: Console) -> None:
    """Print every figure of `chip` with unit, confidence, date and source."""
    table = Table(title=f"{chip.name} ({chip.vendor}, {chip.year}), per chip", box=None)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", overflow="fold", min_width=13, max_width=24)
    table.add_column("confidence")
    table.add_column("date", no_wrap=True)
    table.add_column("source", overflow="fold")
    for name, figure in figures_in(chip).items():
        value = figure.value if isinstance(figure, Statement) else _number(figure)
        table.add_row(name, value, figure.confidence, figure.date, figure.source)
    console.print(table)


def _number(figure: Figure) -> str:
    if figure.unit in PREFIXED:
        return prefixed(figure.value, figure.unit)
    return count(figure.value) if figure.unit == "1" else f"{figure.value:g} {figure.unit}"
