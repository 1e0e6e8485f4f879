"""A co-design report on the terminal: its first page, and the cases side by side."""

from rich.console import Console
from rich.markup import escape

from ..records.codesign import CodesignReport
from .codesign_asks import SideView, first_page
from .codesign_tables import cases_table
from .codesign_words import headline
from .console_table import Column, print_table


def show_codesign(report: CodesignReport, console: Console) -> None:
    """Print the asks of both sides, the cases, and what was left out."""
    console.print(escape(headline(report)), style="bold", highlight=False)
    for side in first_page(report).sides:
        _asks(side, console)
    console.print()
    print_table(console, _cases(report))
    for note in report.notes:
        console.print(f"[dim]{escape(note)}[/]", highlight=False)


def _cases(report: CodesignReport) -> list[Column]:
    """The table of cases; its later columns go first where the terminal is narrow."""
    table = cases_table(report.cases)
    return [
        Column(
            column.title,
            [row[i] for row in table.rows],
            column.lens,
            left=not column.numeric,
            drop=i,
        )
        for i, column in enumerate(table.columns)
    ]


def _asks(side: SideView, console: Console) -> None:
    console.print(f"\n[bold]To the {side.side} team[/]")
    if not side.asks:
        console.print("  nothing was found to ask for")
    for ask in side.asks:
        bounds = f" ({ask.bounds})" if ask.bounds else ""
        begin = f"  {ask.rank}. [bold]{escape(ask.saving)}[/]{escape(bounds)}  "
        console.print(begin + escape(ask.sentence), highlight=False)
