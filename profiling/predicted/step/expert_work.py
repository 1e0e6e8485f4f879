"""Experts' work: what the slowest chip of those that hold a layer's experts does for its tokens.

ExpertLoad: how a layer's tokens fall on its experts. Time is the slowest chip's, and what it reads
are the experts that a token needs: both follow from the distribution, not from its mean.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from .. import arrays
from ..arrays import Number
from .work import Widths, Work

SUBLANES = 8.0
"""Rows of one vector register of a TPU; no fewer go through a matrix unit at a time."""
GATED_MATRICES = 3.0
"""Gate, up and down; an expert without a gate has two matrices."""


@dataclass(frozen=True)
class ExpertLoad:
    """Experts in parts of like load, the busiest first: (share of the experts, their load over the
    mean). Shares, and shares times loads, each add up to one."""

    parts: tuple[tuple[Number, Number], ...]
    dealt: bool = False  # tokens in turn, as benchmarks deal them; else each token by chance
    together: bool = False  # the busiest on the same chip; else placed without regard to load


EVEN = ExpertLoad(((1.0, 1.0),))
"""Every token is sent to any of the experts."""

_EDGES = (1.0, 31 / 32, 15 / 16, 7 / 8, 3 / 4, 5 / 8, 1 / 2, 3 / 8, 1 / 4, 1 / 8, 0.0)
_NEARLY_ONE = 1e-6


def power_law(exponent: Number, ratio: Number, dealt: bool = False) -> ExpertLoad:
    """Loads drawn from a density x ** -exponent whose largest value is `ratio` times the least, in
    ten parts by its quantiles."""
    bend = 1 - exponent
    bend = arrays.where(abs(bend) < _NEARLY_ONE, _NEARLY_ONE, bend)
    grown = arrays.expm1(bend * arrays.log(ratio))
    ends = itertools.pairwise(_EDGES)
    shares = [(high - low, (high + low) / 2) for high, low in ends]
    loads = [arrays.exp(arrays.log1p(middle * grown) / bend) for _, middle in shares]
    mean = sum(share * load for (share, _), load in zip(shares, loads, strict=True))
    parts = [(share, load / mean) for (share, _), load in zip(shares, loads, strict=True)]
    return ExpertLoad(tuple(parts), dealt)


def hot_experts(hot_share: Number) -> ExpertLoad:
    """All tokens on a share of the experts, evenly; the others idle."""
    return ExpertLoad(((hot_share, 1 / hot_share), (1 - hot_share, 0.0)))


def measured_load(tokens: Sequence[float]) -> ExpertLoad:
    """From the tokens that each expert was sent; none may be negative, nor all zero."""
    whole, count = sum(tokens), len(tokens)
    busiest_first = sorted(tokens, reverse=True)
    return ExpertLoad(tuple((1 / count, one / whole * count) for one in busiest_first))


def expert_work(
    rows: Number, embed_dim: Number, expert_width: Number, experts: Number,
    experts_per_token: Number, widths: Widths, expert_shards: Number = 1.0,
    width_shards: Number = 1.0, tile: Number = 1.0, load: ExpertLoad = EVEN,
    matrices: Number = GATED_MATRICES,
) -> Work:  # fmt: skip
    """Work of the slowest chip in one layer whose `rows` tokens come from all chips together.

    Experts are dealt to `expert_shards` chips, each expert's width is split over `width_shards`.
    Launches, the router and the exchange of tokens are not in it.
    """
    chosen = arrays.minimum(experts_per_token / experts, 1.0)  # by a token, of any one expert
    slowest = slowest_share(experts, experts_per_token, expert_shards, load)
    assigned = rows * experts_per_token / expert_shards * slowest
    resident = experts / expert_shards
    touched = resident * needed_share(rows * slowest, chosen, load)

    width = expert_width / width_shards
    elements = matrices * embed_dim * width
    flops = 2 * assigned * elements
    # At least a row where an expert is read at all; without rows no padding of no work.
    each = arrays.maximum(assigned / arrays.maximum(touched, 1e-9), 1.0)
    weight_bytes = touched * elements * widths.weight_bytes
    # The first matmul reads a row and writes gate and up, the last reads their product.
    moved = assigned * (2 * embed_dim + matrices * width) * widths.activation_bytes
    return Work(
        matmul_flops=flops,
        padded_flops=flops * padding(each, embed_dim, width, tile),
        weight_bytes=weight_bytes,
        idle_expert_bytes=(resident - touched) * elements * widths.weight_bytes,
        activation_bytes=moved,
        on_chip_bytes=moved + weight_bytes,
        routed=assigned,
    )


def slowest_share(
    experts: Number, experts_per_token: Number, expert_shards: Number, load: ExpertLoad
) -> Number:
    """Tokens of the busiest of `expert_shards` chips over their mean; those of loads alone, not of
    chance. Where experts are placed without regard to their load:

    It holds the busiest expert or, with many experts a chip, as much as the largest of so many sums
    is above their mean: sqrt(2 ln n) standard deviations, fewer where n is small.
    """
    if len(load.parts) == 1:  # all are loaded alike
        return 1.0
    most = experts / arrays.minimum(experts_per_token, experts)  # a token visits an expert once
    loads = [(share, arrays.minimum(one, most)) for share, one in load.parts]
    largest = _busiest(1 / experts, loads)
    variance = sum(share * (one - 1) ** 2 for share, one in loads)
    each = experts / expert_shards
    apart = arrays.maximum(1 - (each - 1) / arrays.maximum(experts - 1, 1.0), 0.0)
    deviation = arrays.sqrt(variance / each * apart + 1e-18)
    above = (1 - 1 / expert_shards) * arrays.sqrt(2 * arrays.log(expert_shards) + 1e-18)
    busiest = arrays.maximum(largest - 1, 0.0) / each * apart
    # No chip has more than the busiest experts together, nor than all tokens.
    worst = arrays.maximum(_busiest(1 / expert_shards, loads) - 1, 0.0)
    excess = arrays.minimum(arrays.maximum(busiest, deviation * above), worst)
    if load.together:
        excess = worst
    every = expert_shards * arrays.minimum(each / experts_per_token, 1.0)
    return arrays.minimum(1 + excess, arrays.maximum(every, 1.0))


def _busiest(share: Number, loads: list[tuple[Number, Number]]) -> Number:
    """Mean load of the busiest `share` of the experts."""
    left, whole = share, 0.0
    for part, one in loads:
        taken = arrays.minimum(part, left)
        whole = whole + taken * one
        left = left - taken
    return whole / share


def needed_share(rows: Number, chosen: Number, load: ExpertLoad) -> Number:
    """Share of the experts that at least one of `rows` tokens needs."""
    needed = 0.0
    for share, one in load.parts:
        chance = arrays.minimum(chosen * one, 1.0)
        if load.dealt:
            needed = needed + share * arrays.minimum(rows * chance, 1.0)
        else:
            needed = needed + share * (1 - arrays.power(1 - chance, rows))
    return needed


def padding(rows: Number, depth: Number, columns: Number, tile: Number) -> Number:
    """Padded over useful FLOPs: one operand fills whole `tile` x `tile` arrays, the other's rows
    enter in groups of `SUBLANES`; whichever way round takes less. Loading the next weights is
    taken to be hidden: a v5e reads int8 weights for four rows at 0.93 of its bandwidth
    (jax-llm-examples), which a wait of `tile` rows would not allow.
    """
    group = arrays.where(tile > 1, SUBLANES, 1.0)

    def padded(streamed: Number, held: Number) -> Number:
        some = arrays.where(streamed > 0, streamed, 1.0)  # none: no work to be padded
        return arrays.maximum(streamed, group) / some * arrays.ceil(held / tile) * tile / held

    deep = arrays.ceil(depth / tile) * tile / depth
    whole = arrays.where(rows > 0, rows, 1.0)
    return deep * arrays.minimum(padded(rows, columns), padded(columns, whole))
