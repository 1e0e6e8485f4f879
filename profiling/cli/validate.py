"""`rooflink validate`: how wrong the predictions are."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..jobs.job import reserved
from ..records.files import write_bytes, write_text
from ..records.validation import Validation
from ..render.plot_validation import validation_plot
from ..render.validation_console import show_validation
from ..render.validation_markdown import error_markdown, validation_markdown
from ..render.validation_png import validation_png
from ..validate.validate import SHIPPED, validate

HELP = """Set predictions against published measurements, worked problems and other tools.

Without an option it does all three. A file of measurements is a CSV with the columns of
measured_inference.csv, measured_ops.csv, measured_energy_h100.csv or
measured_v6e_llama3_8b_layers.csv; rows that the fit has not seen count as held out. No row is
passed over in silence: what cannot be predicted is listed with the reason.

Examples:

    rooflink validate

    rooflink validate --measurements mine.csv --measurements theirs.csv --out runs/check

    rooflink validate --worked --peers --json
"""
PLOTS = {"s": "time", "J": "energy"}


def validate_command(
    measurements: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A CSV of measurements instead of those that come along."
        ),
    ] = None,
    worked: Annotated[bool, typer.Option("--worked", help="Solve the worked problems.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Other tools' numbers.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write record, report, error table and plots here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    everything = not (measurements or worked or peers)
    files = measurements or (list(SHIPPED) if everything else [])
    command = shlex.join(["rooflink", *sys.argv[1:]])
    if out is not None:
        with reserved(out) as folder:
            found = validate(files, worked or everything, peers or everything, command)
            _write(found, folder)
    else:
        found = validate(files, worked or everything, peers or everything, command)
    if json:
        print(found.model_dump_json(indent=1))
        return
    console = Console()
    show_validation(found, console)
    if out is not None:
        console.print(f"\nReport: {out / 'validation.md'}", soft_wrap=True, highlight=False)


validate_command.__doc__ = HELP


def _write(validation: Validation, folder: Path) -> None:
    write_text(folder / "validation.json", validation.model_dump_json(indent=1) + "\n")
    write_text(folder / "validation.md", validation_markdown(validation))
    if not validation.rows:
        return
    write_text(folder / "errors.md", error_markdown(validation))
    for unit, name in PLOTS.items():
        drawing = validation_plot(validation.rows, unit, "held out")
        if drawing:
            write_text(folder / f"{name}.svg", drawing + "\n")
    image = validation_png(validation.rows, "held out")
    if image is not None:
        write_bytes(folder / "predicted_measured.png", image)
