"""A co-design report as TensorBoard events: the report as text, its drawings, its scalars."""

import os
import tempfile
from io import BytesIO
from pathlib import Path

from matplotlib.image import imread
from tensorboardX import SummaryWriter

from ..record.codesign import CodesignReport
from .codesign_markdown import codesign_markdown
from .codesign_png import codesign_images
from .codesign_scalars import codesign_scalars
from .tensorboard import SUFFIX


def write_codesign_events(report: CodesignReport, folder: Path) -> list[Path]:
    """Write the events into `folder` (it must exist), replacing those of an earlier call."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".events.") as temporary:
        _write(report, temporary)
        earlier = set(folder.glob(f"events.out.tfevents.*{SUFFIX}"))
        written = []
        for file in sorted(Path(temporary).iterdir()):
            os.replace(file, folder / file.name)
            written.append(folder / file.name)
    for old in earlier.difference(written):
        old.unlink(missing_ok=True)
    return written


def _write(report: CodesignReport, folder: str) -> None:
    writer = SummaryWriter(folder, filename_suffix=SUFFIX)
    try:
        for name, value, step in codesign_scalars(report):
            writer.add_scalar(name, value, step)
        for name, image in codesign_images(report):
            writer.add_image(name, imread(BytesIO(image))[..., :3], dataformats="HWC")
        writer.add_text("codesign_report", codesign_markdown(report))
    finally:
        writer.close()
