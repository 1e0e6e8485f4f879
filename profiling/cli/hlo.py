"""`rooflink hlo`: a program's traffic as a table or as JSON, for HLO of any origin."""

import json as jsonlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..compiled.hlo.proto import read_module
from ..compiled.traffic.traffic import HBM, InstructionTraffic, ModuleTraffic
from ..compiled.traffic.walk import module_traffic
from ..reports import units
from ..reports.document import Block, Column, Document, Paragraph, Section, Table
from ..reports.renderers.console import show
from .csv_files import Csv, write_tables

_LARGEST = 12


def hlo_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HLO text or proto.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    csv: Csv = None,
) -> None:
    """Read a compiled program's HLO and say what it moves, loops multiplied out.

    FILE is an optimised HLO module as text or proto, e.g. from `compiled.as_text()` or XLA's dumps.

    Examples:

        rooflink hlo module_0001.step.after_optimizations.txt

        rooflink hlo step.hlo.pb --json
    """
    traffic = module_traffic(read_module(file))
    if json:
        print(hlo_json(traffic))
    elif csv is not None:
        write_tables(hlo_document(traffic).tables(), csv)
    else:
        show(hlo_document(traffic), Console())


def hlo_json(traffic: ModuleTraffic) -> str:
    """The whole traffic with its totals."""
    totals = {
        "hbm_bytes": traffic.hbm_bytes(),
        "kernels": traffic.kernels,
        "bytes_by_space": traffic.bytes_by_space(),
        "bytes_by_scope": traffic.bytes_by_scope(),
        "unresolved_loops": [loop.name for loop in traffic.unresolved_loops],
        "upper_bounds": traffic.upper_bounds,
    }
    return jsonlib.dumps(totals | asdict(traffic), indent=1)


def hlo_document(traffic: ModuleTraffic) -> Document:
    """Totals by memory space and scope, loops, copies and the largest instructions."""
    warned: list[Block] = [
        Paragraph(f"Warning: loop {loop.name} is counted ONCE, so totals are too small: "
                  f"{loop.reason}", note=False)
        for loop in traffic.unresolved_loops
    ]  # fmt: skip
    warned += [
        Paragraph(f"Warning: custom call {call.name} ({call.target}) has no cost estimate: its "
                  "operands and results are counted once", note=False)
        for call in traffic.unknown_calls
    ]  # fmt: skip
    warned += [Paragraph(f"At most: {text}", note=False) for text in traffic.upper_bounds]
    at_most = "At most " if traffic.upper_bounds else ""
    return Document(
        title=traffic.name,
        headline=f"{at_most}{units.bytes_(traffic.hbm_bytes())} of HBM traffic on one device, "
        f"{units.count(traffic.kernels)} instructions executed (compiled, loops multiplied out)",
        lead=warned,
        sections=[
            Section("", [_sums("memory space", traffic.bytes_by_space())]),
            Section("", [_sums("scope, HBM", traffic.bytes_by_scope())]),
            Section("Loops", [_loops(traffic)]),
            Section("Conditionals", [_branches(traffic)]),
            Section("Largest instructions, HBM", [_instructions(traffic.largest(_LARGEST))]),
            Section("Copies made by the compiler", [_instructions(traffic.copies[:_LARGEST])]),
        ],
    )


def _sums(title: str, sums: Mapping[str, int]) -> Table:
    largest = list(sums.items())[:_LARGEST]
    return Table(
        title,
        [
            Column(title, [name or "(none)" for name, _ in largest]),
            Column("bytes", [size for _, size in largest], units.bytes_),
        ],
    )


def _loops(traffic: ModuleTraffic) -> Table:
    loops = traffic.loops
    trips = [
        ("at most " if loop.early_exit else "")
        + (units.count(int(loop.trips)) if loop.trips == int(loop.trips) else f"{loop.trips:.3g}")
        for loop in loops
    ]
    return Table(
        "Loops",
        [
            Column("loop", [loop.name for loop in loops]),
            Column("trips", trips, str),
            Column("entered", [loop.times for loop in loops], units.count),
            Column("runs", [loop.runs for loop in loops], units.count),
            Column("known from", [loop.source for loop in loops], str),
        ],
    )


def _branches(traffic: ModuleTraffic) -> Table:
    rows = [(one, branch) for one in traffic.conditionals for branch in one.branches]
    return Table(
        "Conditionals",
        [
            Column("conditional", [one.name for one, _ in rows]),
            Column("runs", [one.times for one, _ in rows], units.count),
            Column("branch", [branch.name for _, branch in rows]),
            Column("of them", [branch.runs for _, branch in rows], units.count),
            Column("HBM bytes", [branch.hbm_bytes for _, branch in rows], units.bytes_),
            Column("known", ["yes" if c.exact else "if always taken" for c, _ in rows]),
        ],
    )


def _instructions(rows: Sequence[InstructionTraffic]) -> Table:
    return Table(
        "Instructions",
        [
            Column("instruction", [row.name for row in rows]),
            Column("scope", [row.scope for row in rows]),
            Column("times", [row.times for row in rows], units.count),
            Column("HBM bytes", [row.bytes(HBM) for row in rows], units.bytes_),
        ],
    )
