"""Phases that a strategy made besides prefill, thinking and answering, as its profile has them.

Their steps are rebuilt from the record: positions read, passes made, cached positions moved. They
follow a change of model, chip, batch or attempts, and stay as long as they were where thoughts or
answers change their length.
"""

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from ...model.phases import PREFILL, Program, phase_named
from ..predicted.arrays import Number, mapped
from ..predicted.phase_lengths import PhaseSteps
from ..predicted.step_work import Load, Work, copy_work, step_work
from ..records import Phase, Profile
from .design_point import Point, RecordedPhases


def recorded_phases(
    profile: Profile, names: Sequence[str]
) -> tuple[tuple[str, ...], RecordedPhases | None]:
    """The profile's phases but those of `names`, by name and in numbers; None without any."""
    phases = [phase for phase in profile.phases if phase.name not in names and _worked(phase)]
    if not phases:
        return (), None
    columns = zip(*(_numbers(profile, phase) for phase in phases), strict=True)
    return (
        tuple(phase.name for phase in phases),
        RecordedPhases(*(np.array(column, float)[:, None] for column in columns)),
    )


def recorded_steps(point: Point, recorded: RecordedPhases) -> list[PhaseSteps]:
    """The steps of each recorded phase for the point's batch, chip and model."""
    sequences = point.lengths.sequences
    load = Load(
        sequences=np.maximum(recorded.rows, 1e-9) * sequences,
        new_tokens=np.maximum(recorded.positions, 1.0),
        own_context=recorded.own_context,
        shared_context=recorded.shared_context,
        sharers=recorded.sharers,
        head_positions=1.0,
    )
    reading = step_work(point.shape, load, point.widths, point.spread, point.hardware.tile)
    copying = copy_work(point.shape, recorded.copied * sequences, point.widths, point.spread)
    reads = recorded.positions > 0

    def chosen(read: Number, copied: Number) -> Number:
        return np.where(reads, read, copied)

    work: Work = mapped(chosen, reading, copying)
    return [
        PhaseSteps(mapped(lambda leaf, row=row: leaf[row], work), recorded.steps[row])
        for row in range(len(recorded.steps))
    ]


def reads_several(recorded: RecordedPhases) -> Number:
    """[phases, 1] whether a row reads several positions in a step, as in prefill."""
    return recorded.positions > 1


def _worked(phase: Phase) -> bool:
    return phase.tokens > 0 or phase.counted.hbm_bytes.total > 0


def _numbers(profile: Profile, phase: Phase) -> tuple[float, ...]:
    """The fields of RecordedPhases for one phase."""
    work, program = profile.workload, phase_named(phase.name).program
    batches = _batches(profile)
    sequences = work.prompts / batches * work.attempts
    moved = phase.counted.hbm_bytes.kv_read / max(profile.model.kv_bytes_per_token, 1)
    if phase.tokens == 0:  # copies alone
        copies = _copies(profile, phase.name) / batches
        return 0.0, 0.0, 0.0, 0.0, 1.0, moved / batches / sequences / copies, copies
    steps = max(phase.steps, 1)
    rows = _rows(phase, program, batches)
    positions = phase.tokens / steps / rows
    prompt = 0.0 if program == "prompt" else _prompt_tokens(profile, phase)
    sharers = max(rows / (work.prompts / batches), 1.0)
    read_back = positions if positions > 1 else 0.0
    own = max(moved / steps / rows - read_back - prompt / sharers, 0.0)
    return rows / sequences, positions, own, prompt, sharers, 0.0, steps / batches


def _copies(profile: Profile, name: str) -> float:
    """How many times cache was copied; once where no prediction says."""
    steps = (p.steps for one in profile.predictions for p in one.phases if p.phase == name)
    return next(steps, 1.0)


def _rows(phase: Phase, program: Program, batches: int) -> float:
    """Rows at work in a step, in the mean."""
    if program == "decode":
        return max(phase.tokens / max(phase.steps, 1), 1e-9)
    return max(phase.sequences / batches, 1.0)


def _prompt_tokens(profile: Profile, phase: Phase) -> float:
    """Tokens of the prompts that the phase's rows share."""
    reader = phase_named(phase.name).prompts
    read = next((other for other in profile.phases if other.name == reader), None)
    if reader == PREFILL or read is None or not read.sequences:
        return fmean(profile.workload.prompt_tokens)
    return read.tokens / max(read.steps, 1) / _rows(read, "prompt", _batches(profile))


def _batches(profile: Profile) -> int:
    return math.ceil(profile.workload.prompts / max(profile.workload.batch, 1))
