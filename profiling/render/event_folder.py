"""Event files in a run's folder: written beside, then put in the place of those written before."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from matplotlib.image import imread
from tensorboardX import SummaryWriter

SUFFIX = ".rooflink"  # marks the event files that are ours to replace
OURS = f"events.out.tfevents.*{SUFFIX}"


def replace_events(
    folder: Path, write: Callable[[Path], None], sessions: str | None = None
) -> list[Path]:
    """What `write` wrote into a folder of its own, moved to `folder` (it must exist).

    It replaces event files of an earlier call in `folder` and in the folders of `sessions` below
    it; of those a folder that this leaves empty goes.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".events.") as temporary:
        write(Path(temporary))
        earlier = {*folder.glob(OURS), *(folder.glob(f"{sessions}/*/{OURS}") if sessions else ())}
        written = []
        for file in sorted(Path(temporary).rglob(OURS)):
            target = folder / file.relative_to(temporary)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
            written.append(target)
    for old in earlier.difference(written):
        old.unlink(missing_ok=True)
        if old.parent != folder and not any(old.parent.iterdir()):  # a session that is gone
            old.parent.rmdir()
    return written


@contextmanager
def writer_into(folder: Path) -> Iterator[SummaryWriter]:
    """A writer of one event file of ours, closed at the end."""
    writer = SummaryWriter(str(folder), filename_suffix=SUFFIX)
    try:
        yield writer
    finally:
        writer.close()


def add_png(writer: SummaryWriter, name: str, png: bytes) -> None:
    """An image from PNG bytes."""
    writer.add_image(name, imread(BytesIO(png))[..., :3], dataformats="HWC")
