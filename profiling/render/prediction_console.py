"""Predictions in a terminal: one slice in full, slices side by side, thinking against a quick
answer.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from ..records.prediction import Prediction
from .console_table import Column, print_table, printable
from .prediction_facts import (
    LABEL,
    amount_facts,
    economic_notes,
    notes,
    notes_apart,
    slice_text,
    workload_text,
)
from .prediction_tables import phases_table, slices_table, tiers_table
from .table import Table


def show_prediction(prediction: Prediction, console: Console) -> None:
    """Print one prediction: its phases, what a query costs, and what it all stands on."""
    _show_heading(prediction.model, f"on {prediction.slice}", console)
    for line in (slice_text(prediction), workload_text(prediction)):
        console.print(Text(printable(line), "dim"))
    console.print()
    _show_table(phases_table(prediction), console)
    _show_amounts(prediction, console)
    console.print()
    _show_notes([*notes(prediction), *economic_notes(prediction)], console)


def show_predictions(predictions: Sequence[Prediction], console: Console) -> None:
    """Print predictions of one workload side by side, with the notes of each."""
    first = predictions[0]
    _show_heading(first.model, f"on {len(predictions)} slices", console)
    console.print(Text(printable(workload_text(first)), "dim"))
    console.print()
    _show_table(slices_table(predictions), console)
    apart, common = notes_apart(predictions)
    for prediction, said in zip(predictions, apart, strict=True):
        console.print()
        console.print(Text(printable(f"{prediction.slice}: {slice_text(prediction)}"), "bold"))
        _show_notes(said, console)
    console.print()
    _show_notes(common, console)


def show_tiers(tiers: Sequence[tuple[Prediction, Prediction]], console: Console) -> None:
    """Print thinking beside a quick answer, a table for each slice; the rest of both is alike."""
    for thinking, quick in tiers:
        _show_heading(thinking.model, f"on {thinking.slice}", console)
        console.print(Text(printable(slice_text(thinking)), "dim"))
        console.print(Text(printable(workload_text(thinking)), "dim"))
        console.print()
        _show_table(tiers_table(thinking, quick), console)
        console.print()
        _show_notes([*notes(thinking), *economic_notes(thinking)], console)
        console.print()


def show_predicted_section(
    predictions: Sequence[Prediction], unpredicted: Sequence[str], console: Console
) -> None:
    """Print a profile's predictions beside its floors; nothing where there are none."""
    if not predictions and not unpredicted:
        return
    console.print()
    if predictions:
        _show_table(slices_table(predictions, by_phase=False), console, whole=False)
        console.print(Text(f"{LABEL}; links and overheads in, an interval holds 80 %", "dim"))
    for sentence in unpredicted:
        console.print(Text(printable(sentence), "dim"))


def _show_heading(model: str, where: str, console: Console) -> None:
    heading = Text(printable(model), "bold") + Text(f" {printable(where)}: {LABEL}", "not bold")
    console.print(heading)


def _show_table(table: Table, console: Console, whole: bool = True) -> None:
    """The table; where it is to be `whole`, what there is no room for follows in further ones."""
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
    while dropped and whole:
        console.print()
        rest = [columns[0], *dropped]
        left = print_table(console, rest, table.has_total, tight=True)
        if len(left) == len(dropped):
            return
        dropped = left


def _show_amounts(prediction: Prediction, console: Console) -> None:
    economics = prediction.economics
    if economics is None:
        return
    lines = RichTable.grid(padding=(0, 2, 0, 0))
    lines.add_row(Text(""), Text("a query", "bold"), Text("an attempt", "bold"))
    whole, each = amount_facts(economics.per_query), amount_facts(economics.per_attempt)
    for (name, query), (_, attempt) in zip(whole, each, strict=True):
        lines.add_row(Text(name, "bold"), Text(query), Text(attempt))
    console.print()
    console.print(lines)


def _show_notes(sentences: Sequence[str], console: Console) -> None:
    for sentence in sentences:
        console.print(Padding(Text(printable(sentence), "dim"), (0, 0, 0, 2), expand=False))
