"""Chip: one accelerator as its vendor and others publish it. Every figure is per chip.

A figure that is not public is absent, never guessed. Bandwidths are bytes per second, GB is 10^9
bytes, a multiply-add is 2 FLOP, and an integer operation counts as a FLOP.
"""

import math
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import Field, model_validator

from .figure import (
    CONFIDENCES,
    Bandwidth,
    Bytes,
    Confidence,
    Count,
    Date,
    Figure,
    HourlyPrice,
    Nanometres,
    Rate,
    Seconds,
    SquareMillimetres,
    Statement,
    Table,
    Watts,
    Words,
)
from .input_errors import ChipInputError

TopologyKind = Literal["ring", "torus", "switch", "mesh", "none"]

_MOST_CHIPS = 2**17  # more than any slice there is; their grids are listed one by one


class Silicon(Table):
    """How a chip is made."""

    process: Nanometres | None = Field(
        default=None, description="node as its foundry names it; the finest of several"
    )
    area: SquareMillimetres | None = Field(
        default=None, description="of all its dies, memory left out"
    )


class Cores(Table):
    """What a chip is made of, and what JAX shows of it."""

    per_chip: Count
    jax_devices_per_chip: Count | None = Field(
        default=None, description="entries of jax.devices() that make one chip"
    )


class Peak(Table):
    """Dense matmul peak by dtype of the operands; float16 runs at bfloat16's rate."""

    float32: Rate | None = Field(default=None, description="a GPU's is TF32 where it has it")
    bfloat16: Rate | None = None
    int8: Rate | None = None
    fp8: Rate | None = None
    int4: Rate | None = None
    fp4: Rate | None = None
    vector_float32: Rate | None = Field(default=None, description="outside the matrix units")

    @model_validator(mode="after")
    def _has_a_rate_to_fall_back_on(self) -> Self:
        if self.widest is None:
            raise ValueError("lacks a rate to fall back on, expected bfloat16, float32 or int8")
        return self

    @property
    def widest(self) -> str | None:
        """What a dtype without a figure of its own is widened to: bfloat16 or a CPU's float32; int8
        in a unit for integers alone."""
        keys = ("bfloat16", "float32", "int8")
        return next((key for key in keys if getattr(self, key) is not None), None)


class MatrixUnit(Table):
    """A TPU's systolic arrays, a GPU's tensor cores."""

    tile: Count | None = Field(default=None, description="rows, and columns, of one square array")
    count: Count = Field(description="arrays in the chip, over all cores")


class Memory(Table):
    """The memory that holds the weights: HBM on most, SRAM on an LPU or wafer, DRAM on a laptop."""

    capacity: Bytes
    bandwidth: Bandwidth
    technology: Statement | None = Field(default=None, description="'HBM2e', 'LPDDR5X', 'SRAM'")


class OnChipMemory(Table):
    """What lies between that memory and the units, over all cores: a TPU's VMEM, a GPU's L2."""

    capacity: Bytes
    bandwidth: Bandwidth | None = None
    cmem: Bytes | None = Field(default=None, description="v4's second memory, under VMEM")

    @property
    def all_bytes(self) -> float:
        """Of both memories."""
        return self.capacity.value + (self.cmem.value if self.cmem else 0.0)


class Topology(Statement):
    """How the links join chips: `value` says it in words, the other keys for a program.

    ring    each chip to two others, in a circle
    torus   a grid of `pod` chips at most, its axes closed to rings as `wrap_rule` has it
    switch  any chip to any other at full rate, through switches
    mesh    a link from every chip to every other, or nearly: any other in a few hops
    none    chips are not joined but by the data center network
    """

    kind: TopologyKind
    pod: list[Annotated[int, Field(gt=0, le=_MOST_CHIPS)]] | None = Field(
        default=None, max_length=4, description="sides of the largest grid, in chips, for a torus"
    )
    wrap_side: int | None = Field(
        default=None, gt=0, le=_MOST_CHIPS,
        description="chips along an axis that closes; absent: no axis closes",
    )  # fmt: skip
    wrap_rule: Literal["each", "all"] | None = Field(
        default=None,
        description="each: an axis of just wrap_side closes; "
        "all: every axis does when each is a multiple of wrap_side, else none",
    )

    @model_validator(mode="after")
    def _sides_go_with_a_torus(self) -> Self:
        if (self.pod is not None) != (self.kind == "torus"):
            raise ValueError(
                f"has the kind {self.kind!r} and the pod {self.pod}, "
                "expected a pod for a torus and for nothing else"
            )
        if (self.wrap_side is None) != (self.wrap_rule is None):
            raise ValueError("has one of wrap_side and wrap_rule, expected both or neither")
        if self.wrap_side is not None and self.kind != "torus":
            raise ValueError(f"wraps and has the kind {self.kind!r}, expected a torus")
        return self


