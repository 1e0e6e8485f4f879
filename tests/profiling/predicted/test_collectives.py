"""Collectives against hand-worked schedules and published answers (JAX scaling book)."""

import pytest

from rooflink.profiling.predicted.collectives import (
    Parallelism,
    all_gather,
    all_reduce,
    all_to_all,
    groups_of,
    ring,
    switched,
    torus,
)
from rooflink.tpu_configs.slice import parse_slice


def test_a_line_gathers_one_shard_a_hop():
    # 'sharding', pop quiz 2: bf16[2048, 8192] over 4 chips in a line at 45 GB/s: 560 us.
    exchange = all_gather(ring(4, wraps=False), 2048 * 8192 * 2)
    assert exchange.link_bytes / 45e9 == pytest.approx(560e-6, rel=0.01)
    assert exchange.hops == 3


def test_a_ring_gathers_both_ways_at_once():
    exchange = all_gather(ring(4, wraps=True), 2048 * 8192 * 2)
    assert exchange.link_bytes / 45e9 == pytest.approx(377e-6, rel=0.02)
    assert exchange.hops == 2


def test_a_switch_brings_what_is_lacking():
    # 'gpus': bf16[4096, 65536] in a node of 8 H100s at 450 GB/s: 1.04 ms.
    exchange = all_gather(switched(8), 4096 * 65536 * 2)
    assert exchange.link_bytes / 450e9 == pytest.approx(1.04e-3, rel=0.01)


def test_a_sum_is_scattered_and_gathered():
    group = torus((4, 4, 4), (True, True, True))
    assert all_reduce(group, 1e6).link_bytes == 2 * all_gather(group, 1e6).link_bytes
    assert group.chips == 64
    assert group.hops == 6


def test_more_axes_gather_faster():
    one = ring(16, wraps=True).gather_share
    two = torus((4, 4), (True, True)).gather_share
    assert two < one
    # Two halves, each over one axis and then the other: 0.5 * (4 / 16 + 1) of V / 2, twice over 2.
    assert two == pytest.approx(0.3125)


def test_all_to_all_carries_an_eighth_over_a_ring():
    # 'sharding', all-to-all: V / (4 W) with both directions' W.
    assert all_to_all(ring(8, wraps=True), 8e6).link_bytes == 1e6


@pytest.mark.parametrize(
    ("where", "tensor", "data", "shape"),
    [
        ("v5e:2x4", 8, 1, torus((2, 4), (False, False))),
        ("v4:4x4x4", 4, 16, ring(4, wraps=True)),
        ("h100-8", 4, 2, switched(4)),
        ("v5e:2x4", 1, 8, switched(1)),
    ],
)
def test_tensor_parallelism_takes_whole_axes(where, tensor, data, shape):
    groups = groups_of(parse_slice(where), Parallelism(tensor=tensor, data=data))
    assert groups["tensor"].gather_share == pytest.approx(shape.gather_share)
    assert groups["tensor"].chips == tensor


def test_the_network_is_slower_than_the_links():
    within = groups_of(parse_slice("h100-8"), Parallelism(tensor=8))["tensor"]
    across = groups_of(parse_slice("h100-16"), Parallelism(tensor=16))["tensor"]
    assert across.chips == 16
    assert across.gather_share > within.gather_share
