"""Parallelism: how a model is spread over a slice, and the links that each group of chips then has.

What a collective over a group asks of its links: bytes over the busiest one, and hops.
"""

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ....model.architecture import ModelShape
from ....tpu_configs.slice import Slice
from ...errors import ProfileInputError
from .. import arrays
from ..arrays import Number, of_numbers
from .hardware import link_rate, network_rate

NETWORK_HOPS = 10.0
"""Latency of the data center network, about 10 microseconds, in hops of about one."""


AXES = ("tensor", "data", "context", "expert", "expert_tensor", "pipeline")


@of_numbers
@dataclass(frozen=True)
class Parallelism:
    """Chips by axis: tensor * data * context * pipeline of them.

    For attention, `tensor` splits heads and `data` splits sequences over copies of its weights;
    `context` deals out the positions of each sequence, its tokens in prefill and its cache in
    decoding, over further copies (Yang et al. 2024, arXiv:2411.01783); `pipeline` splits layers one
    after another. Experts lie over the same chips: `expert` deals them out whole, `expert_tensor`
    splits the width of each (an engine's moe_ep and moe_tp). By default the experts of a copy are
    split as its heads are, and with `expert` over all chips of a stage: 'tensor=8,expert=8' and
    'data=8,expert=8' are 8 chips with 1/8 of the experts each. With `kv_by_sequences` a tensor
    group splits the sequences among its chips for attention, so that few KV heads are not held many
    times (Pope et al. 2022, section 3.3).
    """

    tensor: Number = 1
    data: Number = 1
    expert: Number = 1
    pipeline: Number = 1
    expert_tensor: Number | None = None  # None: what the other axes leave
    kv_by_sequences: bool | Number = False
    context: Number = 1

    @property
    def chips(self) -> Number:
        """Chips that all axes take together."""
        return self.stage_chips * self.pipeline

    @property
    def stage_chips(self) -> Number:
        """Chips that work on a layer at a time, which hold its experts too."""
        return self.tensor * self.row_copies

    @property
    def row_copies(self) -> Number:
        """Copies of attention's weights, each for tokens of its own."""
        return self.data * self.context

    @property
    def copies(self) -> Number:
        """Groups of chips whose attention works on sequences of their own."""
        return self.data

    @property
    def expert_width_shards(self) -> Number:
        """Chips that split the width of one expert, or of a dense model's MLP."""
        if self.expert_tensor is not None:
            return self.expert_tensor
        return arrays.where(self.expert > 1, self.stage_chips / self.expert, self.tensor)

    @property
    def expert_chips(self) -> Number:
        """Chips that hold the experts, or the MLP, once."""
        return self.expert * self.expert_width_shards

    @property
    def expert_copies(self) -> Number:
        """Copies of the experts, each for the tokens of its own chips."""
        return self.stage_chips / self.expert_chips

    def __str__(self) -> str:
        stated = {axis: getattr(self, axis) for axis in AXES}
        if stated["expert_tensor"] == replace(self, expert_tensor=None).expert_width_shards:
            stated["expert_tensor"] = None
        sizes = [f"{axis}={size}" for axis, size in stated.items() if _is_said(axis, size)]
        return ",".join(sizes + ["kv_by_sequences"] * bool(self.kv_by_sequences))


def _is_said(axis: str, size: Number | None) -> bool:
    return size is not None and (size > 1 or axis == "expert_tensor")


ONE_CHIP = Parallelism()


def kv_shards(shape: ModelShape, split: Parallelism) -> Number:
    """Chips of a tensor group that hold different KV: where heads are fewer, they are copied."""
    by_heads = arrays.minimum(split.tensor, shape.kv_heads)
    return arrays.where(split.kv_by_sequences, split.tensor, by_heads)


def stage_layers(shape: ModelShape, split: Parallelism) -> Number:
    """Layers of the longest stage of a pipeline: 31 of 61 in two stages."""
    return arrays.where(
        split.pipeline > 1, arrays.ceil(shape.layers / split.pipeline), shape.layers
    )