class Links(Table):
    """Direct links from chip to chip: ICI, NVLink, Infinity Fabric."""

    per_link_bandwidth: Bandwidth = Field(description="of one link, one way")
    count: Count = Field(description="links that leave one chip")
    latency: Seconds | None = Field(default=None, description="of one hop, or through one switch")
    topology: Topology
    largest_slice: Count = Field(description="most chips that these links join")

    @property
    def kind(self) -> TopologyKind:
        return self.topology.kind

    @model_validator(mode="after")
    def _pod_is_the_largest_slice(self) -> Self:
        pod, largest = self.topology.pod, self.largest_slice.value
        if pod is not None and math.prod(pod) != largest:
            raise ValueError(f"joins {largest:g} chips in a pod of {pod}, expected as many")
        if largest > _MOST_CHIPS:
            raise ValueError(f"joins {largest:g} chips, expected {_MOST_CHIPS} at most")
        return self


class Network(Table):
    """What reaches a chip from outside its slice: one chip's share, one way."""

    data_center_bandwidth: Bandwidth | None = None
    host_bandwidth: Bandwidth | None = Field(default=None, description="PCIe, to the host")
    chips_per_host: Count | None = None


class Power(Table):
    """Electric power of one chip, except `system`."""

    minimum: Watts | None = Field(default=None, description="idle")
    mean: Watts | None = Field(default=None, description="typical, under load")
    maximum: Watts | None = Field(default=None, description="measured, else the design power, TDP")
    system: Watts | None = Field(
        default=None, description="all-in: a pod's or server's power over its chips"
    )


OfferKind = Literal["on_demand", "one_year", "three_year", "spot"]
OFFER_KINDS: tuple[OfferKind, ...] = get_args(OfferKind)
ANYWHERE = "any"
"""As a region: the seller asks the same price wherever its chips are."""
DEFAULT_SELLER = "google-cloud"
"""Whose prices are shown where none is named: it sells most of the chips that are compared."""


class Offer(Table):
    """What one seller asks for an hour of one chip, its share of the host included."""

    seller: Words = Field(description="'google-cloud', 'aws', 'lambda' ...")
    kind: OfferKind = Field(description="on_demand is the list price; years are commitments")
    usd_per_chip_hour: dict[Words, Annotated[float, Field(gt=0, le=1e6)]] = Field(
        min_length=1, description="by region, as the seller calls it; the first stands for the rest"
    )
    source: Words = Field(description="with its address")
    date: Date = Field(description="of the source, else when it was read: a year or ISO date")
    confidence: Confidence


class Asked(NamedTuple):
    """One price of an offer."""

    usd: float
    region: str
    offer: Offer


