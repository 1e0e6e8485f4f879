"""A profile as TensorBoard events: scalars under the lens that knows them, image, text, histogram.

Tags begin with the lens (`counted/`, `compiled/`, `measured/`, `at_datasheet_peak/`, `predicted/`),
which TensorBoard shows as groups, so that no curve stands without its lens. Curves under
`thought_...` have tokens thought as their step. Each chip has a run of its own in `chips/`, for the
HPARAMS tab (`profile_sessions`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..records import HbmBytes, Profile
from ..records.base import BYTE_KINDS
from ..records.lenses import TOTAL
from .compiled_scalars import compiled_scalars
from .event_folder import add_png, replace_events, writer_into
from .hparams import write_sessions
from .markdown import markdown
from .prediction_scalars import prediction_scalars
from .profile_sessions import profile_sessions
from .roofline_png import roofline_png
from .tables import phases_and_total, time_at_peak
from .tags import tag
from .trace_scalars import trace_scalars

CHIPS = "chips"
LAYOUT = {
    "thought": {
        "HBM bytes of a step, by kind": [
            "Multiline",
            [f"^thought_counted/hbm_bytes/{kind}$" for kind in (*BYTE_KINDS, TOTAL)],
        ],
    },
}
"""Charts of several curves, in TensorBoard's CUSTOM SCALARS tab."""


def write_events(profile: Profile, folder: Path) -> list[Path]:
    """Write the events into `folder` (it must exist), replacing those of an earlier call."""
    return replace_events(folder, lambda empty: _write(profile, empty), CHIPS)


def scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of every scalar."""
    yield from _phase_scalars(profile)
    yield from _chip_scalars(profile)
    yield from _thought_scalars(profile)
    yield from trace_scalars(profile)
    yield from compiled_scalars(profile)
    yield from prediction_scalars(profile)


def _write(profile: Profile, folder: Path) -> None:
    write_sessions(profile_sessions(profile), folder / CHIPS)
    with writer_into(folder) as writer:
        for name, value, step in scalars(profile):
            writer.add_scalar(name, value, step)
        if profile.thought:
            writer.add_custom_scalars(LAYOUT)
        image = roofline_png(profile)
        if image is not None:
            add_png(writer, "roofline", image)
        writer.add_text("report", markdown(profile))
        lengths = profile.outcome.lengths if profile.outcome else []
        if lengths:
            tokens = np.array([length.think_tokens for length in lengths])
            writer.add_histogram("outcome/thought_tokens", tokens, bins="auto")


def _phase_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    for phase in phases_and_total(profile):
        name, counted, ran = tag(phase.name), phase.counted, phase.measured
        yield f"counted/{name}/tokens", phase.tokens, 0
        yield f"counted/{name}/flops", counted.flops, 0
        yield f"counted/{name}/intensity", counted.intensity, 0
        yield f"counted/{name}/idle_slots", phase.idle_slots, 0
        for kind, size in _kinds(counted.hbm_bytes):
            yield f"counted/{name}/hbm_bytes/{kind}", size, 0
        if ran:
            yield f"measured/{name}/time_s", ran.time_s.median, 0
            yield f"measured/{name}/time_low_s", ran.time_s.low, 0
            yield f"measured/{name}/time_high_s", ran.time_s.high, 0
            yield f"measured/{name}/tokens_per_s", ran.tokens_per_s, 0
            yield f"measured/{name}/bandwidth_share", ran.bandwidth_share, 0
            yield f"measured/{name}/flops_share", ran.flops_share, 0
    if profile.outcome and profile.outcome.accuracy is not None:
        yield "outcome/accuracy", profile.outcome.accuracy, 0


def _chip_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    for placement in profile.placements:
        chip = f"at_datasheet_peak/{tag(placement.chip)}"
        for on_chip in placement.phases:
            yield f"{chip}/{tag(on_chip.phase)}/time_s", on_chip.time_at_peak_s, 0
        yield f"{chip}/{TOTAL}/time_s", time_at_peak(placement), 0


def _thought_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    for point in profile.thought:
        step, moved = point.tokens_thought, point.hbm_bytes
        for kind, size in _kinds(moved):
            yield f"thought_counted/hbm_bytes/{kind}", size, step
        yield "thought_counted/flops", point.flops, step
        yield "thought_counted/intensity", point.flops / moved.total if moved.total else 0.0, step
        yield "thought_counted/active_attempts", point.active_attempts, step
        if point.measured_step_s is not None:
            yield "thought_measured/step_s", point.measured_step_s, step
            if point.active_attempts:
                token_s = point.measured_step_s / point.active_attempts
                yield "thought_measured/token_s", token_s, step


def _kinds(moved: HbmBytes) -> Iterator[tuple[str, int]]:
    for kind in (*BYTE_KINDS, TOTAL):
        yield kind, getattr(moved, kind)