def over_chips(split: Parallelism, chips: int) -> Parallelism:
    """`split` with experts over the chips of attention. Where tensor, data and pipeline leave
    exactly `expert` chips free, as in 'expert=8' for eight, attention has copies on those: each
    copy of 'data' then has experts of its own, split as its heads are."""
    if split.expert == 1 or split.chips == chips or split.chips * split.expert != chips:
        return split
    width = split.tensor if split.expert_tensor is None else split.expert_tensor
    return replace(split, data=split.data * split.expert, expert_tensor=width)


def require_parallelism(split: Parallelism, on_slice: Slice, shape: ModelShape) -> None:
    """Raise ProfileInputError unless `split` fills the slice and divides the model."""
    for axis in AXES:
        if (size := getattr(split, axis)) is not None and size < 1:
            raise ProfileInputError(f"the mesh has {axis}={size}, expected 1 or more")
    if split.chips != on_slice.chips:
        raise ProfileInputError(
            f"the mesh '{str(split) or 'tensor=1'}' takes {split.chips} "
            f"chip{'s' * (split.chips > 1)} but {on_slice.name} has {on_slice.chips}: tensor * "
            f"data * context * pipeline must be {on_slice.chips}, and experts lie over the same "
            "chips"
        )
    if split.context > 1 and shape.state_bytes > 0:
        raise ProfileInputError(
            f"the mesh '{split}' deals out positions, but layers of the model have a state, which "
            "has none: split it by tensor, data or pipeline"
        )
    _require_experts(split, shape)
    layers, query_heads = int(shape.layers), int(shape.query_heads)
    if layers < split.pipeline:
        raise ProfileInputError(
            f"the mesh '{split}' has more stages than the model's {layers} layers: choose fewer"
        )
    if max(query_heads, split.tensor) % min(query_heads, split.tensor):
        raise ProfileInputError(
            f"{query_heads} query heads do not divide over tensor={split.tensor}: "
            "choose a divisor, or a multiple, of them"
        )


def _require_experts(split: Parallelism, shape: ModelShape) -> None:
    """Experts lie over whole tensor groups, as often as it goes."""
    if split.expert > 1 and shape.active_share == 1:
        raise ProfileInputError(
            f"the mesh '{split}' deals experts out, but a dense model has none: split it by "
            "tensor, data or pipeline"
        )
    together = split.stage_chips
    if together % split.expert or together % split.expert_chips:
        wanted = f"expert={split.expert}"
        if split.expert_tensor is not None:
            wanted += f" times expert_tensor={split.expert_tensor}"
        raise ProfileInputError(
            f"the mesh '{split}' has {together} chips in tensor * data * context, over which "
            f"{wanted} does not divide: choose a divisor of them"
        )
    if split.expert_chips % split.tensor:
        raise ProfileInputError(
            f"the mesh '{split}' has experts over {split.expert_chips:g} chips, part of the "
            f"{split.tensor} of a tensor group: expert * expert_tensor must be a multiple of it"
        )


@of_numbers
@dataclass(frozen=True)
class Group:
    """Chips that exchange with each other.

    For V bytes, the gathered array of all chips together: an all-gather sends V * `gather_share`
    through the busiest link (one way), an all-to-all V * `exchange_share`; both take `hops`.
    """

    chips: Number
    gather_share: Number
    exchange_share: Number
    hops: Number


ALONE = Group(chips=1, gather_share=0.0, exchange_share=0.0, hops=0.0)


def is_alone(group: Group) -> bool:
    """Whether a group is known to be one chip; of arrays of groups that is not known."""
    return isinstance(group.chips, (int, float)) and group.chips == 1


def switched(chips: int) -> Group:
    """Chips on a switch: each receives what it lacks over all its links together."""
    if chips == 1:
        return ALONE
    others = (chips - 1) / chips
    return Group(chips, gather_share=others, exchange_share=others / chips, hops=1.0)


