"""A co-design report as TensorBoard events: the report as text, its drawings, its scalars.

Each case has a run of its own in `cases/`, for the HPARAMS tab.
"""

from collections.abc import Iterator
from pathlib import Path

from ..records.codesign import CodesignCase, CodesignReport
from .codesign_markdown import codesign_markdown
from .codesign_png import codesign_images, tag_of
from .codesign_scalars import codesign_scalars
from .event_folder import add_png, replace_events, writer_into
from .hparams import Hyperparameters, Session, chip_given, write_sessions

CASES = "cases"


def write_codesign_events(report: CodesignReport, folder: Path) -> list[Path]:
    """Write the events into `folder` (it must exist), replacing those of an earlier call."""
    return replace_events(folder, lambda empty: _write(report, empty), CASES)


def codesign_sessions(report: CodesignReport) -> Iterator[Session]:
    """A profile on a slice each. Energy is left out: a case has that of its chips alone."""
    for case in report.cases:
        prediction = case.prediction
        given: Hyperparameters = {
            "made_by": "codesign",
            "model": prediction.model,
            "dtype": prediction.weight_dtype,
        }
        place = chip_given(prediction.chip, prediction.chips, "predicted")
        given |= place | {"slice": prediction.slice}
        yield Session(tag_of(case), given, _metrics(case))


def _metrics(case: CodesignCase) -> dict[str, float]:
    found = {"cost/time_s": case.prediction.time_s.median}
    for name, known in (
        ("cost/query_usd", case.usd_per_query),
        ("cost/correct_usd", case.usd_per_correct),
        ("outcome/accuracy", case.accuracy),
    ):
        if known is not None:
            found[name] = known.median
    return found


def _write(report: CodesignReport, folder: Path) -> None:
    write_sessions(codesign_sessions(report), folder / CASES)
    with writer_into(folder) as writer:
        for name, value, step in codesign_scalars(report):
            writer.add_scalar(name, value, step)
        for name, image in codesign_images(report):
            add_png(writer, name, image)
        writer.add_text("codesign_report", codesign_markdown(report))
