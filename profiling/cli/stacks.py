"""`rooflink stacks`: the serving stacks that predictions know, and what was measured of each."""

import json as jsonlib
from collections import Counter, defaultdict
from typing import Annotated

import typer
from rich.console import Console

from ...tpu_configs.catalog import chip_stem
from ..predicted.calibration import regime_of, stacks_of
from ..reports.document import Column, Table
from ..reports.units import count
from .csv_files import Csv, show_or_write
from .progress_bar import TerminalWatcher


def stacks_command(
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    csv: Csv = None,
) -> None:
    """List the serving stacks that --stack takes, with their measurements by chip.

    Counted are the published measurements that come with rooflink. A stack without any is known by
    name alone: its predictions average over the other stacks.

    Examples:

        rooflink stacks

        rooflink stacks --json
    """
    counts = _measured()
    rows = {stack: dict(sorted(counts[stack].items())) for stack in stacks_of([*counts])}
    if json:
        print(jsonlib.dumps(rows, indent=1))
        return
    runs = {"server": "serves requests", "loop": "one batch at a time"}
    columns = [
        Column("stack", list(rows)),
        Column("runs", [runs[regime_of(stack)] for stack in rows]),
        Column("measurements", [sum(chips.values()) for chips in rows.values()], count),
        Column("by chip", [", ".join(f"{chip} {n:,}" for chip, n in chips.items())
                           for chips in rows.values()]),
    ]  # fmt: skip
    show_or_write(Table("Stacks", columns), csv, Console())


def _measured() -> defaultdict[str, Counter[str]]:
    """Stack -> chip -> measurements that come along."""
    from ..validation.measurements import read_measurements
    from ..validation.validate import SHIPPED

    counts = defaultdict[str, Counter[str]](Counter)
    with TerminalWatcher() as watcher:
        watcher.stage("Reading the measurements", len(SHIPPED))
        for file in SHIPPED:
            cases, _ = read_measurements(file)
            for case in cases:
                counts[case.stack][chip_stem(case.slice.chip)] += 1
            watcher.advance(1)
    return counts
