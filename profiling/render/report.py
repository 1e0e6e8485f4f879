"""A run's folder: profile.json, report.md, report.html and TensorBoard events."""

from pathlib import Path

from ..errors import ProfileInputError
from ..records import Profile
from ..records.files import save_profile, write_text
from .html import html
from .markdown import markdown
from .tensorboard import write_events


def write_run(profile: Profile, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files.

    The reports are rendered before the first is written, each file appears whole or not at all,
    and a run written again into the same folder replaces its own files and no others.
    """
    pages = {"report.md": markdown(profile), "report.html": html(profile)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [save_profile(profile, folder)]
        for name, page in pages.items():
            write_text(folder / name, page)
            written.append(folder / name)
        return written + write_events(profile, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProfileInputError(
            f"cannot write the run to {folder}: {reason}; choose another folder"
        ) from None
