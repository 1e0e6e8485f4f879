"""Cases predicted together: each is what it is by itself, whatever stands beside it."""

from functools import cache

import numpy as np
import pytest

from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.cases import Case, Piece, predict_cases
from rooflink.profiling.predicted.step.hardware import hardware_of
from rooflink.profiling.predicted.step.time_model import step_terms
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.validate import SHIPPED


@cache
def sample() -> list[Case]:
    """A few of each table, of several chips, stacks and units, in an order that mixes them."""
    tables = [read_measurements(file)[0] for file in SHIPPED]
    cases = [case for table in tables for case in table[:: max(len(table) // 40, 1)]]
    joules = [case for case in tables[0] if case.unit == "J"]
    order = np.random.default_rng(5).permutation(len(cases) + len(joules))
    return [[*cases, *joules][place] for place in order]


@pytest.mark.parametrize("ideal", [False, True])
def test_a_case_is_predicted_alike_beside_others_and_by_itself(ideal: bool) -> None:
    together = predict_cases(sample(), ideal)
    for case, found in zip(sample(), together, strict=True):
        (alone,) = predict_cases([case], ideal)
        assert (alone is None) == (found is None)
        if alone is not None and found is not None:
            assert found.basis == alone.basis
            for end in ("low", "median", "high"):
                there, here = getattr(found.whole, end), getattr(alone.whole, end)
                assert there == pytest.approx(here, rel=1e-9)


def seconds_of(case: Case, piece: Piece) -> np.ndarray:
    """Of one piece, in each draw: its steps and those it waits for, and the arrivals."""
    chip = case.slice.chip
    reached = default_calibration().efficiency(chip.name, chip.kind, case.stack)
    rates = hardware_of(chip, case.matmul_dtype)
    step_s = step_terms(piece.work, rates, reached, case.narrowing).time_s
    waited = piece.bunched * reached.bunched + piece.queued * reached.queued
    return np.asarray((piece.steps + waited) * step_s + piece.requests * reached.request_s)


def test_a_time_is_the_sum_of_its_pieces_in_every_draw() -> None:
    cases = [case for case in sample() if case.unit == "s"]
    assert any(len(case.pieces) > 1 for case in cases)
    calibration = default_calibration()
    together = predict_cases(cases, calibration=calibration)
    for case, found in zip(cases, together, strict=True):
        assert found is not None
        seconds = sum(seconds_of(case, piece) for piece in case.pieces)
        name = case.slice.chip.name
        drawn = seconds * calibration.residuals(case.group, name, case.stack)
        quantiles = np.quantile(drawn, (0.5, 0.1, 0.9))
        ends = (found.whole.median, found.whole.low, found.whole.high)
        assert ends == pytest.approx(quantiles, rel=1e-9)
