"""The compiled lens in a terminal: one target in full, and the short section of a profile."""

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ..records import CompiledPhase, CompiledTarget
from . import compiled_facts as facts
from . import units
from .compiled_tables import collectives_table, scopes_table
from .console_table import WIDE, Column, print_table, printable
from .lens import COMPILED, COUNTED, PREDICTED
from .table import Column as TableColumn
from .table import Table

SCOPES = 6
ROOMY = 140  # columns from which a cell keeps its parts on one line
BROKEN = {"activations": "activ-\nations", "collectives": "collec-\ntives"}
NAME_MOST = 20  # characters of an excess's name before it wraps


def show_compiled(target: CompiledTarget, console: Console) -> None:
    """Print one target: what moves against what was asked for, and why."""
    console.print(Text(printable(target.target), "bold"))
    for line in facts.setting_texts(target):
        console.print(Text(printable(line), "dim"))
    _show_warnings(target, console)
    console.print()
    dropped = print_table(console, _phase_columns(target, console.width), tight=True)
    if dropped:
        names = Column("phase", [printable(p.phase) for p in target.phases], left=True, most=12)
        rest = [replace(c, cells=[cell.replace("\n", " ") for cell in c.cells]) for c in dropped]
        print_table(console, [names, *rest])
    console.print(Text("of one device and one call; whole tiles", "dim"))
    _show_excesses(target, console)
    if any(phase.collectives for phase in target.phases):
        _show_table("collectives", collectives_table(target), console)
    for phase in target.phases:
        _show_scopes(target, phase, console)


def show_compiled_section(targets: Sequence[CompiledTarget], console: Console) -> None:
    """Print asked for, compiled and excess of each phase on each target; nothing without any."""
    if not targets:
        return
    console.print()
    print_table(console, _section_columns(targets, console.width), tight=True)
    console.print(Text("what XLA moves, of one device and one call; not run", "dim"))
    for label, target in zip(facts.target_labels(targets), targets, strict=True):
        _show_warnings(target, console, prefix=f"{label}: ")
        for line in facts.stated_texts(target):
            console.print(Text(printable(f"{label}: {line}"), "dim"))


def _phase_columns(target: CompiledTarget, width: int) -> list[Column]:
    phases, gap = target.phases, _gap(width)
    return [
        *_asked_columns(phases, width),
        _largest_column(phases, width),
        _unexplained_column(phases, width),
        Column("peak memory" if width >= ROOMY else "peak", _peaks(phases, width), COMPILED),
        *_time_columns(phases),
        Column("kernels", [units.count(p.kernels) for p in phases], drop=2),
        Column("bytes", [facts.xla_bytes_text(p) for p in phases], "XLA's", drop=4),
        Column(
            "off by",
            [facts.xla_factor_text(p).replace(" ", gap, 1) for p in phases],
            left=True,
            drop=3,
        ),
        Column("compile", [units.seconds(p.compile_s) for p in phases], drop=1),
    ]


def _time_columns(phases: Sequence[CompiledPhase]) -> list[Column]:
    times = [phase.predicted_time_s for phase in phases]
    if not any(times):
        return []
    medians = ["" if time_s is None else units.seconds(time_s.median) for time_s in times]
    return [Column("time", medians, PREDICTED, drop=1)]


def _gap(width: int) -> str:
    """Between the parts of a cell: a new line where the console is narrow."""
    return " " if width >= ROOMY else "\n"


def _peaks(phases: Sequence[CompiledPhase], width: int) -> list[str]:
    """Peak memory and how it fits."""
    found = []
    for memory in (phase.memory for phase in phases):
        parts = [units.bytes_(memory.peak_bytes)]
        if memory.capacity_bytes is not None:
            capacity = units.tick(units.bytes_(memory.capacity_bytes))
            fits = facts.memory_verdict(memory)
            parts.append(f"{fits} {capacity}" if memory.fits else fits)
        found.append(_gap(width).join(parts))
    return found


def _unexplained_column(phases: Sequence[CompiledPhase], width: int, drop: int = 0) -> Column:
    title = "unexplained" if width >= ROOMY else "unexpl."
    return Column(title, [facts.signed(p.unexplained_bytes) for p in phases], drop=drop)


