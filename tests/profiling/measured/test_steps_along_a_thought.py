"""The time of a step along a thought: of one call of the loop at a time, or of none."""

import pytest

from rooflink.profiling.measured.run import PhaseClock, Runs, Stretch
from rooflink.profiling.records import MachineLimits

LIMITS = MachineLimits(read_bandwidth=1e10, matmul_flops=1e11, dtype="float32")


def runs(*repeats: list[tuple[int, float]]) -> Runs:
    """Repeats of one batch whose thought took calls of (passes, seconds)."""
    clocks = []
    for calls in repeats:
        clock = PhaseClock()
        clock.stretches["think"] = [Stretch(*call) for call in calls]
        clocks.append([clock])
    return Runs([], clocks, LIMITS, interrupted=False)


def test_steps_grow_from_call_to_call() -> None:
    """16 steps in 1.6 s, then 4 in 0.8 s; the median of three repeats of each call."""
    found = runs([(16, 1.6), (4, 0.8)], [(16, 1.6), (4, 8.0)], [(16, 160.0), (4, 0.8)])
    assert found.step_times_s("think") == pytest.approx([0.1] * 16 + [0.2] * 4)


def test_one_call_says_nothing_along_the_thought() -> None:
    assert runs([(12, 1.2)]).step_times_s("think") == [None] * 12
