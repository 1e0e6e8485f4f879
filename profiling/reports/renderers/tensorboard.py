"""TensorBoard events: scalars, text, pictures and histograms of a document or a record, and the
sessions of the HPARAMS tab: a workload, how it was answered and on which chip, against its cost.

A session is a TensorBoard run of its own, so that each chip has one below a profile's, each way to
answer one below an evaluation's, and each case one below a co-design report's. All declare the
same hyperparameters and metrics: the tab takes the first declaration it meets.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ...records.base import Interval
from ..document import Chart, short
from .vega import png, png_of

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

Scalar: TypeAlias = tuple[str, float, int]
"""Tag, value, step."""
Histogram: TypeAlias = tuple[str, Sequence[float], int]
"""Tag, values, step."""
Hyperparameters: TypeAlias = dict[str, str | float]

SUFFIX = ".rooflink"  # marks the event files that are ours to replace
OURS = f"events.out.tfevents.*{SUFFIX}"
HYPERPARAMETERS: Hyperparameters = {
    "made_by": "",  # profile, evaluation, training, codesign
    "model": "",
    "parameters": 0.0,
    "dtype": "",
    "task": "",
    "strategy": "",
    "strategy_settings": "",  # those left to their defaults too
    "prompts": 0.0,
    "batch": 0.0,
    "attempts": 0.0,
    "think_budget": 0.0,
    "sampling": "",
    "chip": "",
    "chips": 0.0,
    "slice": "",
    "lens": "",
}
"""Every one that a session may have; the values say only whether it is a word or a number."""

METRICS = (
    "cost/time_s",  # of all prompts; of a training, of all its steps
    "cost/query_s",  # of one prompt with its attempts; a batch shares its time
    "cost/query_usd",
    "cost/query_wall_j",
    "cost/query_gco2e",
    "cost/correct_usd",  # all queries over the correct answers
    "cost/correct_wall_j",
    "outcome/accuracy",
    "outcome/think_tokens",
)


def tag(name: str) -> str:
    """A name inside a tag, or of a run's folder; a slash in it would make a group of its own, a dot
    before it would hide the folder."""
    return short(re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_."), name) or "_"


def tags(names: Iterable[str]) -> dict[str, str]:
    """Each name's tag; that of 'a b' after 'a/b' has a number."""
    taken: set[str] = set()
    return {name: _untaken(tag(name), taken) for name in dict.fromkeys(names)}


def _untaken(name: str, taken: set[str]) -> str:
    """A name, with a number where it is `taken`, as 'a' is by 'A' on some disks; it is then."""
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    own = next(each for each in names if each.casefold() not in taken)
    taken.add(own.casefold())
    return own


def curves(name: str, interval: Interval | None, step: int = 0, unit: str = "") -> Iterator[Scalar]:
    """Three curves: the median under its name, the ends with `_low` and `_high` before the unit."""
    if interval is not None:
        yield f"{name}{unit}", interval.median, step
        yield f"{name}_low{unit}", interval.low, step
        yield f"{name}_high{unit}", interval.high, step


def medians(known: Mapping[str, Interval | None]) -> dict[str, float]:
    """The metrics that there are."""
    return {name: interval.median for name, interval in known.items() if interval}


@dataclass(frozen=True)
class Session:
    """One row: where its events go, what was run, and the metrics that are known."""

    folder: str
    given: Hyperparameters
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Events:
    """What one folder's event file holds."""

    scalars: Iterable[Scalar] = ()
    texts: Mapping[str, str] = field(default_factory=dict)  # tag -> Markdown
    charts: Mapping[str, Chart] = field(default_factory=dict)  # tag -> what is drawn there
    histograms: Iterable[Histogram] = ()
    layout: Mapping[str, object] = field(default_factory=dict)  # of the CUSTOM SCALARS tab
    sessions: Iterable[Session] = ()
    sessions_folder: str = "chips"


def write_events(
    events: Events, folder: Path, stills: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the events into `folder` (it must exist), replacing those of an earlier call.

    `stills` are charts as SVG by name, where they are drawn already. Of nothing no file is written.
    """
    if events == Events():
        return []
    drawn = stills or {}
    return replace_events(
        folder, lambda empty: _write(events, empty, drawn), events.sessions_folder
    )


def _write(events: Events, folder: Path, stills: Mapping[str, str]) -> None:
    write_sessions(events.sessions, folder / events.sessions_folder)
    with writer_into(folder) as writer:
        for name, value, step in events.scalars:
            writer.add_scalar(name, value, step)
        if events.layout:
            writer.add_custom_scalars(dict(events.layout))
        for name, chart in events.charts.items():
            still = stills.get(chart.name)
            add_png(writer, name, png_of(still) if still else png(chart))
        for name, text in events.texts.items():
            writer.add_text(name, text)
        for name, values, step in events.histograms:
            if values:
                writer.add_histogram(name, list(values), step, bins="auto")


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
def writer_into(folder: Path) -> "Iterator[SummaryWriter]":
    """A writer of one event file of ours, closed at the end."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(folder), filename_suffix=SUFFIX)
    try:
        yield writer
    finally:
        writer.close()


def add_png(writer: "SummaryWriter", name: str, picture: bytes) -> None:
    """An image from PNG bytes, as they are."""
    from tensorboardX.proto.summary_pb2 import Summary

    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))  # of IHDR
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=picture)
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=name, image=image)]))


def write_sessions(sessions: Iterable[Session], folder: Path) -> None:
    """Write an event file into a folder under `folder` for each session."""
    taken: set[str] = set()
    for session in sessions:
        undeclared = {*session.given} - {*HYPERPARAMETERS} | {*session.metrics} - {*METRICS}
        assert not undeclared, f"{undeclared} would not be shown"
        from tensorboardX.summary import hparams

        experiment, _, end = hparams(HYPERPARAMETERS, dict.fromkeys(METRICS, 0.0))
        _, start, _ = hparams(session.given, {})
        with writer_into(folder / _untaken(session.folder, taken)) as writer:
            for summary in (experiment, start, end):
                writer.file_writer.add_summary(summary)
            for name in METRICS:
                if name in session.metrics:
                    writer.add_scalar(name, session.metrics[name], 0)


def chip_given(name: str, chips: int, lens: str) -> Hyperparameters:
    """The hyperparameters of a place."""
    return {"chip": name, "chips": chips, "lens": lens}
