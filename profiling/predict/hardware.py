"""Hardware: the rates of one chip and its links as numbers that time may be differentiated by."""

from dataclasses import dataclass

import jax

from ...tpu_configs.chip import Chip
from .shape import Number

UNLIMITED = float("inf")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Hardware:
    """Datasheet figures of one chip; what is not public does not limit."""

    matmul_flops: Number  # FLOP/s for the operands' dtype
    memory_bandwidth: Number  # B/s of the memory that holds the weights
    memory_bytes: Number  # its capacity
    on_chip_bandwidth: Number  # B/s
    link_bandwidth: Number  # B/s one way: of one link in a torus, of all together on a switch
    hop_s: Number  # latency of one hop
    tile: Number  # rows, and columns, of one matrix unit; 1 where it is not public


SLOWEST_NETWORK = 1.25e9
"""10 Gbit/s: a chip's share of the network where a chip's file has none."""
HOP_S = 1e-6
"""Latency of one hop where a chip's file has none: the JAX scaling book's figure for ICI."""


def link_rate(chip: Chip) -> float:
    """Bytes per second, one way, of what a collective goes through at once.

    One link of a torus or ring, whose other links are in the group's geometry; all links together
    where any chip reaches any other. Without links, the chip's share of the network.
    """
    links = chip.links
    if links is None or links.kind == "none":
        return network_rate(chip)
    together = 1.0 if links.kind in ("torus", "ring") else links.count.value
    return links.per_link_bandwidth.value * together


def network_rate(chip: Chip) -> float:
    """Bytes per second, one way, of one chip's share of the data center network."""
    figure = chip.network.data_center_bandwidth if chip.network else None
    return figure.value if figure else SLOWEST_NETWORK


def hardware_of(chip: Chip, dtype: str) -> Hardware:
    """The chip's rates for matmuls with operands of `dtype` (JAX's name).

    Raises ChipInputError for a dtype that is not known.
    """
    on_chip = chip.on_chip_memory.bandwidth if chip.on_chip_memory else None
    latency = chip.links.latency if chip.links else None
    tile = chip.matrix_unit.tile if chip.matrix_unit else None
    return Hardware(
        matmul_flops=chip.peak_flops(dtype).flop_per_s,
        memory_bandwidth=chip.hbm_bandwidth,
        memory_bytes=chip.hbm_capacity_bytes,
        on_chip_bandwidth=on_chip.value if on_chip else UNLIMITED,
        link_bandwidth=link_rate(chip),
        hop_s=latency.value if latency else HOP_S,
        tile=tile.value if tile else 1.0,
    )
