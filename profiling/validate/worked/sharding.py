"""JAX scaling book, 'Sharded matrices and how to multiply them'."""

from functools import partial

from ...predict.capacity import capacity
from ...predict.collectives import all_gather, all_reduce
from ...predict.parallel import Parallelism, ring
from .problem import Solution
from .tools import BF16, US, closed_ring, rates, transfer_s, weights_alone

_LINK = 4.5e10  # one way; the book's 9e10 is both ways together
_B, _D = 1024, 4096


def _gather_v5e(wraps: bool) -> float:
    array = 2048 * 8192 * BF16.activation_bytes
    exchange = all_gather(ring(4, wraps), array)
    return transfer_s(exchange, rates("v5e", link_bandwidth=_LINK)) / US


def _copies_on_mesh() -> float:
    """A[I_X] on X=4, Y=8, Z=2: what all chips hold over what one copy takes."""
    size = 1e9
    split = Parallelism(tensor=4, data=8 * 2)
    held = capacity(weights_alone(size), BF16, split, 1e15, sequences=1.0, own_context=1.0)
    return float(held.weight_bytes) * split.chips / (size * BF16.weight_bytes)


def _gather_x() -> float:
    """bf16[B_X, D_Y] over X: a chip ends with [B, D / 4]."""
    exchange = all_gather(closed_ring(4), BF16.activation_bytes * _B * _D / 4)
    return transfer_s(exchange, rates("v4", link_bandwidth=_LINK)) / US


def _reduce_z() -> float:
    exchange = all_reduce(closed_ring(4), BF16.activation_bytes * _B * _D)
    return transfer_s(exchange, rates("v4", link_bandwidth=_LINK)) / US


def _small_gather() -> float:
    """Hops alone: 256 bytes take no time."""
    exchange = all_gather(closed_ring(4), 128 * BF16.activation_bytes)
    return float(exchange.hops * rates("v4", hop_s=1e-6).hop_s) / US


SOLUTIONS: dict[str, Solution] = {
    "S1": partial(_gather_v5e, wraps=True),
    "S2": partial(_gather_v5e, wraps=False),
    "S4": _copies_on_mesh,
    "S5": _gather_x,
    "S5b": _reduce_z,
    "S6b": _small_gather,
}
