"""Collectives against hand-worked schedules and published answers (JAX scaling book)."""

import itertools
import math
from collections import Counter

import pytest

from rooflink.model.architecture import Architecture, shape_of
from rooflink.model.config import PRESETS
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.slices import parse_parallelism
from rooflink.profiling.predicted.step.collectives import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_TO_ALL,
    COLLECTIVES,
    Parallelism,
    _joined,
    collective_of,
    groups_of,
    over_chips,
    published_collective,
    require_parallelism,
    ring,
    starts_with_tuple,
    switched,
    torus,
)
from rooflink.tpu_configs.slice import parse_slice

EXPERTS = shape_of(Architecture(
    layers=4, embed_dim=512, query_heads=8, kv_heads=8, head_dim=64, mlp_dim=256, vocab_size=1000,
    experts=16, active_experts=4,
))  # fmt: skip


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


def steps_of(start: int, end: int, size: int, wraps: bool) -> list[tuple[int, list[int]]]:
    """The shortest ways from one chip of a ring or line to another: (+1 or -1, chips left)."""
    ahead, back = (end - start) % size, (start - end) % size
    if not wraps or size == 2:
        return [(1, [*range(start, end)])] if end > start else [(-1, [*range(start, end, -1)])]
    right = (1, [(start + n) % size for n in range(ahead)])
    left = (-1, [(start - n) % size for n in range(back)])
    return [min((right, left), key=lambda way: len(way[1]))] if ahead != back else [right, left]


def busiest_link(sides: tuple[int, ...], wraps: tuple[bool, ...]) -> float:
    """Share of all bytes that the busiest link carries one way when every chip has as much for
    every chip, each byte going along one axis after the other."""
    chips = [*itertools.product(*map(range, sides))]
    load: Counter[tuple[object, ...]] = Counter()
    for source, target in itertools.product(chips, chips):
        place = list(source)
        for axis, size in enumerate(sides):
            if place[axis] != target[axis]:
                ways = steps_of(place[axis], target[axis], size, wraps[axis])
                for direction, left in ways:
                    for position in left:
                        at = (*place[:axis], position, *place[axis + 1 :])
                        load[at, axis, direction] += 1 / len(chips) ** 2 / len(ways)
            place[axis] = target[axis]
    return max(load.values())


@pytest.mark.parametrize(
    ("sides", "wraps"),
    [
        ((2,), (False,)), ((3,), (True,)), ((4,), (True,)), ((5,), (True,)), ((8,), (True,)),
        ((4,), (False,)), ((5,), (False,)), ((8,), (False,)), ((4, 4), (True, True)),
        ((8, 8), (True, True)), ((2, 4), (False, False)), ((4, 4), (False, False)),
        ((8, 8), (False, False)), ((4, 8), (True, True)), ((4, 8), (True, False)),
        ((4, 4, 4), (True, True, True)), ((2, 2, 4), (False, False, False)),
        ((4, 4, 8), (True, True, True)),
    ],
)  # fmt: skip
def test_all_to_all_is_that_of_every_pair_counted(sides, wraps):
    assert torus(sides, wraps).exchange_share == pytest.approx(busiest_link(sides, wraps))


@pytest.mark.parametrize("sides", [(4,), (8,), (4, 4), (8, 8), (4, 4, 4), (4, 8), (16, 16)])
@pytest.mark.parametrize("wrap", [True, False])
def test_a_gather_is_near_what_the_links_of_a_chip_allow(sides, wrap):
    """A chip lacks all but its own share; a corner of a mesh has one link an axis to take it in."""
    group = torus(sides, (wrap,) * len(sides))
    least = (1 - 1 / math.prod(sides)) / (len(sides) * (1 + wrap))
    assert least <= group.gather_share <= 1.6 * least


@pytest.mark.parametrize(("domains", "inside"), [(2, 8), (18, 8), (4, 4)])
def test_all_to_all_of_domains_is_what_each_port_receives(domains, inside):
    """Of V bytes every chip takes in V / chips: over the network what comes from the domains, and
    within its own what its neighbours took in for it."""
    slice_ = parse_slice(f"h100-{domains * inside}") if inside == 8 else None
    slower = 450e9 / 50e9
    if slice_ is None:
        group = _joined(switched(inside), domains, slower)
    else:
        group = groups_of(slice_, Parallelism(tensor=domains * inside))["tensor"]
    chips = domains * inside
    chip = [(domain, place) for domain in range(domains) for place in range(inside)]
    network, links = Counter(), Counter()
    for source, target in itertools.product(chip, chip):
        like = (target[0], source[1])  # across first, to the like of the source
        network[like] += source[0] != target[0]
        links[target] += like != target
    shares = [max(count.values()) / chips**2 for count in (network, links)]
    assert group.exchange_share == pytest.approx(shares[0] * slower + shares[1])


def test_experts_over_the_chips_of_attention():
    """Every copy's tokens go to all chips; where a tensor group has all experts, none is sent."""
    over_v5e = parse_slice("v5e-8")
    for mesh, chips, width in (
        (Parallelism(tensor=8, expert=8), 8, 1), (Parallelism(data=8, expert=8), 8, 1),
        (Parallelism(tensor=2, data=4, expert=4), 8, 2), (Parallelism(tensor=8), 8, 8),
        (Parallelism(data=8, expert=4, expert_tensor=1), 4, 1),
    ):  # fmt: skip
        assert mesh.chips == 8
        assert (mesh.expert_chips, mesh.expert_width_shards) == (chips, width)
        assert groups_of(over_v5e, mesh)["expert"].chips == chips
        require_parallelism(mesh, over_v5e, EXPERTS)


def test_an_axis_of_experts_alone_means_copies_of_attention():
    assert over_chips(Parallelism(expert=8), 8) == Parallelism(data=8, expert=8, expert_tensor=1)
    two = over_chips(Parallelism(data=2, expert=4), 8)
    assert (two.data, two.expert_chips, two.expert_copies) == (8, 4, 2)
    assert over_chips(Parallelism(tensor=8, expert=8), 8) == Parallelism(tensor=8, expert=8)


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (Parallelism(tensor=8, expert=3), "expert=3 does not divide"),
        (Parallelism(tensor=4, data=2, expert=4, expert_tensor=4), "expert_tensor=4"),
        (Parallelism(tensor=8, expert=2, expert_tensor=2), "part of the 8 of a tensor group"),
    ],
)
def test_experts_that_do_not_lie_over_the_chips(mesh, words):
    with pytest.raises(ProfileInputError, match=words):
        require_parallelism(mesh, parse_slice("v5e-8"), EXPERTS)


def test_a_dense_model_has_no_experts_to_deal_out():
    dense, over = shape_of(PRESETS["llama3-8b"]), parse_slice("v5e-8")
    with pytest.raises(ProfileInputError, match="a dense model has none"):
        require_parallelism(Parallelism(data=8, expert=8), over, dense)
    require_parallelism(Parallelism(tensor=8), over, dense)


@pytest.mark.parametrize(
    ("mesh", "text"),
    [
        (Parallelism(tensor=8, expert=8), "tensor=8,expert=8"),
        (Parallelism(tensor=4, data=8, expert=8, expert_tensor=4), "tensor=4,data=8,expert=8"),
        (Parallelism(data=8, expert=4, expert_tensor=1), "data=8,expert=4,expert_tensor=1"),
    ],
)
def test_a_mesh_is_written_as_it_is_read(mesh, text):
    assert str(mesh) == text
    assert str(parse_parallelism(text)) == text
    again = over_chips(parse_parallelism(text), int(mesh.chips))
    assert again.expert_width_shards == mesh.expert_width_shards


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
