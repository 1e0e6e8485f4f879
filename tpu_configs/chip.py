"""Chip: one accelerator as its vendor and others publish it. Every figure is per chip.

A figure that is not public is absent, never guessed. Bandwidths are bytes per second, GB is 10^9
bytes, a multiply-add is 2 FLOP, and an integer operation counts as a FLOP.
"""

from typing import Literal, NamedTuple

from pydantic import Field

from .errors import ChipInputError
from .figure import CONFIDENCES, Confidence, Figure, Table, Words
from .parts import (
    Cores,
    Links,
    MatrixUnit,
    Memory,
    Network,
    OnChipMemory,
    Peak,
    Power,
    Price,
    Silicon,
)

Kind = Literal["tpu", "gpu", "lpu", "wafer", "asic", "laptop", "cpu"]

# dtype, as JAX names it -> key under [peak]; None where no chip here has a unit of its own for it
_PEAK_KEYS: dict[str, str | None] = {
    "float32": "float32",
    "float16": None,
    "bfloat16": "bfloat16",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
    "int8": "int8",
    "int4": "int4",
    "float4_e2m1fn": "fp4",
}


class PeakRate(NamedTuple):
    """A matmul peak and the dtype whose figure it is, which may not be the dtype asked for."""

    flop_per_s: float
    dtype: str


class Chip(Table):
    """One accelerator chip; a table that is None is not public."""

    name: Words
    vendor: Words
    kind: Kind
    year: int = Field(gt=0, description="of announcement")
    aliases: list[Words] = Field(default=[], description="other names that load it")
    silicon: Silicon | None = None
    cores: Cores | None = None
    peak: Peak
    matrix_unit: MatrixUnit | None = None
    memory: Memory
    on_chip_memory: OnChipMemory | None = None
    links: Links | None = None
    network: Network | None = None
    power: Power | None = None
    price: Price | None = None

    @property
    def hbm_capacity_bytes(self) -> float:
        """Bytes of one chip's [memory], called HBM throughout rooflink whatever it is made of."""
        return self.memory.capacity.value

    @property
    def hbm_bandwidth(self) -> float:
        """Bandwidth of that memory in bytes per second."""
        return self.memory.bandwidth.value

    @property
    def jax_devices(self) -> int:
        """Entries of jax.devices() that make one chip; one where that is not published."""
        devices = self.cores.jax_devices_per_chip if self.cores else None
        return int(devices.value) if devices else 1

    @property
    def confidence(self) -> Confidence:
        """The least one of what every prediction stands on: the peak and the memory's figures."""
        peak = self.peak.bfloat16 or self.peak.float32
        figures = (peak, self.memory.capacity, self.memory.bandwidth)
        return max((figure.confidence for figure in figures if figure), key=CONFIDENCES.index)

    def peak_flops(self, dtype: str) -> PeakRate:
        """Matmul peak of one chip in FLOP per second for operands of `dtype` (JAX's name).

        A dtype without a figure of its own runs on the bfloat16 matrix unit: narrower ones are
        widened to bfloat16, and float32 is rounded to it, as JAX does by default on a TPU (its
        'highest' precision takes six such passes). Then the rate is bfloat16's, an upper bound,
        and the returned dtype says so: a report must show it. On a chip that has only float32,
        as a CPU, that is the one.

        Raises ChipInputError for a dtype that is not known.
        """
        if dtype not in _PEAK_KEYS:
            known = ", ".join(_PEAK_KEYS)
            raise ChipInputError(f"no peak is known for dtype {dtype!r}, expected one of {known}")
        key = _PEAK_KEYS[dtype]
        own: Figure | None = getattr(self.peak, key) if key else None
        if own is not None:
            return PeakRate(own.value, dtype)
        if self.peak.bfloat16 is not None:
            return PeakRate(self.peak.bfloat16.value, "bfloat16")
        assert self.peak.float32 is not None, "Peak has one of the two"
        return PeakRate(self.peak.float32.value, "float32")

    def ridge(self, dtype: str) -> float:
        """FLOPs per HBM byte at which compute and memory time are equal, at `peak_flops`.

        Raises ChipInputError for a dtype that is not known.
        """
        return self.peak_flops(dtype).flop_per_s / self.hbm_bandwidth
