"""A training as TensorBoard events: its curve, its test figures, and its loop's cost."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tensorboardX import SummaryWriter

from ..record.training import Training
from .tags import tag

SUFFIX = ".rooflink"  # marks the event files that are ours to replace


def write_training_events(training: Training, folder: Path) -> None:
    """Write the events into `folder`, replacing those of an earlier call."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".events.") as temporary:
        writer = SummaryWriter(temporary, filename_suffix=SUFFIX)
        try:
            for name, value, step in training_scalars(training):
                writer.add_scalar(name, value, step)
        finally:
            writer.close()
        earlier = set(folder.glob(f"events.out.tfevents.*{SUFFIX}"))
        written = [folder / file.name for file in Path(temporary).iterdir()]
        for file in written:
            os.replace(Path(temporary) / file.name, file)
    for old in earlier.difference(written):
        old.unlink(missing_ok=True)


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
        yield f"counted/{name}/flops", phase.counted.flops, 0
        yield f"counted/{name}/hbm_bytes", phase.counted.hbm_bytes.total, 0
        yield f"measured/{name}/time_s", phase.time_s, 0
