"""`rooflink hlo`: a program's traffic as a table or as JSON, for HLO of any origin."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..compiled.hlo.proto import read_module
from ..compiled.traffic.traffic import ModuleTraffic
from ..compiled.traffic.walk import module_traffic
from ..reports.renderers.console import show
from ..reports.sections.hlo import hlo_document


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
        show(hlo_document(traffic), Console())