def _asked_columns(phases: Sequence[CompiledPhase], width: int) -> list[Column]:
    asked = "asked for" if width >= WIDE else "asked"
    return [
        Column("phase", [printable(p.phase) for p in phases], left=True, most=12),
        Column("passes", [units.count(p.passes) for p in phases]),
        Column(asked, [units.bytes_(p.counted_bytes.total) for p in phases], COUNTED),
        Column("HBM", [facts.compiled_text(p) for p in phases], COMPILED),
        Column("ratio", [facts.ratio_text(p) for p in phases]),
    ]


def _largest_column(phases: Sequence[CompiledPhase], width: int) -> Column:
    """The excess that speaks for the ratio, and its size."""
    leading = [facts.leading_excess(p) for p in phases]
    cells = [
        f"{printable(one.name)}{_gap(width)}{facts.signed(one.excess_bytes)}" if one else ""
        for one in leading
    ]
    most = NAME_MOST if width < ROOMY else 2 * NAME_MOST
    return Column("largest excess", cells, COMPILED, left=True, most=most)


def _section_columns(targets: Sequence[CompiledTarget], width: int) -> list[Column]:
    labels = facts.target_labels(targets)
    rows = [(label, p) for label, t in zip(labels, targets, strict=True) for p in t.phases]
    phases = [phase for _, phase in rows]
    return [
        Column("target", [printable(label) for label, _ in rows], left=True, most=16),
        *_asked_columns(phases, width),
        Column("excess", [facts.difference_text(p) for p in phases]),
        _largest_column(phases, width),
        _unexplained_column(phases, width, drop=1),
        Column("peak", _peaks(phases, width), drop=2),
    ]


def _show_warnings(target: CompiledTarget, console: Console, prefix: str = "") -> None:
    for warning in facts.warnings(target):
        console.print(Text(f"! {printable(prefix + warning)}", "bold red"))


def _show_excesses(target: CompiledTarget, console: Console) -> None:
    console.print(Text("\nexcesses", "bold") + Text(", against the bytes asked for", "dim"))
    for phase in target.phases:
        head = f"{printable(phase.phase)} {printable(facts.verdict(phase))}"
        console.print(Padding(Text(head), (0, 0, 0, 2), expand=False))
        for line in facts.excess_lines(phase):
            _show_excess(line, console)


def _show_excess(line: facts.ExcessLine, console: Console) -> None:
    figures = f"{facts.signed(line.size):>9} {facts.signed_share(line.share):>7}  "
    words = Text(printable(line.name), "bold")
    if line.name != facts.UNEXPLAINED:
        words += Text(f"; {printable(line.evidence)}", "not bold dim")
    if line.fix:
        words += Text(f"; fix: {printable(line.fix)}", "not bold")
    wrapped = words.wrap(console, max(console.width - 4 - len(figures), 20))
    for index, part in enumerate(wrapped):
        lead = figures if index == 0 else " " * len(figures)
        part.rstrip()
        console.print(Text(" " * 4 + lead) + part)


def _show_scopes(target: CompiledTarget, phase: CompiledPhase, console: Console) -> None:
    levels = ", ".join(
        f"{level.level} {units.bytes_(level.read_bytes + level.written_bytes)}"
        for level in phase.levels
    )
    note = f"levels: {levels}; tile padding {units.bytes_(phase.padding_bytes)}"
    heading = f"{phase.phase}, HBM bytes by scope and kind, {COMPILED}"
    table = scopes_table(target, phase, SCOPES)
    bare = [TableColumn(column.title, "", column.numeric) for column in table.columns]
    _show_table(heading, Table(table.caption, bare, table.rows), console)
    console.print(Text(printable(note), "dim"))


def _show_table(heading: str, table: Table, console: Console) -> None:
    console.print(Text(f"\n{printable(heading)}", "bold"))
    columns = [
        Column(
            column.title if console.width >= WIDE else BROKEN.get(column.title, column.title),
            [printable(row[index]) for row in table.rows],
            column.lens,
            left=not column.numeric,
            most=None if column.numeric else 22,
        )
        for index, column in enumerate(table.columns)
    ]
    if table.rows:
        print_table(console, columns, tight=True)
