"""Case: one published measurement in the terms of prediction: work, slice, stack, and the value.

Cases predicted: median and 80 % interval of each, in its own unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...tpu_configs.slice import Slice
from ..records.base import Interval
from .arrays import Number
from .calibration import Calibration, Group, default_calibration
from .energy import SERVER_OVER_CHIPS
from .predict import interval
from .query import DATASHEET_ONLY
from .step.hardware import IDEAL, Efficiency, hardware_of
from .step.time_model import step_terms
from .step.work import NOTHING, Work


@dataclass(frozen=True)
class Piece:
    """Like steps that a measurement is made of."""

    phase: str
    steps: float
    work: Work  # of one step, on one chip
    bunched: float = 0.0  # further steps, of which a stack waits for its own number ...
    queued: float = 0.0  # ... and for its own share (`serving.StepMix`)
    requests: float = 0.0  # that arrive

    def seconds(self, step_s: Number, efficiency: Efficiency) -> Number:
        """Of all its steps, each of which takes `step_s`."""
        waited = self.bunched * efficiency.bunched + self.queued * efficiency.queued
        return (self.steps + waited) * step_s + self.requests * efficiency.request_s


@dataclass(frozen=True)
class Case:
    """One measurement: the seconds (or joules) of its pieces together."""

    id: str  # the file's row, e.g. 'measured_inference.csv:23'
    source: str
    stack: str  # the software, e.g. 'vLLM'; 'kernel' for operations timed by themselves
    group: Group
    model: str
    slice: Slice
    matmul_dtype: str
    narrowing: float  # log2(operand width / weight width)
    pieces: tuple[Piece, ...]
    copies: int  # chips whose work adds up: all of them but a pipeline's
    observed: float
    unit: Literal["s", "J"]
    reliability: str  # 'A' official or identity-checked .. 'D' a claim, as the file has it
    note: str = ""
    scope: Literal["chips", "server"] = "chips"  # joules of a server's plug have the host's too
    output_tokens: float | None = None  # of each answer, where the row states them


@dataclass(frozen=True)
class Predicted:
    """Seconds or joules of a case; for a bare roofline the interval is the median itself."""

    whole: Interval
    basis: str


def predict_cases(
    cases: Sequence[Case], ideal: bool = False, calibration: Calibration | None = None
) -> list[Predicted | None]:
    """Each case's prediction by the calibration, or by datasheet figures alone; None where the
    power of its chip is not known."""
    calibrated = calibration or default_calibration()
    return [_predicted(case, ideal, calibrated) for case in cases]


def _predicted(case: Case, ideal: bool, calibration: Calibration) -> Predicted | None:
    chip = case.slice.chip
    hardware = hardware_of(chip, case.matmul_dtype)
    efficiency = IDEAL if ideal else calibration.efficiency(chip.name, chip.kind, case.stack)
    times = [
        piece.seconds(
            step_terms(piece.work, hardware, efficiency, case.narrowing).time_s, efficiency
        )
        for piece in case.pieces
    ]
    values = np.atleast_1d(np.asarray(sum(times), np.float64))
    if case.unit == "J":
        work = sum((p.work * (p.steps * case.copies) for p in case.pieces), start=NOTHING)
        watts = calibration.watts(case.slice, hardware, work, values)
        if watts is None:
            return None
        values = values * (watts * (SERVER_OVER_CHIPS if case.scope == "server" else 1.0))
    if ideal:
        return Predicted(interval(values[:1]), DATASHEET_ONLY)
    whole = interval(values * calibration.residuals(case.group, chip.name, case.stack))
    return Predicted(whole, calibration.basis(chip.name, chip.kind, case.stack))
