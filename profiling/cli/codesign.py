"""`rooflink codesign`: what each change of chip or model is worth, from profiles."""

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ...tpu_configs.slice import Slice
from ..codesign.analyse import Wanted, analyse
from ..codesign.search_report import SLICES, apart, chip_budget
from ..codesign.what_if import parse_what_if
from ..codesign.workload_mix import load_mix
from ..errors import ProfileInputError
from ..measured.machine import slice_named
from ..predicted.economics import DEFAULT_HOST, DEFAULT_REGION, Terms, parse_price
from ..records import Profile
from ..records.codesign import CodesignReport
from ..records.files import load_profile
from ..render.codesign_console import show_codesign
from ..render.codesign_report import write_codesign
from .options import (
    HostOption,
    PriceOption,
    PueOption,
    RegionOption,
    StackOption,
    TerminalWatcher,
    reserved,
)

DEFAULT_SLICES = ",".join(SLICES)

HELP = f"""Say which change of the chip or of the model buys most, ranked and with uncertainty.

Reads what `rooflink profile` wrote and writes report.md, report.html, codesign.json and TensorBoard
events: five asks to the hardware team and five to the model team, then what they stand on.

A workload file has a table for each kind of query:

    [[workload]]

    share = 0.6

    prompt = 512

    think = 2048

    answer = 256

    attempts = 1

Examples:

    rooflink codesign runs/mine/profile.json

    rooflink codesign runs/a runs/b --slices v5e-16,v5p-8 --budget area=800mm2

    rooflink codesign runs/a --what-if hbm_bandwidth=2x,kv_dtype=int8 --workload mix.toml

    rooflink codesign runs/a --slices {DEFAULT_SLICES} --queries 50 --latency 30 --json
"""


def codesign_command(
    profiles: Annotated[
        list[Path],
        typer.Argument(metavar="PROFILE...", help="profile.json files, or runs' folders."),
    ],
    workload: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .toml mix of queries to search a chip for  [default: the largest model's own]",
        ),
    ] = None,
    slices: Annotated[
        str, typer.Option(help="Chips, parted by commas: v5e-16, v5p:4x4x4, mychip.toml:8.")
    ] = DEFAULT_SLICES,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Of one chip, for the search: area=800mm2, power=700W or cost=3000$  [default: "
            "what the chip that is there takes to build]"
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="Changes such as hbm_bandwidth=2x,kv_dtype=int8; may be repeated."),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Of weights  [default: each profile's own]")
    ] = None,
    stack: StackOption = None,
    queries: Annotated[
        float, typer.Option(help="Load of the data center, queries a second.")
    ] = 1.0,
    latency: Annotated[
        float | None, typer.Option(help="Its target, seconds a query  [default: what suits]")
    ] = None,
    price: PriceOption = "on_demand",
    region: RegionOption = DEFAULT_REGION,
    pue: PueOption = None,
    host: HostOption = DEFAULT_HOST,
    out: Annotated[Path | None, typer.Option(help="Folder  [default: runs/codesign-TIME]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    wanted = Wanted(
        mix=load_mix(workload) if workload else None,
        budget=chip_budget(budget) if budget else None,
        what_ifs=what_if or (),
        terms=Terms(price=parse_price(price), region=region, pue=pue, host=host),
        stack=stack,
        weight_dtype=dtype,
        queries_per_s=queries,
        latency_target_s=latency,
        command=shlex.join(["rooflink", *sys.argv[1:]]),
        files=[str(path) for path in profiles],
    )
    for text in wanted.what_ifs:
        parse_what_if(text)
    over = _slices(slices)
    read = apart([load_profile(path) for path in profiles])
    folder = out or Path("runs") / f"codesign-{datetime.now():%Y%m%d-%H%M%S}"
    if (folder / "profile.json").exists():
        raise ProfileInputError(
            f"{folder} holds a profile's own report, which this one would replace: choose another "
            "folder with --out"
        )
    with reserved(folder):
        found = _watched(read, over, wanted)
        write_codesign(found, folder)
    if json:
        print(found.model_dump_json(indent=1))
        return
    console = Console()
    show_codesign(found, console)
    console.print(f"\nReport: {folder / 'report.html'}", soft_wrap=True, highlight=False)


codesign_command.__doc__ = HELP


def _slices(text: str) -> list[Slice]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ProfileInputError(f"--slices is {text!r}: name one at least, such as v5e-16")
    found = [slice_named(name) for name in names]
    return list({over.name: over for over in found}.values())


def _watched(profiles: Sequence[Profile], over: Sequence[Slice], wanted: Wanted) -> CodesignReport:
    with TerminalWatcher() as watcher:
        watcher.stage(f"Analysing {len(profiles)} x {len(over)} cases")
        return analyse(profiles, over, wanted)
