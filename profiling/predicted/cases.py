"""Case: one published measurement in the terms of prediction: work, slice, stack, and the value.

Cases predicted: median and 80 % interval of each, in its own unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...tpu_configs.slice import Slice
from .calibration import Calibration, default_calibration
from .energy import SERVER_OVER_CHIPS
from .hardware import IDEAL, hardware_of
from .predict import DATASHEET_ONLY, interval
from .step_work import NOTHING, Work
from .time_model import step_terms

Group = Literal["decode", "prefill", "serving", "matmul", "vector", "collective", "energy"]
"""What is reported apart: steps of a model that decode, prefill, or both as a server mixes them;
single operations; joules."""


@dataclass(frozen=True)
class Piece:
    """Like steps that a measurement is made of."""

    phase: str
    steps: float
    work: Work  # of one step, on one chip


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


@dataclass(frozen=True)
class Predicted:
    """Seconds or joules of a case; low and high are the median itself for a bare roofline."""

    median: float
    low: float
    high: float
    basis: str


def predict_cases(
    cases: Sequence[Case], ideal: bool = False, calibration: Calibration | None = None
) -> list[Predicted]:
    """Each case's prediction by the calibration, or by datasheet figures alone."""
    calibrated = calibration or default_calibration()
    return [_predicted(case, ideal, calibrated) for case in cases]


def _predicted(case: Case, ideal: bool, calibration: Calibration) -> Predicted:
    chip = case.slice.chip
    hardware = hardware_of(chip, case.matmul_dtype)
    efficiency = IDEAL if ideal else calibration.efficiency(chip.name, chip.kind, case.stack)
    times = [
        piece.steps * step_terms(piece.work, hardware, efficiency, case.narrowing).time_s
        for piece in case.pieces
    ]
    values = np.atleast_1d(np.asarray(sum(times), np.float64))
    if case.unit == "J":
        values = values * _watts(case, values, calibration)
    if ideal:
        return Predicted(*(float(values[0]),) * 3, basis=DATASHEET_ONLY)
    values = values * calibration.residuals(case.group)
    seconds_or_joules = interval(values)
    return Predicted(
        median=seconds_or_joules.median,
        low=seconds_or_joules.low,
        high=seconds_or_joules.high,
        basis=calibration.basis(chip.name, chip.kind, case.stack),
    )


def _watts(case: Case, seconds: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Power of the case's chips, or of their servers, for each draw; NaN where it is unknown."""
    whole = sum((p.work * (p.steps * case.copies) for p in case.pieces), start=NOTHING)
    hardware = hardware_of(case.slice.chip, case.matmul_dtype)
    watts = calibration.watts(case.slice, hardware, whole, seconds)
    if watts is None:
        return np.full(len(seconds), np.nan)
    return watts * (SERVER_OVER_CHIPS if case.scope == "server" else 1.0)
