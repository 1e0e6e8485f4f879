"""`rooflink compile` and `rooflink hlo`: what XLA makes of a program.

A program's traffic as a table or as JSON, for HLO of any origin.
"""

import json
import shlex
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ...model.phases import PHASES, THINK_AND_ANSWER
from ...model.tasks import Problem
from ...tpu_configs.catalog import load_chip, load_rentable_tpus
from ..compiled.hlo.proto import read_module
from ..compiled.lens import compile_target, write_xprof
from ..compiled.predicted_time import with_times
from ..compiled.spec import STEP, WHOLE_MESH, ProgramSpec, parse_mesh
from ..compiled.targets import parse_target
from ..compiled.traffic.traffic import HBM, InstructionTraffic, ModuleTraffic
from ..compiled.traffic.walk import module_traffic
from ..compiled.xprof import BY_PHASE
from ..errors import ProfileInputError
from ..model_spec import resolve_subject
from ..profiler import profile
from ..records import CompiledTarget, Profile
from ..render.compiled_console import show_compiled
from ..render.report import write_run
from ..render.units import bytes_, count
from ..workload import Request
from .options import DTypeChoice, TerminalWatcher, reserved

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
    return json.dumps(totals | asdict(traffic), indent=1)


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


COMPILE_HELP = """Compile the phases for a target and explain every byte that they move.

The target is 'cpu' or a TPU slice, compiled for ahead of time with no TPU there (needs
`pip install 'rooflink[tpu]'`). Bytes are per device and per call of a phase's program.

Examples:

    rooflink compile --model llama3-8b --topology v5e:2x4 --batch 16 --context 4096

    rooflink compile --model llama3-70b --topology v5p:4x4x4 --mesh data=4,model=16 --batch 64

    rooflink compile --model smollm2-135m --topology cpu --phases think,step --dtype float32

    rooflink compile --model qwen3-8b --topology v6e:2x4 --xprof traces --out runs/qwen3 --json
"""

HLO_HELP = """Read a compiled program's HLO and say what it moves, loops multiplied out.

FILE is an optimised HLO module as text or proto, e.g. from `compiled.as_text()` or XLA's dumps.

Examples:

    rooflink hlo module_0001.step.after_optimizations.txt

    rooflink hlo step.hlo.pb --json
"""


class LayoutsChoice(StrEnum):
    """Who lays out weights and cache at a program's border."""

    CHOSEN = "chosen"
    DEFAULT = "default"


def compile_command(
    model: Annotated[str, typer.Option(help="A preset, or a path or hub id for its shape.")],
    topology: Annotated[str, typer.Option(help="'cpu', or a slice such as v5e:2x4.")],
    batch: Annotated[int, typer.Option(help="Prompts that run together.")] = 1,
    attempts: Annotated[int, typer.Option(help="Attempts at each prompt.")] = 1,
    context: Annotated[int, typer.Option(help="Cached positions of an attempt in all.")] = 4096,
    prompt: Annotated[
        int | None,
        typer.Option(help="Of these, the prompt's  [default: all that are not decoded]"),
    ] = None,
    think_steps: Annotated[int, typer.Option(help="Passes in one call of the think loop.")] = 64,
    mesh: Annotated[
        str | None, typer.Option(help="E.g. data=2,model=4  [default: chosen by heads]")
    ] = None,
    dtype: Annotated[DTypeChoice, typer.Option(help="Of all tensors.")] = DTypeChoice.BFLOAT16,
    phases: Annotated[
        str, typer.Option(help=f"Of {', '.join(PHASES)}, and step: one token a call.")
    ] = ",".join(THINK_AND_ANSWER),
    layouts: Annotated[
        LayoutsChoice,
        typer.Option(help="At a call: 'chosen' as the loop wants them, 'default' as JAX has."),
    ] = LayoutsChoice.CHOSEN,
    xprof: Annotated[
        Path | None, typer.Option(help="Write a session for XProf (predicted) here.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write profile and reports here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON.")] = False,
) -> None:
    spec = ProgramSpec(
        config=resolve_subject(model, "none", dtype.value).config,
        dtype=dtype.value,
        target=parse_target(topology),
        batch=batch,
        attempts=attempts,
        context=context,
        prompt=prompt,
        think_steps=think_steps,
        phases=_phases(phases),
        layouts=layouts.value,
        mesh=parse_mesh(mesh) if mesh else WHOLE_MESH,
    )
    spec.require_valid()
    with TerminalWatcher() as watcher:
        target = compile_target(spec, watcher)
        if xprof is not None:
            with reserved(xprof) as folder:
                session = write_xprof(spec, folder, watcher)
    if out is not None:
        with reserved(out) as folder:
            write_run(_profile(spec, target, model, out.name), folder)
    if json:
        print(_profile(spec, target, model, "compile").model_dump_json(indent=1))
        return
    console = Console()
    show_compiled(with_times(target, spec.config, spec.dtype), console)
    if out is not None:
        console.print(f"Report: {out / 'report.html'}", soft_wrap=True, highlight=False)
    if xprof is not None:
        console.print(f"XProf session (predicted): {session}", soft_wrap=True, highlight=False)
        rows = session.parent.with_name(session.parent.name + BY_PHASE)
        console.print(f"A row a phase: xprof get_roofline_model {rows}", soft_wrap=True,
                      highlight=False)  # fmt: skip


compile_command.__doc__ = COMPILE_HELP


def hlo_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="HLO text or proto.")],
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    traffic = module_traffic(read_module(file))
    if json:
        print(hlo_json(traffic))
    else:
        show_traffic(traffic, Console())


hlo_command.__doc__ = HLO_HELP


def _phases(text: str) -> tuple[str, ...]:
    known = (*PHASES, STEP)
    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in known:
            raise ProfileInputError(f"unknown phase '{name}': expected of {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def _profile(spec: ProgramSpec, target: CompiledTarget, model: str, name: str) -> Profile:
    """The counted profile of the same shapes, with the compiled lens beside it."""
    request = Request(
        problems=[Problem("")] * spec.batch,
        attempts=spec.attempts,
        think_budget=spec.rules.think_budget,
        answer_budget=spec.rules.answer_budget,
        prompt_tokens=spec.prompt_slots,
    )
    chips = [load_chip(spec.target.chip)] if spec.target.chip else load_rentable_tpus()
    subject = resolve_subject(model, "none", spec.dtype)
    command = shlex.join(["rooflink", *sys.argv[1:]])
    return profile(subject, request, chips, name=name, command=command, compiled=[target])
