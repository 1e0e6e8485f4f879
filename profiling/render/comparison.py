"""A Comparison as console and Markdown tables."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ..compare import Comparison, PhaseChange, Ratio
from ..records.lenses import TOTAL
from . import facts, units
from .lens import COUNTED, MEASURED
from .markdown import inline, table_markdown
from .table import Column, Table

_UNLIKE = "The two profiles are unlike (see what differs): the ratios weigh unlike things."
_MACHINES = "Times were measured on different machines and are not comparable."


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print what differs, then every ratio."""
    console.print(Text(f"b: {comparison.name_b}  against  a: {comparison.name_a}", "bold"))
    for note in notes(comparison):
        console.print(Text(note, "bold yellow"))
    for table in comparison_tables(comparison):
        console.print()
        console.print(Text(table.caption, "bold"))
        console.print(_rich(table))


def comparison_markdown(comparison: Comparison) -> str:
    """The same for a repository or a review."""
    parts = [f"# {inline(comparison.name_b)} against {inline(comparison.name_a)}"]
    parts.append("Every ratio is b / a; a is the first profile named, b the second.")
    parts += [f"**{note}**" for note in notes(comparison)]
    for table in comparison_tables(comparison):
        parts += [f"## {table.caption}", table_markdown(table)]
    return "\n\n".join(parts) + "\n"


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know before any ratio."""
    found = [_UNLIKE] if comparison.unlike else []
    timed = any(change.time for change in comparison.phases)
    if timed and not comparison.same_machine:
        found.append(_MACHINES)
    return found


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Differences, ratios by phase, accuracy; empty ones left out."""
    rows = [
        row
        for change in [*comparison.phases, *([comparison.total] if comparison.total else [])]
        for row in _phase_rows(change)
    ]
    rows += _accuracy_rows(comparison)
    differing = [[f"{d.part} {d.field}", d.a, d.b] for d in comparison.differences]
    heads = [Column("what", numeric=False), Column("a"), Column("b")]
    found = [
        Table("What differs", [Column(c.title, numeric=False) for c in heads], differing),
        Table(
            "Ratios",
            [Column("phase", numeric=False), *heads, Column("b / a"), Column("verdict", "", False)],
            rows,
        ),
    ]
    return [table for table in found if table.rows]


def _phase_rows(change: PhaseChange) -> list[list[str]]:
    rows = [_row(f"tokens, {COUNTED}", change.tokens, units.count)]
    if change.time:
        time = change.time
        a, b = units.seconds(time.a.median), units.seconds(time.b.median)
        ratio = "" if time.ratio is None else units.ratio(time.ratio)
        if time.verdict == "different machines":
            ratio = ""  # a ratio that may not be read is not printed
        rows.append([f"time, {MEASURED}", a, b, ratio, time.verdict])
    if change.tokens_per_s:
        row = _row(f"rate, {MEASURED}", change.tokens_per_s, units.rate)
        if change.time and change.time.verdict == "different machines":
            row[3:] = ["", change.time.verdict]
        rows.append(row)
    rows.append(_row(f"FLOPs, {COUNTED}", change.flops, units.flops))
    for kind, moved in change.hbm_bytes.items():
        name = "HBM bytes" if kind == TOTAL else facts.KIND_LABELS[kind]
        rows.append(_row(f"{name}, {COUNTED}", moved, units.bytes_))
    rows.append(_row(f"intensity, {COUNTED}", change.intensity, units.intensity))
    return [[change.phase if i == 0 else "", *row] for i, row in enumerate(rows)]


def _row(name: str, found: Ratio, write: Callable[[float], str]) -> list[str]:
    more_or_less = "more" if found.b > found.a else "less"
    verdict = "same" if found.a == found.b else more_or_less
    ratio = "" if found.ratio is None else units.ratio(found.ratio)
    return [name, write(found.a), write(found.b), ratio, verdict]


def _accuracy_rows(comparison: Comparison) -> list[list[str]]:
    found = comparison.accuracy
    if found is None:
        return []
    row = _row("accuracy", found.accuracy, units.share)
    row[4] = found.verdict
    intervals = [
        "95 % interval",
        *(
            units.span(units.share(low), units.share(high))
            for low, high in (found.interval_a, found.interval_b)
        ),
        "",
        "",
    ]
    return [["outcome", *row], ["", *intervals]]


def _rich(table: Table) -> RichTable:
    drawn = RichTable(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for column in table.columns:
        drawn.add_column(column.title, justify="right" if column.numeric else "left")
    for row in table.rows:
        starts = bool(row[0]) and len(row) > 3
        drawn.add_row(
            *(Text(cell, "bold" if starts and i == 0 else "") for i, cell in enumerate(row))
        )
    return drawn
