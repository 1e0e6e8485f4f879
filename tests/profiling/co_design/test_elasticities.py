"""Elasticities against finite differences, against what scaling requires, and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.costs import logs_of
from rooflink.profiling.co_design.crossovers import elasticities, slope
from rooflink.profiling.co_design.design_point import (
    ON_CHIP,
    PARAMETERS,
    TILE,
    memory_full,
    modelled,
    scaled,
)

DIFFERENTIATED = tuple(name for name in PARAMETERS if name != TILE)
RATES = [PARAMETERS[name] for name in DIFFERENTIATED if name != ON_CHIP]
STEP = 1e-5


@pytest.mark.parametrize("regime", ["as run", "memory full"])
def test_derivatives_equal_central_finite_differences(regime):
    known = sample_setting()
    found = {name: slope(known, name, regime) for name in DIFFERENTIATED}

    def at(name, step):
        factors = {name: np.exp(step)}
        changed = scaled(known.point, factors, known.costs)
        return logs_of(memory_full(changed) if regime == "memory full" else changed, known.draws)

    for name in DIFFERENTIATED:
        up, down = at(name, STEP), at(name, -STEP)
        for quantity in ("time", "energy", "usd"):
            difference = (getattr(up, quantity) - getattr(down, quantity)) / (2 * STEP)
            np.testing.assert_allclose(
                getattr(found[name], quantity), difference, atol=1e-8, err_msg=f"{name} {quantity}"
            )


def test_all_rates_up_and_all_latencies_down_by_two_halves_time():
    known = sample_setting()
    factors = {handle.name: 2.0**handle.rises for handle in RATES if handle.name != "hbm_capacity"}
    before = logs_of(known.point, known.draws)
    after = logs_of(scaled(known.point, factors, known.costs), known.draws)
    np.testing.assert_allclose(np.asarray(after.time - before.time), np.log(0.5), rtol=1e-5)


def test_times_elasticities_sum_to_minus_one():
    known = sample_setting()
    found = {name: slope(known, name, "as run") for name in DIFFERENTIATED}
    whole = sum(handle.rises * found[handle.name].time for handle in RATES)
    np.testing.assert_allclose(whole, -1.0, atol=1e-4)


def test_ideal_decode_is_all_bandwidth():
    known = sample_setting(where="h100", prompts=1.0, attempts=1.0, ideal=True)
    found = {name: slope(known, name, "as run") for name in DIFFERENTIATED}
    think = 1
    assert found["hbm_bandwidth"].time[think, 0] == pytest.approx(-1.0, abs=1e-5)
    assert found["matrix_flops"].time[think, 0] == pytest.approx(0.0, abs=1e-5)


def test_capacity_counts_through_the_largest_batch():
    """Overheads, weights and KV of a memory-bound step: more room spreads the first two."""
    known = sample_setting(where="v5e-8")
    as_run, full = (slope(known, "hbm_capacity", r) for r in ("as run", "memory full"))
    assert np.all(as_run.time == 0.0)
    assert np.all(full.time[3] < 0.0)
    assert np.median(full.time[3]) < -0.05
    larger = replace(
        known.point,
        hardware=replace(
            known.point.hardware, memory_bytes=known.point.hardware.memory_bytes * 1.01
        ),
    )
    after, before = (logs_of(memory_full(p), known.draws) for p in (larger, known.point))
    difference = np.asarray(after.time - before.time) / np.log(1.01)
    np.testing.assert_allclose(full.time, difference, atol=0.02)


def test_rows_cover_phases_quantities_regimes_and_no_parameter_that_is_not_public():
    known = sample_setting()
    rows = elasticities(known)
    assert {row.phase for row in rows} == {"prefill", "think", "answer", "query"}
    assert {row.quantity for row in rows} == {"time", "energy", "usd"}
    assert {row.parameter for row in rows} == {*modelled(known.slice), "matrix_tile"}
    assert all(row.value.low <= row.value.median <= row.value.high for row in rows)
