"""A run's folder: profile.json, report.md, report.html, charts and TensorBoard events."""

import re
from pathlib import Path

from ..errors import ProfileInputError
from ..records import Profile
from ..records.base import BYTE_KINDS, Record
from ..records.files import WRITTEN, save_record, write_text
from ..records.profile import TOTAL
from .document import Document
from .renderers import vega
from .renderers.html import html
from .renderers.markdown import markdown
from .renderers.tensorboard import Events, write_events
from .sections.profile_document import profile_document
from .sections.profile_scalars import scalars, sessions

CHARTS = "charts"
"""Folder of the charts as SVG files, which report.md shows."""

_LAYOUT = {
    "thought": {
        "HBM bytes of a step, by kind": [
            "Multiline",
            [f"^thought_counted/hbm_bytes/{kind}$" for kind in (*BYTE_KINDS, TOTAL)],
        ],
    },
}


def write_run(profile: Profile, folder: Path) -> list[Path]:
    """Write everything into `folder`, made if missing; returns the files."""
    document = profile_document(profile)
    return write_report(folder, profile, document, profile_events(profile, document))


def write_report(folder: Path, record: Record, document: Document, events: Events) -> list[Path]:
    """The record, report.md, report.html, charts and events into `folder`.

    The reports are rendered before the first is written, each file appears whole or not at all,
    and a run written again into the same folder replaces its own files and no others: charts that
    the report.md before named go where this one has none of that name.
    """
    stills = vega.stills(document.charts())
    pages = {"report.md": markdown(document, CHARTS), "report.html": html(document, stills)}
    pages |= {f"{CHARTS}/{name}.svg": picture for name, picture in stills.items()}
    try:
        earlier = _charts_of(folder)
        (folder / CHARTS).mkdir(parents=True, exist_ok=True)
        written = [save_record(record, folder)]
        for name, page in pages.items():
            write_text(folder / name, page)
            written.append(folder / name)
        for stale in earlier - {chart.name for chart in document.charts()}:
            (folder / CHARTS / f"{stale}.svg").unlink(missing_ok=True)
        return written + write_events(events, folder, stills)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProfileInputError(
            f"cannot write the report to {folder}: {reason}; choose another folder"
        ) from None


def _charts_of(folder: Path) -> set[str]:
    """Names of the charts that the report.md beside one of our records shows."""
    report = folder / "report.md"
    if not (report.is_file() and any((folder / kind.file).is_file() for kind in WRITTEN.values())):
        return set()
    text = report.read_text(encoding="utf-8", errors="replace")
    return set(re.findall(rf"^!\[.*\]\({CHARTS}/([\w.-]+)\.svg\)$", text, re.MULTILINE))


def profile_events(profile: Profile, document: Document) -> Events:
    """A profile's events: every scalar, the report as text, the charts as pictures."""
    lengths = profile.outcome.lengths if profile.outcome else []
    return Events(
        scalars=scalars(profile),
        texts={"report": markdown(document)},
        charts={chart.name: chart for chart in document.charts() if chart.name == "roofline"},
        histograms=[("outcome/thought_tokens", [length.think_tokens for length in lengths], 0)],
        layout=_LAYOUT if profile.thought else {},
        sessions=sessions(profile),
    )
