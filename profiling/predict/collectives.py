"""What collectives ask of links: bytes over the busiest one, hops, and how many they are."""

from dataclasses import dataclass

import jax

from .parallel import Group
from .shape import Number


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Exchange:
    """What the chip's links are asked for; amounts add up."""

    link_bytes: Number = 0.0  # one way through the busiest link
    hops: Number = 0.0
    collectives: Number = 0.0

    def __add__(self, other: "Exchange") -> "Exchange":
        return Exchange(
            self.link_bytes + other.link_bytes,
            self.hops + other.hops,
            self.collectives + other.collectives,
        )

    def __mul__(self, times: Number) -> "Exchange":
        return Exchange(self.link_bytes * times, self.hops * times, self.collectives * times)


def _exchange(group: Group, link_bytes: Number, hops: Number) -> Exchange:
    return Exchange(link_bytes, hops, 1.0 * (group.chips > 1))


def all_gather(group: Group, gathered_bytes: Number) -> Exchange:
    """Each chip ends with all `gathered_bytes`, of which it had its share."""
    return _exchange(group, gathered_bytes * group.gather_share, group.hops)


def reduce_scatter(group: Group, reduced_bytes: Number) -> Exchange:
    """Each chip had `reduced_bytes` to add up and ends with its share of the sum."""
    return _exchange(group, reduced_bytes * group.gather_share, group.hops)


def all_reduce(group: Group, reduced_bytes: Number) -> Exchange:
    """A reduce-scatter and an all-gather: each chip ends with the whole sum."""
    return _exchange(group, 2 * reduced_bytes * group.gather_share, 2 * group.hops)


def all_to_all(group: Group, exchanged_bytes: Number) -> Exchange:
    """`exchanged_bytes`, those of all chips together, are dealt out anew."""
    return _exchange(group, exchanged_bytes * group.exchange_share, group.hops)


def permute(group: Group, sent_bytes: Number) -> Exchange:
    """Each chip sends `sent_bytes` to its neighbour."""
    return _exchange(group, sent_bytes, 1.0)
