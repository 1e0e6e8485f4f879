"""`rooflink validate`: how wrong the predictions are."""

from pathlib import Path

from rich.console import Console

from ..jobs.validate_job import ValidateJob
from ..records.files import write_bytes, write_text
from ..records.validation import Validation
from .from_job import command_of, say_where

EXAMPLES = """
rooflink validate

rooflink validate --measurements mine.csv --measurements theirs.csv --out runs/check

rooflink validate --worked --peers --json
"""
PLOTS = {"s": "time", "J": "energy"}


def _show(result: Validation, job: ValidateJob, console: Console) -> None:
    from ..render.validation_console import show_validation

    show_validation(result, console)
    if job.out is not None:
        console.print()
        say_where(console, "Report", job.out / "validation.md")


def write_validation(validation: Validation, folder: Path) -> None:
    """The record, its report, the table of errors and the plots."""
    from ..render.plot_validation import validation_plot
    from ..render.validation_markdown import error_markdown, validation_markdown
    from ..render.validation_png import validation_png

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


validate_command = command_of(ValidateJob, _show, EXAMPLES, write=write_validation)
