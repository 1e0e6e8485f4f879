"""Whether a chip can be built: what its dies, its package and its cooling allow.

Memory lies along the long edges of the dies and links along the short ones, as in an A100 or H100;
several dies lie in a row, joined at their short edges. Figures: data/package_limits.toml.
"""

from dataclasses import dataclass
from functools import cache

from ...tpu_configs.figure import Figure
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


@cache
def package_limits() -> dict[str, Figure]:
    tables = shipped_tables(__package__, "package_limits.toml")
    return {name: Figure.model_validate(row) for name, row in tables.items()}


def uses(parts: ChipParts, memory: Stacked, rates: Rates) -> dict[str, Number]:
    """What a chip takes of each of LIMITS, as a share of what there is: buildable up to 1."""
    limits = {name: figure.value for name, figure in package_limits().items()}
    area, dies = area_mm2(parts, rates), dies_of(parts, rates)
    die = area / dies
    long = arrays.minimum(arrays.sqrt(die * limits["die_aspect"]), limits["die_side_mm"])
    beside = 2 * dies * arrays.floor(long / memory.edge_mm)
    room = limits["interposer_mm2"] * limits["interposer_share"]
    return {
        "shoreline": memory.count / arrays.maximum(beside, 1e-3),
        "stacks": memory.count / limits["stacks_most"],
        "interposer": (area + memory.count * memory.footprint_mm2) / room,
        "link edge": parts.link_bandwidth / 1e9 / limits["link_gbps_per_mm"] / (2 * die / long),
    }


def buildable(parts: ChipParts, memory: Stacked, rates: Rates) -> Number:
    """Whether it keeps within all of LIMITS."""
    fits = True
    for share in uses(parts, memory, rates).values():
        fits = fits & (share <= 1.0)
    return fits
