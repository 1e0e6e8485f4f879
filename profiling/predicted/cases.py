"""Case: one published measurement in the terms of prediction: work, slice, stack, and the value.

Cases predicted: median and 80 % interval of each, in its own unit.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...tpu_configs.slice import Slice
from ..records.base import Interval
from .arrays import Number, as_columns
from .calibration import Calibration, Group, default_calibration
from .draws import FEW_TURNS, interval
from .energy import SERVER_OVER_CHIPS
from .query import DATASHEET_ONLY
from .step.hardware import IDEAL, Efficiency, Hardware, hardware_of
from .step.time_model import step_terms
from .step.work import NOTHING, Work


@dataclass(frozen=True)
class Piece:
    """Like steps that a measurement is made of."""

    phase: str
    steps: Number
    work: Work  # of one step, on one chip
    bunched: Number = 0.0  # further steps, of which a stack waits for its own number ...
    queued: Number = 0.0  # ... and for its own share (`serving.StepMix`)
    requests: Number = 0.0  # that arrive

    def seconds(self, step_s: Number, efficiency: Efficiency) -> Number:
        """Of all its steps, each of which takes `step_s`."""
        waited = efficiency.waited(self.bunched, self.queued)
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
    overfull: bool = False  # of requests in flight, memory holds not all at a time


@dataclass(frozen=True)
class Predicted:
    """Seconds or joules of a case; for a bare roofline the interval is the median itself."""

    whole: Interval
    basis: str


def predict_cases(
    cases: Sequence[Case], ideal: bool = False, calibration: Calibration | None = None
) -> list[Predicted | None]:
    """Each case's prediction by the calibration, or by datasheet figures alone; None where the
    power of its chip is not known. Cases of one chip and stack are predicted together."""
    calibrated = calibration or default_calibration(FEW_TURNS)
    alike: dict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        chip = case.slice.chip
        rates = hardware_of(chip, case.matmul_dtype)
        alike[chip.name, chip.kind, case.stack, rates].append(place)
    predicted: dict[int, Predicted | None] = {}
    for places in alike.values():
        together = [cases[place] for place in places]
        predicted |= zip(places, _predicted(together, ideal, calibrated), strict=True)
    return [predicted[place] for place in range(len(cases))]


def _predicted(
    cases: Sequence[Case], ideal: bool, calibration: Calibration
) -> Iterator[Predicted | None]:
    """Of cases with the same stack and rates of the same chip."""
    chip, stack = cases[0].slice.chip, cases[0].stack
    hardware = hardware_of(chip, cases[0].matmul_dtype)
    efficiency = IDEAL if ideal else calibration.efficiency(chip.name, chip.kind, stack)
    basis = DATASHEET_ONLY if ideal else calibration.basis(chip.name, chip.kind, stack)
    unexplained = {
        group: 1.0 if ideal else calibration.residuals(group, chip.name, stack)
        for group in {case.group for case in cases}
    }
    for case, values in zip(cases, _seconds(cases, hardware, efficiency), strict=True):
        watts = _watts(case, hardware, values, calibration) if case.unit == "J" else 1.0
        if watts is None:
            yield None
        else:
            drawn = (values * watts)[: 1 if ideal else None]
            yield Predicted(interval(drawn * unexplained[case.group]), basis)


def _seconds(cases: Sequence[Case], hardware: Hardware, efficiency: Efficiency) -> np.ndarray:
    """Of each case and draw [cases, draws]; all pieces of all cases are timed at once."""
    counts = [len(case.pieces) for case in cases]
    pieces = _as_arrays([piece for case in cases for piece in case.pieces])
    narrowing = np.repeat([case.narrowing for case in cases], counts)[:, None]
    step_s = step_terms(pieces.work, hardware, efficiency, narrowing).time_s
    each = pieces.seconds(step_s, efficiency)
    return np.asarray(np.add.reduceat(each, np.cumsum([0, *counts[:-1]]), axis=0))


def _as_arrays(pieces: Sequence[Piece]) -> Piece:
    """All of them as one whose numbers are arrays [pieces, 1]."""
    amounts = {
        name: np.array([[getattr(piece, name)] for piece in pieces], np.float64)
        for name in ("steps", "bunched", "queued", "requests")
    }
    return Piece("", work=as_columns([piece.work for piece in pieces]), **amounts)


def _watts(
    case: Case, hardware: Hardware, time_s: np.ndarray, calibration: Calibration
) -> np.ndarray | None:
    """Draws of the watts of what the case's joules are measured of; None where not known."""
    work = sum((p.work * (p.steps * case.copies) for p in case.pieces), start=NOTHING)
    watts = calibration.watts(case.slice, hardware, work, time_s)
    beside = SERVER_OVER_CHIPS if case.scope == "server" else 1.0
    return None if watts is None else watts * beside
