"""The traced generation in a terminal: the largest scopes, and how much is known."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..records import Profile
from .console_table import Column, print_table, printable
from .trace_tables import BETWEEN, scopes_table, trace_notes

SCOPES = 8


def show_trace_section(profile: Profile, console: Console) -> None:
    """Print the largest scopes by phase; nothing where no trace was asked for."""
    if profile.trace is None:
        return
    console.print()
    table = scopes_table(profile.trace, SCOPES)
    columns = [
        Column(
            column.title,
            [printable(row[index]) for row in table.rows],
            column.lens if index == 1 else "",
            left=not column.numeric,
            drop=2 if column.title == BETWEEN else int(0 < index < len(table.columns) - 2),
        )
        for index, column in enumerate(table.columns)
    ]
    print_table(console, columns, table.has_total, tight=True)
    for note in trace_notes(profile):
        console.print(Padding(Text(printable(note), "dim"), (0, 0, 0, 0), expand=False))
