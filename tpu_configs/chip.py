"""Chip: one accelerator as its vendor and others publish it. Every figure is per chip.

A figure that is not public is absent, never guessed. Bandwidths are bytes per second, GB is 10^9
bytes, a multiply-add is 2 FLOP, and an integer operation counts as a FLOP.
"""

from typing import NamedTuple

from pydantic import Field

from .errors import ChipInputError
from .figure import (
    Bandwidth,
    Bytes,
    Count,
    Figure,
    HourlyPrice,
    Rate,
    Statement,
    Table,
    Watts,
    Words,
)

# dtype, as JAX names it -> key under [peak]; None where no chip here has a unit of its own for it
_PEAK_KEYS: dict[str, str | None] = {
    "float32": "float32",
    "float16": None,
    "bfloat16": "bfloat16",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
    "int8": "int8",
    "int4": "int4",
}


class PeakRate(NamedTuple):
    """A matmul peak and the dtype whose figure it is, which may not be the dtype asked for."""

    flop_per_s: float
    dtype: str


class Cores(Table):
    """What a chip is made of, and what JAX shows of it."""

    per_chip: Count
    jax_devices_per_chip: Count = Field(description="entries of jax.devices() that make one chip")


class Peak(Table):
    """Dense matmul peak by dtype."""

    float32: Rate | None = None
    bfloat16: Rate
    int8: Rate | None = None
    fp8: Rate | None = None
    int4: Rate | None = None


class MatrixUnit(Table):
    """The systolic arrays."""

    tile: Count = Field(description="rows, and columns, of one square array")
    count: Count = Field(description="arrays in the chip, over all cores")


class Hbm(Table):
    """The chip's main memory."""

    capacity: Bytes
    bandwidth: Bandwidth


class OnChipMemory(Table):
    """Software-managed memory on the chip, over all cores."""

    vmem: Bytes
    cmem: Bytes | None = Field(default=None, description="v4's memory shared by both cores")


class Links(Table):
    """Direct links from chip to chip (ICI)."""

    per_link_bandwidth: Bandwidth = Field(description="of one link, one way")
    count: Count = Field(description="links that leave one chip")
    topology: Statement
    largest_slice: Count = Field(description="most chips that these links join")


class Network(Table):
    """What reaches a chip from outside its slice: one chip's share, one way."""

    data_center_bandwidth: Bandwidth | None = None
    host_bandwidth: Bandwidth | None = Field(default=None, description="PCIe, to the host")


class Power(Table):
    """Electric power of one chip, except `system`."""

    minimum: Watts | None = None
    mean: Watts | None = None
    maximum: Watts | None = None
    system: Watts | None = Field(default=None, description="a pod's power over its chips")


class Price(Table):
    """Rent of one chip for an hour."""

    on_demand: HourlyPrice


class Chip(Table):
    """One accelerator chip; a table that is None is not public."""

    name: Words
    vendor: Words
    year: int = Field(gt=0, description="of announcement")
    aliases: list[Words] = Field(default=[], description="other names that load it")
    cores: Cores | None = None
    peak: Peak
    matrix_unit: MatrixUnit | None = None
    hbm: Hbm
    on_chip_memory: OnChipMemory | None = None
    links: Links | None = None
    network: Network | None = None
    power: Power | None = None
    price: Price | None = None

    @property
    def hbm_capacity_bytes(self) -> float:
        """HBM of one chip in bytes."""
        return self.hbm.capacity.value

    @property
    def hbm_bandwidth(self) -> float:
        """HBM bandwidth of one chip in bytes per second."""
        return self.hbm.bandwidth.value

    def peak_flops(self, dtype: str) -> PeakRate:
        """Matmul peak of one chip in FLOP per second for operands of `dtype` (JAX's name).

        A dtype without a figure of its own runs on the bfloat16 matrix unit: narrower ones are
        widened to bfloat16, and float32 is rounded to it, as JAX does by default on a TPU (its
        'highest' precision takes six such passes). Then the rate is bfloat16's, an upper bound,
        and the returned dtype says so: a report must show it.

        Raises ChipInputError for a dtype that is not known.
        """
        if dtype not in _PEAK_KEYS:
            known = ", ".join(_PEAK_KEYS)
            raise ChipInputError(f"no peak is known for dtype {dtype!r}, expected one of {known}")
        key = _PEAK_KEYS[dtype]
        figure: Figure | None = getattr(self.peak, key) if key else None
        if figure is None:
            return PeakRate(self.peak.bfloat16.value, "bfloat16")
        return PeakRate(figure.value, dtype)

    def ridge(self, dtype: str) -> float:
        """FLOPs per HBM byte at which compute and memory time are equal, at `peak_flops`.

        Raises ChipInputError for a dtype that is not known.
        """
        return self.peak_flops(dtype).flop_per_s / self.hbm_bandwidth
