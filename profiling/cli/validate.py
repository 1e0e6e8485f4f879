"""`rooflink validate`: how wrong the predictions are."""

from pathlib import Path

from rich.console import Console

from ..jobs.validate_job import ValidateJob
from ..records.validation import Validation
from .commands import command_of, say_where

EXAMPLES = """
rooflink validate

rooflink validate --measurements mine.csv --measurements theirs.csv --out runs/check

rooflink validate --worked --peers --json
"""


def _show(result: Validation, job: ValidateJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.validation_document import validation_summary

    show(validation_summary(result), console)
    if job.out is not None:
        console.print()
        say_where(console, "Report", job.out / "report.html")


def _write(result: Validation, folder: Path) -> None:
    from ..reports.write_studies import write_validation

    write_validation(result, folder)


validate_command = command_of(ValidateJob, _show, EXAMPLES, write=_write)
