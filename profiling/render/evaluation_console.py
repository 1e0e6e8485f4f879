"""An evaluation in a terminal: strategies, slices, attempts and the frontier."""

from rich.console import Console
from rich.text import Text

from ..records.evaluation import Evaluation
from .console_table import Column, print_table, printable
from .evaluation_attempt_tables import attempts_tables
from .evaluation_choice_tables import baseline_table, frontier_table
from .evaluation_facts import headline, notes, subtitle
from .evaluation_tables import cells_table, slice_table
from .table import Table


def show_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print what matters most; the report has the rest."""
    console.print(Text(printable(headline(evaluation)), "bold"))
    console.print(Text(printable(", ".join(subtitle(evaluation))), "dim"))
    slices = max((len(cell.slices) for cell in evaluation.cells), default=0)
    for table in (
        cells_table(evaluation),
        *(slice_table(evaluation, index) for index in range(slices)),
        *attempts_tables(evaluation),
        *(frontier_table(each) for each in evaluation.frontiers[:1]),
        baseline_table(evaluation),
    ):
        _show(table, console)
    console.print()
    for note in notes(evaluation):
        console.print(Text(printable(note), "dim"))


def _show(table: Table, console: Console) -> None:
    if not table.rows:
        return
    console.print()
    console.print(Text(printable(table.caption), "bold"))
    columns = [
        Column(
            column.title,
            [printable(row[index]) for row in table.rows],
            column.lens,
            left=not column.numeric,
            drop=index,  # the last ones go first
        )
        for index, column in enumerate(table.columns)
    ]
    dropped = print_table(console, columns, table.has_total, tight=True)
    while dropped:  # what there is no room for follows in further tables
        console.print()
        left = print_table(console, [columns[0], *dropped], table.has_total, tight=True)
        if len(left) == len(dropped):
            return
        dropped = left
