"""Whether a chip can be built: what its dies, its package and its cooling allow.

Memory lies along the long edges of the dies and links along the short ones, as in an A100 or H100;
several dies lie in a row, joined at their short edges. Figures: data/package_limits.toml.
"""

from dataclasses import dataclass
from functools import cache

from pydantic import Field

from ...tpu_configs.figure import Figure, Table
from ...tpu_configs.toml_files import shipped_tables
from ..predicted import arrays
from ..predicted.arrays import Number, of_numbers
from .chip_cost_model import ChipParts, Rates, area_mm2, dies_of


@of_numbers
@dataclass(frozen=True)
class Stacked:
    """Stacks of one kind on one chip; numbers or arrays."""

    count: Number
    capacity_bytes: Number  # of one stack, as all below
    bandwidth: Number
    edge_mm: Number
    footprint_mm2: Number


LIMITS = {
    "shoreline": "the dies' edges, full of stacks",
    "stacks": "the stacks that a package holds",
    "interposer": "the package's size",
    "link edge": "the dies' edges, full of links",
}


class PackageLimits(Table):
    """What a die, a package and its cooling allow."""

    die_side_mm: Figure = Field(description="the longest")
    die_aspect: Figure = Field(description="the long side over the short one, at most")
    interposer_mm2: Figure
    interposer_share: Figure = Field(description="that dies and stacks may cover")
    stacks_most: Figure
    link_gbps_per_mm: Figure = Field(description="of a die's edge, one way")
    air_cooled_w: Figure = Field(description="the most that air cools")


@cache
def package_limits() -> PackageLimits:
    return PackageLimits.model_validate(shipped_tables(__package__, "package_limits.toml"))


def uses(parts: ChipParts, memory: Stacked, rates: Rates) -> dict[str, Number]:
    """What a chip takes of each of LIMITS, as a share of what there is: buildable up to 1."""
    limits = package_limits()
    area, dies = area_mm2(parts, rates), dies_of(parts, rates)
    die = area / dies
    long = arrays.minimum(arrays.sqrt(die * limits.die_aspect.value), limits.die_side_mm.value)
    beside = 2 * dies * arrays.floor(long / memory.edge_mm)
    room = limits.interposer_mm2.value * limits.interposer_share.value
    return {
        "shoreline": memory.count / arrays.maximum(beside, 1e-3),
        "stacks": memory.count / limits.stacks_most.value,
        "interposer": (area + memory.count * memory.footprint_mm2) / room,
        "link edge": parts.link_bandwidth / 1e9 / limits.link_gbps_per_mm.value / (2 * die / long),
    }
