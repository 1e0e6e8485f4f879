"""Intensity, bound and ridge under each lens, worked by hand; `bound` is where intensity meets the
ridge."""

import pytest
from real_records import compiled_for

from rooflink.profiling.records import (
    CountedCost,
    HbmBytes,
    MachineLimits,
    MeasuredCost,
    Spread,
    TargetRoofline,
)
from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.prediction import PredictedPhase

MACHINE = MachineLimits(read_bandwidth=20e9, matmul_flops=200e9, dtype="float32")  # ridge 10


def counted(flops: int, moved: int) -> CountedCost:
    return CountedCost(
        flops=flops,
        vector_flops=0,
        hbm_bytes=HbmBytes(weights=moved, kv_read=0, kv_write=0, activations=0),
    )


def seconds(median: float) -> Spread:
    return Spread(median=median, low=median, high=median, repeats=[median])


def test_counted_intensity_is_flops_per_byte() -> None:
    assert counted(300, 100).intensity == 3.0
    assert counted(300, 0).intensity == 0.0


@pytest.mark.parametrize(
    ("flops", "moved", "bound"),
    [
        (90e9, 10e9, "memory"),  # intensity 9, 0.5 of the bandwidth and 0.45 of the rate
        (110e9, 10e9, "compute"),  # intensity 11
        (6e9, 0.6e9, "neither"),  # intensity 10, 0.03 of both
        (1e9, 10e9, "memory"),
    ],
)
def test_measured_bound_changes_at_the_machines_own_ridge(
    flops: float, moved: float, bound: str
) -> None:
    cost = MeasuredCost.of(counted(int(flops), int(moved)), 50, seconds(1.0), MACHINE)
    assert MACHINE.ridge == 10.0
    assert cost.intensity == pytest.approx(flops / moved)
    assert cost.bound == bound


def test_rates_reached_by_hand() -> None:
    cost = MeasuredCost.of(counted(100_000_000_000, 5_000_000_000), 50, seconds(2.0), MACHINE)
    assert cost.flops_per_s == 50e9
    assert cost.bytes_per_s == 2.5e9
    assert cost.flops_share == 0.25
    assert cost.bandwidth_share == 0.125
    assert cost.tokens_per_s == 25.0
    assert cost.intensity == 20.0


def test_a_phase_without_passes_takes_no_time() -> None:
    cost = MeasuredCost.of(counted(0, 0), 0, seconds(0.0), MACHINE)
    assert (cost.tokens_per_s, cost.flops_share, cost.intensity) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("compute_s", "memory_s", "links_s", "bound"),
    [(3.0, 2.0, 1.0, "compute"), (2.0, 3.0, 1.0, "memory"), (1.0, 2.0, 3.0, "links"),
     (2.0, 2.0, 0.0, "compute")],
)  # fmt: skip
def test_compiled_bound_is_the_longest_time_at_peak(
    compute_s: float, memory_s: float, links_s: float, bound: str
) -> None:
    roof = TargetRoofline(ridge=100.0, compute_s=compute_s, memory_s=memory_s, links_s=links_s)
    assert roof.bound == bound
    assert roof.time_at_peak_s == max(compute_s, memory_s, links_s)


def test_compiled_intensity_is_of_the_bytes_that_the_executable_moves() -> None:
    phase = compiled_for("v5e:2x4").phases[0]
    moved = sum(row.read_bytes + row.written_bytes for row in phase.hbm)
    assert phase.intensity == phase.counted_flops / moved
    assert phase.model_copy(update={"hbm": []}).intensity == 0.0


def predicted(compute_s: float, memory_s: float) -> PredictedPhase:
    time_s = Interval(median=1.0, low=1.0, high=1.0)
    return PredictedPhase(
        phase="think", tokens=1.0, steps=1.0, time_s=time_s, energy_j=None, bound="memory",
        compute_s=compute_s, memory_s=memory_s, on_chip_s=0.0, links_s=0.0, overhead_s=0.0,
        flops=600.0, memory_bytes=100.0, link_bytes=0.0,
    )  # fmt: skip


def test_predicted_ridge_is_of_the_rates_reached() -> None:
    """600 FLOPs in 2 s and 100 bytes in 4 s: 300 FLOP/s over 25 B/s."""
    phase = predicted(2.0, 4.0)
    assert phase.intensity == 6.0
    assert phase.ridge == 12.0  # above the intensity, as memory takes longer
    assert predicted(4.0, 2.0).ridge == 3.0
    assert predicted(2.0, 2.0).ridge == 6.0  # on the ridge
    assert predicted(0.0, 2.0).ridge is None
