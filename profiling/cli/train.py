"""`rooflink train`: make a reasoner, or make one better."""

from pathlib import Path

from rich.console import Console

from ..jobs.train_job import TrainJob
from ..records.files import write_text
from ..records.training import Training
from .from_job import command_of

EXAMPLES = """
rooflink train --out my_reasoner

rooflink train --method grpo --task countdown:n=3 --out better

rooflink train --method rejection --from my_reasoner --out better --updates 4

rooflink train --recipe mine.toml --out mine
"""


def _show(result: Training, job: TrainJob, console: Console) -> None:
    from ..render.training import show_training

    show_training(result, job.out, console)


def write_training(training: Training, folder: Path) -> None:
    """The record beside the model, and its curves for TensorBoard."""
    from ..render.training_events import write_training_events

    write_text(folder / "training.json", training.model_dump_json(indent=1) + "\n")
    write_training_events(training, folder)


train_command = command_of(TrainJob, _show, EXAMPLES, write=write_training)
