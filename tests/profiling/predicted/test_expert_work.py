"""Experts' work against hand-worked tokens, experts and bytes, and against drawn loads."""

import itertools
from dataclasses import replace

import jax
import numpy as np
import pytest

from rooflink.profiling.predicted.step.expert_work import (
    EVEN,
    ExpertLoad,
    expert_work,
    hot_experts,
    measured_load,
    power_law,
    slowest_share,
)
from rooflink.profiling.predicted.step.work import Widths

BF16 = Widths(2.0, 2.0, 2.0)
DEALT = ExpertLoad(((1.0, 1.0),), dealt=True)
MATRIX = 3 * 64 * 32  # elements of one expert


def work(rows, load=EVEN, experts=16.0, top=2.0, shards=1.0, width_shards=1.0, tile=1.0):
    return expert_work(
        rows, 64.0, 32.0, experts, top, BF16, shards, width_shards, tile=tile, load=load
    )


def test_one_token_reads_its_own_experts():
    one = work(1.0)
    assert one.weight_bytes == pytest.approx(2 * MATRIX * 2)
    assert one.idle_expert_bytes == pytest.approx(14 * MATRIX * 2)
    assert one.matmul_flops == pytest.approx(2 * 2 * MATRIX)
    # Each of two rows: in and out 64, gate, up and product 32.
    assert one.activation_bytes == pytest.approx(2 * (2 * 64 + 3 * 32) * 2)


def test_tokens_that_choose_by_chance_meet_at_some_experts():
    # The second token misses one of the first's with chance 7/8.
    assert work(2.0).weight_bytes == pytest.approx(16 * (1 - (7 / 8) ** 2) * MATRIX * 2)
    assert work(2.0, DEALT).weight_bytes == pytest.approx(4 * MATRIX * 2)
    assert work(8.0, DEALT).weight_bytes == work(80.0, DEALT).weight_bytes == 16 * MATRIX * 2


def test_chips_share_experts_and_their_width():
    whole = work(64.0, DEALT)
    by_expert, by_width = work(64.0, DEALT, shards=4.0), work(64.0, DEALT, width_shards=4.0)
    for split in (by_expert, by_width):
        assert split.matmul_flops == pytest.approx(whole.matmul_flops / 4)
        assert split.weight_bytes == pytest.approx(whole.weight_bytes / 4)
    # Every chip that has a part of an expert's width is sent the whole row.
    assert by_expert.activation_bytes < by_width.activation_bytes


def test_experts_that_get_all_tokens_make_their_chip_the_slowest():
    # Half of the experts work: a chip with one expert has twice the mean.
    half = work(64.0, hot_experts(0.5), shards=16.0)
    assert half.matmul_flops == pytest.approx(2 * work(64.0, shards=16.0).matmul_flops)
    assert work(64.0, replace(hot_experts(0.5), dealt=True)).weight_bytes == pytest.approx(
        8 * MATRIX * 2
    )
    assert slowest_share(16.0, 2.0, 1.0, hot_experts(0.5)) == pytest.approx(1.0)
    # No chip does more than all tokens: two choices each, on one chip of eight experts at most.
    assert slowest_share(16.0, 2.0, 2.0, hot_experts(1 / 8)) <= 2


def test_measured_tokens_are_a_load():
    load = measured_load([0, 30, 10, 0])
    assert load.parts == ((0.25, 3.0), (0.25, 1.0), (0.25, 0.0), (0.25, 0.0))
    assert slowest_share(4.0, 1.0, 4.0, load) == pytest.approx(3.0)


@pytest.mark.parametrize("exponent", [1.01, 1.2])
@pytest.mark.parametrize("shards", [1, 2, 8, 16, 64, 256])
def test_a_power_law_s_slowest_chip_is_that_of_drawn_loads(exponent, shards):
    rng, ratio, experts, top = np.random.default_rng(1), 200.0, 256, 8
    u, bend = rng.random((400, experts)), 1 - exponent
    loads = (1 + u * (ratio**bend - 1)) ** (1 / bend)
    loads /= loads.mean(axis=1, keepdims=True)
    sums = np.minimum(loads, experts / top).reshape(400, shards, -1).mean(axis=2)
    drawn = sums.max(axis=1).mean()
    ours = slowest_share(float(experts), float(top), float(shards), power_law(exponent, ratio))
    assert ours == pytest.approx(drawn, rel=0.12)


def test_a_power_law_of_exponent_one_is_the_limit():
    near, at = power_law(1.001, 200.0), power_law(1.0, 200.0)
    for (_, a), (_, b) in zip(near.parts, at.parts, strict=True):
        assert a == pytest.approx(b, rel=0.01)
    assert sum(share * load for share, load in at.parts) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "load", [EVEN, DEALT, hot_experts(1 / 64), power_law(1.2, 1e9), power_law(3.0, 1e12)]
)
def test_any_size_is_a_number_and_its_slope_too(load):
    for rows in (0.0, 1e-9, 1.0, 1e12):
        for experts, top, shards in ((1.0, 1.0, 1.0), (256.0, 8.0, 256.0), (1e5, 8.0, 1e5)):
            one = expert_work(rows, 64.0, 32.0, experts, top, BF16, shards, tile=128.0, load=load)
            assert all(np.isfinite(v) and v >= 0 for v in vars(one).values())
    slope = jax.grad(lambda rows: work(rows, load, shards=4.0, tile=128.0).weight_bytes)
    assert all(np.isfinite(slope(rows)) for rows in (0.5, 7.0, 1e9))


def test_arrays_of_tokens_and_chips():
    rows, shards = np.array([1.0, 8.0, 512.0])[:, None], np.array([1.0, 4.0])
    together = work(rows, power_law(1.2, 200.0), shards=shards)
    alone = work(8.0, power_law(1.2, 200.0), shards=4.0)
    assert together.weight_bytes.shape == (3, 2)
    assert together.weight_bytes[1, 1] == pytest.approx(alone.weight_bytes)


def test_more_tokens_never_take_less():
    load = power_law(1.2, 200.0)
    amounts = [work(rows, load, shards=8.0) for rows in np.geomspace(0.1, 1e6, 60)]
    for few, many in itertools.pairwise(amounts):
        for name in ("matmul_flops", "weight_bytes", "activation_bytes"):
            assert getattr(many, name) >= getattr(few, name)


def test_neighbours_that_are_hot_share_a_chip():
    together = replace(hot_experts(1 / 4), together=True)
    assert slowest_share(16.0, 2.0, 4.0, together) == pytest.approx(4.0)
    assert slowest_share(16.0, 2.0, 16.0, together) == pytest.approx(4.0)
    assert slowest_share(16.0, 2.0, 4.0, hot_experts(1 / 4)) < 2.5
