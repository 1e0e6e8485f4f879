"""Search against cases solved by hand, the sweep against one point at a time."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.chip_cost_model import BUDGETS
from rooflink.profiling.co_design.chip_search import (
    best_by_gradient,
    best_of_sweep,
    grid_of,
    minimise,
    reference_design,
    search_problem,
    sweep,
)
from rooflink.profiling.co_design.search_report import Budget, at_limits, design_searches
from rooflink.profiling.co_design.workload_mix import (
    PREFILL_HEAVY,
    SEQUENCES,
    mix_times,
    mix_work,
    parse_mix,
)
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.arrays import mapped

MIX = parse_mix(
    """
[[workload]]
share = 1
prompt = 100
think = 0
answer = 100
[[workload]]
share = 3
prompt = 512
think = 2048
answer = 128
""",
    "mix.toml",
)


@pytest.fixture(scope="module")
def ground():
    known = sample_setting()
    return search_problem(known, mix_work(known.point, MIX))


@pytest.mark.parametrize(("a", "b", "c", "d"), [(1.0, 1.0, 1.0, 1.0), (3.0, 1.0, 2.0, 5.0)])
def test_split_of_two_serial_resources_is_lagranges(a, b, c, d):
    """Time a/x + b/y under c x + d y = B: x = sqrt(a/c) B / (sqrt(ac) + sqrt(bd))."""
    budget = 10.0
    found = minimise(
        lambda logs: jnp.log(a * jnp.exp(-logs[0]) + b * jnp.exp(-logs[1])),
        lambda logs: c * jnp.exp(logs[0]) + d * jnp.exp(logs[1]),
        jnp.zeros(2), jnp.float32(budget), jnp.full(2, -5.0), jnp.full(2, 5.0),
    )  # fmt: skip
    x, y = np.exp(np.asarray(found))
    both = np.sqrt(a * c) + np.sqrt(b * d)
    assert x == pytest.approx(np.sqrt(a / c) * budget / both, rel=1e-3)
    assert y == pytest.approx(np.sqrt(b / d) * budget / both, rel=1e-3)


def test_split_of_a_perfectly_overlapped_roofline_makes_both_times_equal():
    """max(a/x, b/y) under x + y = B, smoothed by a norm of 64: x / y = a / b."""
    found = minimise(
        lambda logs: jax.nn.logsumexp(64 * (jnp.log(jnp.array([3.0, 1.0])) - logs)) / 64,
        lambda logs: jnp.exp(logs).sum(),
        jnp.zeros(2), jnp.float32(8.0), jnp.full(2, -5.0), jnp.full(2, 5.0),
    )  # fmt: skip
    assert np.exp(np.asarray(found)) == pytest.approx([6.0, 2.0], rel=0.05)


def test_bounds_hold_and_the_rest_takes_what_is_left():
    found = minimise(
        lambda logs: jnp.log(jnp.exp(-logs).sum()), lambda logs: jnp.exp(logs).sum(),
        jnp.zeros(3), jnp.float32(10.0), jnp.full(3, -5.0), jnp.log(jnp.array([1.0, 100.0, 100.0])),
    )  # fmt: skip
    assert np.exp(np.asarray(found)) == pytest.approx([1.0, 4.5, 4.5], rel=1e-3)


def test_the_sweep_is_each_design_by_itself(ground):
    designs = grid_of((3, 3, 2, 2))
    time_s, cost = (np.asarray(x) for x in sweep(ground, designs, jnp.inf, "usd"))
    assert time_s.shape == cost.shape == (36, len(SEQUENCES))
    for i in (0, 17, 35):
        one = mapped(lambda leaf, i=i: leaf[i], designs)
        alone, token = mix_times(ground.mixed, ground.hardware, ground.on_chip, ground.efficiency,
                                 one)  # fmt: skip
        allowed = np.asarray(token) <= float(ground.slowest_token_s)
        np.testing.assert_allclose(time_s[i], np.where(allowed, alone, np.inf), rtol=1e-5)


@pytest.mark.parametrize("kind", ["usd", "area", "watts"])
def test_a_best_chip_spends_the_budget_and_beats_the_grid_and_the_reference(ground, kind):
    budget = float(BUDGETS[kind](ground.reference, ground.rates))
    swept = best_of_sweep(ground, budget, kind, grid_of((9, 9, 3, 5)))
    best = best_by_gradient(ground, budget, kind, swept)
    spent = float(BUDGETS[kind](best.parts, ground.rates))
    assert best.time_s <= swept.time_s
    assert spent <= budget * 1.001
    assert best.time_s <= reference_design(ground, float(ground.reference.hbm_capacity)).time_s


def test_more_budget_is_never_slower(ground):
    grid = grid_of((9, 9, 2, 3))
    budget = float(BUDGETS["usd"](ground.reference, ground.rates))
    times = [best_of_sweep(ground, budget * f, "usd", grid).time_s for f in (1.0, 1.2, 1.5)]
    assert all(more <= less for less, more in pairwise(times))


def test_reasoning_wants_bandwidth_where_prefill_wants_flops():
    reasoning, prefill = design_searches(sample_setting(), MIX, Budget("area", 300.0))
    assert prefill.mix == [PREFILL_HEAVY[0].words]
    ratio = [each.best.matrix_flops / each.best.hbm_bandwidth for each in (reasoning, prefill)]
    assert ratio[1] > 2 * ratio[0]
    assert reasoning.speedup.low <= reasoning.speedup.median <= reasoning.speedup.high
    assert sum(reasoning.spent.values()) == pytest.approx(
        reasoning.best.area_mm2 / reasoning.budget, rel=1e-3
    )


def test_a_search_that_ends_at_its_own_limits_is_told_from_an_optimum(ground):
    plenty = 1e3 * float(BUDGETS["usd"](ground.reference, ground.rates))
    rich = best_of_sweep(ground, plenty, "usd", grid_of((9, 9, 3, 5)))
    assert "hbm_bandwidth" in at_limits(rich)
    own = float(BUDGETS["usd"](ground.reference, ground.rates))
    assert "hbm_bandwidth" not in at_limits(
        best_of_sweep(ground, own, "usd", grid_of((9, 9, 3, 5)))
    )


def test_an_impossible_budget_is_said(ground):
    with pytest.raises(ProfileInputError, match=r"no chip fits a budget of 5 W .* the least that"):
        best_of_sweep(ground, 5.0, "watts", grid_of((3, 3, 2, 2)))