class Price(Table):
    """What one chip costs for an hour."""

    offers: list[Offer] = Field(default=[], max_length=1000)
    ownership: HourlyPrice | None = Field(
        default=None, description="total cost of owning one, by a large cloud: no margin"
    )

    def asked(self, kind: str, region: str | None = None) -> list[Asked]:
        """What each seller asks for such an hour in `region`, the cheapest first; in the first of
        each seller's regions where it is None."""
        found: dict[str, Asked] = {}
        for offer in self.offers:
            if offer.kind == kind:
                prices = offer.usd_per_chip_hour
                here = next(iter(prices)) if region is None else region
                place = here if here in prices else ANYWHERE
                if place in prices:
                    found.setdefault(offer.seller, Asked(prices[place], place, offer))
        return sorted(found.values(), key=lambda asked: asked.usd)

    def of_seller(self, kind: str, seller: str, region: str | None = None) -> Asked | None:
        """What `seller` asks for such an hour, else the cheapest of the others."""
        asked = self.asked(kind, region)
        own = [each for each in asked if each.offer.seller == seller]
        return next(iter([*own, *asked]), None)

    def regions(self, kind: str, seller: str) -> list[str]:
        """Where `seller` has such a price."""
        offers = [o for o in self.offers if o.kind == kind and o.seller == seller]
        return [region for offer in offers for region in offer.usd_per_chip_hour]


Kind = Literal["tpu", "gpu", "lpu", "wafer", "asic", "laptop", "edge gpu", "npu", "cpu"]

Place = Literal["data center", "edge"]
"""Where a chip works. At the edge it is a device's own, in a robot, phone, laptop or desk computer:
no data center cools it, and its power is what its maker states of device, module or package."""

# dtype, as JAX names it -> key under [peak]; "" where no chip here has a unit of its own for it
_PEAK_KEYS = {
    "float32": "float32", "float16": "", "bfloat16": "bfloat16", "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8", "int8": "int8", "int4": "int4", "float4_e2m1fn": "fp4",
}  # fmt: skip
_INTEGERS = ("int8", "int4")


class PeakRate(NamedTuple):
    """A matmul peak and the dtype whose figure it is, which may not be the requested dtype."""

    flop_per_s: float
    dtype: str


class Chip(Table):
    """One accelerator chip; a table that is None is not public."""

    name: Words
    vendor: Words
    kind: Kind
    year: int = Field(gt=0, le=9999, description="of announcement")
    place: Place = "data center"
    aliases: list[Words] = Field(default=[], description="other names that load it")
    libtpu_name: Words | None = Field(
        default=None, description="generation in libtpu's topology names; absent: it compiles none"
    )
    compared_chips: int | None = Field(
        default=None,
        gt=0,
        le=_MOST_CHIPS,
        description="of the slice that stands for it where chips are compared",
    )
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
        peak = getattr(self.peak, self.peak.widest or "")
        figures = (peak, self.memory.capacity, self.memory.bandwidth)
        return max((figure.confidence for figure in figures if figure), key=CONFIDENCES.index)

    def peak_flops(self, dtype: str) -> PeakRate:
        """Matmul peak of one chip in FLOP per second for operands of `dtype` (JAX's name).

        A dtype without a figure of its own runs on the bfloat16 matrix unit: narrower ones are
        widened to bfloat16, and float32 is rounded to it, as JAX does by default on a TPU (its
        'highest' precision takes six such passes). Then the rate is bfloat16's, an upper bound,
        and the returned dtype says so: a report must show it. A CPU has only float32; a unit for
        integers alone has int8, to which int4 is widened.

        Raises ChipInputError for a dtype that is not known, and for one in floating point where the
        chip multiplies integers alone.
        """
        if dtype not in _PEAK_KEYS:
            dtypes = ", ".join(_PEAK_KEYS)
            raise ChipInputError(f"no peak is known for dtype {dtype!r}, expected one of {dtypes}")
        widest = self.peak.widest or ""
        if widest == "int8" and dtype not in _INTEGERS:
            raise ChipInputError(
                f"{self.name} has no published peak for {dtype}: it multiplies integers, expected "
                f"{' or '.join(_INTEGERS)}"
            )
        own: Figure | None = getattr(self.peak, _PEAK_KEYS[dtype], None)
        if own is not None:
            return PeakRate(own.value, dtype)
        return PeakRate(getattr(self.peak, widest).value, widest)

    def ridge(self, dtype: str) -> float:
        """FLOPs per HBM byte at which compute and memory time are equal, at `peak_flops`. Raises
        ChipInputError for a dtype that is not known."""
        return self.peak_flops(dtype).flop_per_s / self.hbm_bandwidth