def ring(chips: int, wraps: bool) -> Group:
    """Chips in a ring (both directions at once), or in a line where it does not close.

    A ring gathers in ceil((n - 1) / 2) hops of V / n each way, a line in n - 1 (JAX scaling book,
    'sharding', all-gather). All-to-all: in a ring a byte goes n / 4 hops in the mean, half of them
    each way; a line's middle link carries what one half has for the other.
    """
    if chips == 1:
        return ALONE
    hops = math.ceil((chips - 1) / 2) if wraps else chips - 1
    halves = (chips // 2) * (chips - chips // 2) / chips**2  # a quarter where they are even
    exchange = halves / 2 if wraps and chips > 2 else halves
    return Group(chips, gather_share=hops / chips, exchange_share=exchange, hops=float(hops))


def torus(sizes: Sequence[int], wraps: Sequence[bool]) -> Group:
    """Chips of several torus axes: the array in as many parts, each over the axes in its own order.

    Part i gathers along axis i first, then along the next ones, so that all links work at once.
    All-to-all goes along one axis after the other: over each of an axis's N / n rings what these
    n chips have for each other, which is n times as much a link as N chips in one ring.
    """
    rings = [ring(size, wrap) for size, wrap in zip(sizes, wraps, strict=True) if size > 1]
    if not rings:
        return ALONE
    chips = math.prod(axis.chips for axis in rings)
    share = 0.0
    for first in range(len(rings)):
        gathered = 1.0
        for axis in rings[first:] + rings[:first]:
            gathered *= axis.chips
            share += axis.gather_share * gathered / chips
    return Group(
        chips=chips,
        gather_share=share / len(rings) ** 2,
        exchange_share=max(axis.exchange_share * axis.chips for axis in rings) / chips,
        hops=sum(axis.hops for axis in rings),
    )


def groups_of(on_slice: Slice, split: Parallelism) -> dict[str, Group]:
    """The group that each axis of `split` exchanges in: tensor takes the slice's axes first.
    'expert' is all chips that hold the experts once, which take the same axes anew."""
    shared = split.expert_chips > split.tensor  # then 'data' exchanges too, and is to be close
    order = ("data", "pipeline") if shared else ("pipeline", "data")
    left = _axes(on_slice)
    sizes = {axis: int(getattr(split, axis)) for axis in ("tensor", "context", *order)}
    groups = {axis: _take(on_slice, left, size) for axis, size in sizes.items()}
    return groups | {"expert": _take(on_slice, _axes(on_slice), int(split.expert_chips))}


def _axes(on_slice: Slice) -> list["_Axis"]:
    """The slice's axes, the closest first: those are the last ones."""
    return [*map(_Axis, on_slice.shape, on_slice.wraps, on_slice.over_network)][::-1]


@dataclass
class _Axis:
    """What is left of one axis of a slice."""

    size: int
    wraps: bool
    network: bool


def _take(on_slice: Slice, left: list[_Axis], size: int) -> Group:
    """A group of `size` chips from the axes `left`, which lose them; a cut axis does not wrap."""
    if size == 1:
        return ALONE
    taken: list[_Axis] = []
    # Whole axes first: only they keep their wraparound. Stable, so that closer ones come first.
    for axis in sorted(left, key=lambda axis: (axis.network, size % axis.size != 0)):
        part = math.gcd(size, axis.size)
        if part > 1:
            taken.append(_Axis(part, axis.wraps and part == axis.size, axis.network))
            axis.size //= part
            size //= part
    if size > 1:  # sides that do not divide: as a line
        taken.append(_Axis(size, False, False))
    chip, links = on_slice.chip, on_slice.chip.links
    inside = [axis for axis in taken if not axis.network]
    if links is not None and links.kind in ("torus", "ring"):
        near = torus([axis.size for axis in inside], [axis.wraps for axis in inside])
    else:
        near = switched(math.prod(axis.size for axis in inside))
    far = math.prod(axis.size for axis in taken if axis.network)
    return near if far == 1 else _joined(near, far, link_rate(chip) / network_rate(chip))


def _joined(near: Group, domains: int, slower: float) -> Group:
    """Groups of several domains over the network, `slower` than the links: first across, each chip
    with its like in the other domains, then within, where an all-to-all has what the domain's own
    chips are sent: one of so many parts."""
    across = switched(domains)
    gathered = near.gather_share + across.gather_share * slower / near.chips
    exchanged = near.exchange_share / domains + across.exchange_share * slower / near.chips
    return Group(near.chips * domains, gathered, exchanged, near.hops + NETWORK_HOPS)


@of_numbers
@dataclass(frozen=True)
class Exchange:
    """What the chip's links are asked for; amounts add up."""

    link_bytes: Number = 0.0  # one way through the busiest link
    hops: Number = 0.0
    collectives: Number = 0.0
    stages: Number = 0.0  # log2 of the chips, in each lap

    def __add__(self, other: "Exchange") -> "Exchange":
        return arrays.mapped(operator.add, self, other)

    def __mul__(self, times: Number) -> "Exchange":
        return arrays.mapped(lambda amount: amount * times, self)


@dataclass(frozen=True)
class Collective:
    """One way in which the chips of a group exchange: all that any lens knows of it.

    Of the bytes V it sends through the busiest link, one way: 'gathered', V * `gather_share` of the
    group; 'exchanged', V * `exchange_share`; 'sent', V to a neighbour. Scattering and then
    gathering takes two `laps`.
    """

    name: str  # XLA's opcode, without the '-start' of its asynchronous form
    share: Literal["gathered", "exchanged", "sent"]
    laps: int = 1
    copies: bool = False  # the result holds the data of the operand, whole
    starts_with_tuple: bool = False  # its '-start' returns (operands, results, contexts)
    published: str = ""  # what its name in published tables contains, as a regular expression

    def over(self, group: Group, moved_bytes: Number) -> Exchange:
        """What it asks of the links of `group`. `moved_bytes` are those of the gathered array or
        of the sum, of all chips together in an all-to-all, of one chip where it is sent."""
        shares = {"gathered": group.gather_share, "exchanged": group.exchange_share, "sent": 1.0}
        hops = 1.0 if self.share == "sent" else self.laps * group.hops
        link_bytes = self.laps * moved_bytes * shares[self.share]
        stages = self.laps * arrays.log2(group.chips)
        return Exchange(link_bytes, hops, 1.0 * (group.chips > 1), stages)

    def least_sent_bytes(self, chips: Number, moved_bytes: Number) -> Number:
        """What each of `chips` in a ring sends at least (Chan et al. 2007): (n - 1) / n of the
        bytes a lap."""
        return self.laps * (chips - 1) / chips * moved_bytes


ALL_GATHER = Collective("all-gather", "gathered", 1, True, True, "allgather")  # of each one's share
REDUCE_SCATTER = Collective("reduce-scatter", "gathered")  # each ends with its share of a sum
ALL_REDUCE = Collective("all-reduce", "gathered", laps=2, published="allreduce|psum")
ALL_TO_ALL = Collective("all-to-all", "exchanged", copies=True)  # the bytes are dealt out anew
PERMUTE = Collective("collective-permute", "sent", copies=True, starts_with_tuple=True)

COLLECTIVES: dict[str, Collective] = {
    one.name: one
    for one in (
        ALL_GATHER, REDUCE_SCATTER, ALL_REDUCE, ALL_TO_ALL, PERMUTE,
        Collective("collective-broadcast", "gathered"),
        Collective("ragged-all-to-all", "exchanged"),
        Collective("send", "sent"), Collective("recv", "sent"),
    )
}  # fmt: skip
"""Every exchange that XLA compiles, by its opcode: a new one is an entry here."""


def collective_of(opcode: str) -> Collective | None:
    """That of 'all-reduce' and of 'all-reduce-start'; None for what exchanges nothing."""
    return COLLECTIVES.get(opcode.removesuffix("-start"))


def starts_with_tuple(opcode: str) -> bool:
    """Whether an instruction returns (operands, results, contexts): an exchange just begun."""
    one = collective_of(opcode)
    return one is not None and one.starts_with_tuple and opcode != one.name


def published_collective(text: str) -> Collective | None:
    """The one that a published table calls `text`, 'AllGather 34MB'; None for any other text."""
    plain = re.sub(r"[^a-z]", "", text.lower())
    named = (one for one in COLLECTIVES.values() if one.published)
    return next((one for one in named if re.search(one.published, plain)), None)
