"""`rooflink hlo`: a program's traffic as a table or as JSON, for HLO of any origin."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..compiled.hlo.proto import read_module
from ..compiled.traffic.traffic import HBM, InstructionTraffic, ModuleTraffic
from ..compiled.traffic.walk import module_traffic
from ..render.units import bytes_, count

LARGEST = 12


def show_traffic(traffic: ModuleTraffic, console: Console) -> None:
    """Print totals by memory space and scope, loops, copies and the largest instructions."""
    console.print(
        f"[bold]{traffic.name}[/]: {bytes_(traffic.hbm_bytes())} of HBM traffic on one device, "
        f"{count(traffic.kernels)} instructions executed (compiled, loops multiplied out)",
        soft_wrap=True,
    )
    for loop in traffic.unresolved_loops:
        console.print(
            f"[bold red]loop {loop.name} is counted ONCE[/], so totals are too small: "
            f"{loop.reason}",
            soft_wrap=True,
        )
    for call in traffic.unknown_calls:
        console.print(
            f"[yellow]custom call {call.name} ({call.target}) has no cost estimate[/]: its "
            "operands and results are counted once",
            soft_wrap=True,
        )
    console.print(_sums("memory space", traffic.bytes_by_space()))
    console.print(_sums("scope, HBM", traffic.bytes_by_scope()))
    console.print(_loops(traffic))
    console.print(_instructions("Largest instructions, HBM", traffic.largest(LARGEST)))
    if traffic.copies:
        console.print(_instructions("Copies made by the compiler", traffic.copies[:LARGEST]))


def hlo_json(traffic: ModuleTraffic) -> str:
    """The whole traffic with its totals."""
    totals = {
        "hbm_bytes": traffic.hbm_bytes(),
        "kernels": traffic.kernels,
        "bytes_by_space": traffic.bytes_by_space(),
        "bytes_by_scope": traffic.bytes_by_scope(),
        "unresolved_loops": [loop.name for loop in traffic.unresolved_loops],
    }
    return jsonlib.dumps(totals | asdict(traffic), indent=1)


def _sums(title: str, sums: dict[str, int]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(title)
    table.add_column("bytes", justify="right")
    for name, size in list(sums.items())[:LARGEST]:
        table.add_row(name or "(none)", bytes_(size))
    return table


def _loops(traffic: ModuleTraffic) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("loop")
    for column in ("trips", "entered", "known from"):
        table.add_column(column, justify="right")
    for loop in traffic.loops:
        bound = f"at most {loop.trips}" if loop.early_exit else count(loop.trips)
        table.add_row(loop.name, bound, count(loop.times), loop.source)
    return table


def _instructions(title: str, rows: tuple[InstructionTraffic, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("instruction", overflow="fold")
    table.add_column("scope", overflow="fold")
    table.add_column("times", justify="right")
    table.add_column("HBM bytes", justify="right")
    for row in rows:
        table.add_row(row.name, row.scope, count(row.times), bytes_(row.bytes(HBM)))
    return table


def hlo_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HLO text or proto.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
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
    else:
        show_traffic(traffic, Console())
