"""`rooflink explore`: large sweeps to Parquet, which go on where they were stopped."""

import json
from dataclasses import asdict

from rich.console import Console

from ..jobs.explore_job import Exploration, ExploreJob
from .commands import command_of, say_where

EXAMPLES = """
rooflink explore --model llama3-70b --slice v5e-16 --slice v5p-8 --out runs/sweep

rooflink explore grid.toml --think 1024,8192,32768 --attempts 1,64 --out runs/sweep

rooflink explore --model qwen3-32b --slice v6e-8 --dtype bfloat16 --dtype int8
--hbm-bandwidth 0.5,1,2,4 --matrix-flops 0.5,1,2,4 --out runs/chips
"""


def _show(result: Exploration, job: ExploreJob, console: Console) -> None:
    before = f", {result.there_before} of them there before" if result.there_before else ""
    parts = f"{result.parts} part{'' if result.parts == 1 else 's'}"
    console.print(f"{result.points:,} points in {parts}{before}", highlight=False)
    for reason in result.left_out:
        console.print(f"left out: {reason}", style="dim", highlight=False, markup=False)
    say_where(console, "Dataset", result.folder)


def _as_json(result: Exploration) -> str:
    return json.dumps(asdict(result) | {"folder": str(result.folder)}, indent=1)


explore_command = command_of(ExploreJob, _show, EXAMPLES, as_json=_as_json)
