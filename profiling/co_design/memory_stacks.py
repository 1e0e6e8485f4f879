"""Memory as it is sold: stacks of HBM, each with its capacity, bandwidth, place and price.

Figures and sources: data/memory_stacks.toml.
"""

from functools import cache
from typing import NamedTuple

from pydantic import Field

from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure, Table
from ...tpu_configs.toml_files import shipped_tables


class Coefficient(Figure):
    """A figure of the cost model and the standard deviation of its log."""

    log_scale: float = Field(ge=0)


class Generation(Table):
    """One generation of HBM; figures are of one stack."""

    capacity: list[Coefficient] = Field(description="the heights that are sold", min_length=1)
    bandwidth: Coefficient
    interface: Coefficient = Field(description="of the chip's die")
    edge: Coefficient = Field(description="of the die's edge")
    footprint: Coefficient = Field(description="of the package")
    energy: Coefficient
    price: Coefficient


class Stack(NamedTuple):
    """A stack that one can buy."""

    generation: str
    capacity_bytes: float
    bandwidth: float  # bytes per second
    edge_mm: float
    footprint_mm2: float

    @property
    def words(self) -> str:
        """'HBM3e of 36 GB'."""
        return f"{self.generation} of {self.capacity_bytes / 1e9:g} GB"


OTHER_MEMORY = "HBM3e"
"""What memory that is no HBM is costed as."""


@cache
def generations() -> dict[str, Generation]:
    tables = shipped_tables(__package__, "memory_stacks.toml")
    return {name: Generation.model_validate(table) for name, table in tables.items()}


@cache
def stacks() -> tuple[Stack, ...]:
    """Every kind of stack, oldest first."""
    return tuple(
        Stack(name, capacity.value, kind.bandwidth.value, kind.edge.value, kind.footprint.value)
        for name, kind in generations().items()
        for capacity in kind.capacity
    )


def generation_of(chip: Chip) -> tuple[str, str]:
    """The generation that a chip's memory is costed as, and why in a sentence without its stop; ''
    where it is the chip's own."""
    technology = chip.memory.technology
    named = technology.value if technology else "not public"
    if named in generations():
        return named, ""
    costed = next(iter(generations())) if named.startswith("HBM") else OTHER_MEMORY
    return costed, f"the memory of {chip.name} ({named}) is costed as {costed}"
