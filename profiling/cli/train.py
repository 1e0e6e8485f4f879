"""`rooflink train`: make a reasoner, or make one better."""

from pathlib import Path

from rich.console import Console

from ..jobs.train_job import TrainJob
from ..records.training import Training
from .commands import command_of, say_where

EXAMPLES = """
rooflink train --out my_reasoner

rooflink train --method grpo --task countdown:n=3 --out better

rooflink train --method rejection --from my_reasoner --out better --updates 4

rooflink train --recipe mine.toml --out mine
"""


def _show(result: Training, job: TrainJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.training_document import training_summary

    show(training_summary(result), console)
    console.print()
    say_where(console, "Model", job.out)


def _write(result: Training, folder: Path) -> None:
    from ..reports.write_studies import write_training

    write_training(result, folder)


train_command = command_of(TrainJob, _show, EXAMPLES, write=_write)
