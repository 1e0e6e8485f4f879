"""A data center's sums by hand: chips for a load, power over time, what smoothing stores."""

import math

import numpy as np
import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.data_center import (
    BUSY,
    Cycle,
    data_center,
    smoothing,
    synchronised,
    unsynchronised,
)
from rooflink.profiling.co_design.search_report import pareto_points
from rooflink.profiling.errors import ProfileInputError

CYCLE = Cycle(
    ("prefill", "think", "answer"),
    np.array([1.0, 8.0, 1.0]),
    np.array([700.0, 400.0, 400.0]),
)


def test_chips_for_a_load_are_its_queries_times_their_time():
    known = sample_setting()
    found = data_center(known, 10.0)
    needed = 10.0 * found.latency_s.median / found.batch / BUSY
    assert found.slices == pytest.approx(math.ceil(needed), abs=1)
    assert found.chips == found.slices * 8
    assert found.latency_s.median <= found.latency_target_s * 1.001
    assert found.usd_per_day.median == pytest.approx(found.chips * 1.2 * 24)
    assert found.tokens_per_s == 10.0 * 4 * (2048 + 128)
    assert 0 < found.sustained < 0.5
    assert found.power_w.median < found.provisioned_w
    assert found.wall_kwh_per_day.median == pytest.approx(found.power_w.median * 24 / 1000)


def test_longer_thoughts_cost_more():
    tiers = data_center(sample_setting()).tiers
    assert len(tiers) >= 3
    prices = [tier.usd.median for tier in tiers]
    assert prices == sorted(prices)


def test_a_target_that_none_meets_is_said():
    with pytest.raises(ProfileInputError, match=r"answers within 0\.001 s: one prompt alone takes"):
        data_center(sample_setting(), 1.0, 0.001)
    with pytest.raises(ProfileInputError, match="the load is 0"):
        data_center(sample_setting(), 0.0)


def test_power_over_time_by_hand():
    together, apart = synchronised(CYCLE, 10), unsynchronised(CYCLE, 1000)
    assert (together.mean_w, together.peak_w, together.low_w) == (4300.0, 7000.0, 4000.0)
    assert together.time_s[:4] == [0.0, 1.0, 1.0, 9.0]
    assert apart.mean_w == 430_000.0
    assert apart.swing < 0.1 < together.swing


def test_what_is_stored_is_what_is_above_the_mean():
    together, apart = synchronised(CYCLE, 4), unsynchronised(CYCLE, 4)
    start, store, burn = smoothing(CYCLE, together, apart, 2)
    assert store.stored_j_per_chip == 270.0 / 2  # (700 - 430) W for a second, on two chips
    assert store.extra_energy == pytest.approx(0.1 * 270 / 4300)
    assert burn.extra_energy == pytest.approx(700 / 430 - 1)
    assert start.extra_energy == 0.0
    alone = smoothing(CYCLE, synchronised(CYCLE, 1), unsynchronised(CYCLE, 1), 2)
    assert [each.way for each in alone] == [store.way, burn.way], "one slice cannot be staggered"


def test_nothing_on_the_frontier_is_slower_and_dearer_than_another():
    points = pareto_points([sample_setting(), sample_setting(where="h100")])
    best = [p for p in points if p.on_frontier]
    assert 0 < len(best) < len(points)
    for p in best:
        assert not any(
            q.latency_s.median < p.latency_s.median
            and q.usd_per_query.median < p.usd_per_query.median
            for q in points
        )
