"""`rooflink calibrate`: fit prediction's parameters on published measurements anew."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..calibrate.fit import calibrate
from ..jobs.job import reserved
from ..predicted.cases import Case
from ..validate.measurements import read_measurements
from ..validate.validate import SHIPPED
from .progress import TerminalWatcher

CALIBRATE_HELP = """Fit prediction's parameters on published measurements; test the fit held out.

Writes calibration.json (draws of every mean and effect, and the residual scales with which
intervals cover held-out rows) and held_out.csv (each row as predicted without its model). The
rows that come with rooflink are always used; further files have the columns of
`rooflink validate --measurements`. The committed files were written with the ML.ENERGY rows added,
which may not be shipped.

Examples:

    rooflink calibrate --out calibration

    rooflink calibrate --measurements measured_energy_h100.csv --out profiling/predicted/data
"""


def calibrate_command(
    out: Annotated[Path, typer.Option(help="Folder for the two files.")],
    measurements: Annotated[
        list[Path] | None, typer.Option(help="A CSV of further rows; may be repeated.")
    ] = None,
) -> None:
    cases: list[Case] = []
    for path in [*SHIPPED, *(measurements or [])]:
        cases += read_measurements(path)[0]
    with reserved(out), TerminalWatcher() as watcher:
        watcher.stage("Fitting, and again without each model", unit="fits")
        found = calibrate(cases, lambda done, of: watcher.advance(1))
        for name, text in (
            ("calibration.json", found.calibration_json),
            ("held_out.csv", found.held_out_csv),
        ):
            unfinished = out / f".{name}.part"
            unfinished.write_text(text, encoding="utf-8")
            unfinished.rename(out / name)
    Console().print(f"{len(cases)} rows fitted; calibration.json and held_out.csv are in {out}")


calibrate_command.__doc__ = CALIBRATE_HELP
