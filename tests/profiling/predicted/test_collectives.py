"""Collectives against hand-worked schedules and published answers (JAX scaling book)."""

import pytest

from rooflink.profiling.predicted.collectives import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_TO_ALL,
    COLLECTIVES,
    Parallelism,
    collective_of,
    groups_of,
    published_collective,
    ring,
    starts_with_tuple,
    switched,
    torus,
)
from rooflink.tpu_configs.slice import parse_slice


def test_a_line_gathers_one_shard_a_hop():
    # 'sharding', pop quiz 2: bf16[2048, 8192] over 4 chips in a line at 45 GB/s: 560 us.
    exchange = ALL_GATHER.over(ring(4, wraps=False), 2048 * 8192 * 2)
    assert exchange.link_bytes / 45e9 == pytest.approx(560e-6, rel=0.01)
    assert exchange.hops == 3


def test_a_ring_gathers_both_ways_at_once():
    exchange = ALL_GATHER.over(ring(4, wraps=True), 2048 * 8192 * 2)
    assert exchange.link_bytes / 45e9 == pytest.approx(377e-6, rel=0.02)
    assert exchange.hops == 2


def test_a_switch_brings_what_is_lacking():
    # 'gpus': bf16[4096, 65536] in a node of 8 H100s at 450 GB/s: 1.04 ms.
    exchange = ALL_GATHER.over(switched(8), 4096 * 65536 * 2)
    assert exchange.link_bytes / 450e9 == pytest.approx(1.04e-3, rel=0.01)


def test_a_sum_is_scattered_and_gathered():
    group = torus((4, 4, 4), (True, True, True))
    assert ALL_REDUCE.over(group, 1e6).link_bytes == 2 * ALL_GATHER.over(group, 1e6).link_bytes
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
    assert ALL_TO_ALL.over(ring(8, wraps=True), 8e6).link_bytes == 1e6


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


@pytest.mark.parametrize("name", COLLECTIVES)
def test_an_entry_is_all_that_a_collective_needs(name: str) -> None:
    """Reading HLO knows it with and without '-start'; links are asked for it and it is timed."""
    one = COLLECTIVES[name]
    assert collective_of(name) is collective_of(f"{name}-start") is one
    exchange = one.over(ring(4, wraps=True), 1e6)
    assert exchange.link_bytes > 0
    assert exchange.hops >= 1
    assert exchange.collectives == 1
    assert one.over(ring(1, wraps=True), 1e6).collectives == 0
    assert one.least_sent_bytes(4, 1e6) == one.laps * 0.75e6


def test_what_exchanges_nothing_is_none() -> None:
    assert collective_of("copy-start") is None
    assert not starts_with_tuple("all-gather")
    assert starts_with_tuple("all-gather-start")
    assert not starts_with_tuple("all-reduce-start")


def test_names_of_published_tables() -> None:
    assert published_collective("AllGather 34MB") is ALL_GATHER
    assert published_collective("psum (all axes)") is ALL_REDUCE
    assert published_collective("all-reduce") is ALL_REDUCE
    assert published_collective("softmax") is None
