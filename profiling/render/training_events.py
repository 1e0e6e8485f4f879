"""A training as TensorBoard events: its curve, its test figures, its loop's cost, and its report.

The run has one more below it in `session/`, for the HPARAMS tab.
"""

from collections.abc import Iterator
from pathlib import Path

from ..records.training import Training
from .event_folder import replace_events, writer_into
from .hparams import Hyperparameters, Session, chip_given, write_sessions
from .tags import tag
from .training_markdown import training_markdown

SESSION = "session"


def write_training_events(training: Training, folder: Path) -> list[Path]:
    """Write the events into `folder`, replacing those of an earlier call."""
    return replace_events(folder, lambda empty: _write(training, empty), SESSION)


def training_scalars(training: Training) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of every scalar."""
    for point in training.curve:
        for name, value in point.items():
            if name != "step":
                yield f"training/{name}", value, int(point["step"])
    for step, shares in ((0, training.before), (training.steps, training.after)):
        for share in shares:
            yield f"test/{tag(share.what)}", share.right / share.problems, step
    for phase in training.cost.phases if training.cost else []:
        name = tag(phase.name)
        yield f"counted/{name}/tokens", phase.tokens, 0
        yield f"counted/{name}/flops", phase.counted.flops, 0
        yield f"counted/{name}/hbm_bytes", phase.counted.hbm_bytes.total, 0
        yield f"counted/{name}/intensity", phase.counted.intensity, 0
        yield f"measured/{name}/time_s", phase.time_s, 0


def training_session(training: Training) -> Session:
    """The run as a row: what was trained how and where, its time, and its first test figure."""
    given: Hyperparameters = {
        "made_by": "training",
        "model": training.start or "from scratch",
        "task": training.task or "several",
        "strategy": training.method,
    }
    metrics = {"cost/time_s": training.train_s}
    if training.after:
        first = training.after[0]
        metrics["outcome/accuracy"] = first.right / first.problems
    return Session(
        "this_machine", given | chip_given(training.provenance.device, 1, "measured"), metrics
    )


def _write(training: Training, folder: Path) -> None:
    write_sessions([training_session(training)], folder / SESSION)
    with writer_into(folder) as writer:
        for name, value, step in training_scalars(training):
            writer.add_scalar(name, value, step)
        writer.add_text("report", training_markdown(training))
