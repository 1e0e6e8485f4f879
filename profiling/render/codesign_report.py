"""A co-design report's folder: codesign.json, report.md, report.html and TensorBoard events."""

from pathlib import Path

from ..errors import ProfileInputError
from ..records.codesign import CodesignReport
from ..records.files import write_text
from .codesign_html import codesign_html
from .codesign_markdown import codesign_markdown
from .codesign_tensorboard import write_codesign_events


def write_codesign(report: CodesignReport, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files.

    Everything is rendered before the first is written, each file appears whole or not at all, and
    a report written again replaces its own files and no others. Raises ProfileInputError where the
    folder cannot be written.
    """
    pages = {
        "codesign.json": report.model_dump_json(indent=1) + "\n",
        "report.md": codesign_markdown(report),
        "report.html": codesign_html(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            write_text(folder / name, page)
        return [folder / name for name in pages] + write_codesign_events(report, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProfileInputError(
            f"cannot write the report to {folder}: {reason}; choose another folder"
        ) from None
