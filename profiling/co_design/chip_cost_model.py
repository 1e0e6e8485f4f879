"""Cost model: area, watts and dollars of a chip by its parameters, with each figure's uncertainty.

Linear in the parameters but for the number of dies, each no larger than the reticle, and their
yield (Poisson: exp(-defects * area)). Figures: data/cost_model.toml and memory_stacks.toml.
Dies and powers that are published lie within the figures' 95 % interval for accelerators with HBM
of 7 nm and finer; not for stacked chiplets (MI300X), GPUs with wide float64 units (MI250X) or cards
for graphics. Good for the direction of a trade between parts, not for a chip's price: rent is taken
to follow what a chip costs to build.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ...tpu_configs.chip import Chip
from ...tpu_configs.toml_files import shipped_tables
from ..predicted import arrays
from ..predicted.arrays import Number, of_numbers
from ..predicted.draws import normals
from ..predicted.energy import design_power_of
from ..predicted.step.hardware import link_rate
from ..records.codesign import Assumption, budget_amount
from .memory_stacks import Coefficient, generation_of, generations

WAFER_MM2 = np.pi * 150.0**2
RETICLE_MM2 = 858.0  # 26 x 33 mm, the largest die a scanner exposes
JOINT_SHARE = 1.25
"""Bandwidth between two dies over the memory's: 10 TB/s to 8 in a B200."""
PROCESSES_NM = (3, 5, 7)


@of_numbers
@dataclass(frozen=True)
class ChipParts:
    """What a chip is built of, in base units; numbers or arrays."""

    matrix_flops: Number  # bfloat16
    hbm_bandwidth: Number
    hbm_capacity: Number
    on_chip_capacity: Number
    link_bandwidth: Number  # of all links together, one way


PARTS = ("matrix_flops", "hbm_bandwidth", "hbm_capacity", "on_chip_capacity", "link_bandwidth")


@of_numbers
@dataclass(frozen=True)
class Rates:
    """The cost model's coefficients for a process and a kind of memory; numbers or [draws]."""

    matrix_mm2_per_tflops: Number
    sram_mm2_per_mb: Number
    hbm_mm2_per_gbps: Number
    link_mm2_per_gbps: Number
    joint_mm2_per_gbps: Number
    other_mm2: Number
    matrix_pj_per_flop: Number
    hbm_pj_per_bit: Number
    link_pj_per_bit: Number
    joint_pj_per_bit: Number
    sram_w_per_mb: Number
    hbm_w_per_gb: Number
    other_w: Number
    wafer_usd: Number
    defects_per_mm2: Number
    hbm_usd_per_gb: Number
    hbm_usd_per_gbps: Number
    link_usd_per_gbps: Number
    packaging_usd: Number
    server_usd: Number


def area_mm2(parts: ChipParts, rates: Rates) -> Number:
    """All dies of the chip with the joints between them, memory stacks left out."""
    joints = 2 * (dies_of(parts, rates) - 1)
    return _area_of_parts(parts, rates) + joints * _joint_mm2(parts, rates)


def dies_of(parts: ChipParts, rates: Rates) -> Number:
    """How many: as many as the reticle asks for, in a row, each with room for two joints."""
    area = _area_of_parts(parts, rates)
    room = arrays.maximum(RETICLE_MM2 - 2 * _joint_mm2(parts, rates), 1.0)
    return arrays.where(area.real <= RETICLE_MM2, 1.0, arrays.ceil(area / room))


def _area_of_parts(parts: ChipParts, rates: Rates) -> Number:
    matrix = parts.matrix_flops / 1e12 * rates.matrix_mm2_per_tflops
    sram = parts.on_chip_capacity / 1e6 * rates.sram_mm2_per_mb
    hbm = parts.hbm_bandwidth / 1e9 * rates.hbm_mm2_per_gbps
    links = parts.link_bandwidth / 1e9 * rates.link_mm2_per_gbps
    return matrix + sram + hbm + links + rates.other_mm2


def _joint_mm2(parts: ChipParts, rates: Rates) -> Number:
    """One side of a joint between two dies."""
    return JOINT_SHARE * parts.hbm_bandwidth / 1e9 * rates.joint_mm2_per_gbps


def full_watts(parts: ChipParts, rates: Rates) -> Number:
    """Everything at full use at once."""
    joints = (dies_of(parts, rates) - 1) * JOINT_SHARE * rates.joint_pj_per_bit
    matrix = parts.matrix_flops * rates.matrix_pj_per_flop * 1e-12
    hbm = parts.hbm_bandwidth * 8 * (rates.hbm_pj_per_bit + joints) * 1e-12
    links = parts.link_bandwidth * 8 * rates.link_pj_per_bit * 1e-12
    sram = parts.on_chip_capacity / 1e6 * rates.sram_w_per_mb
    capacity = parts.hbm_capacity / 1e9 * rates.hbm_w_per_gb
    return matrix + hbm + links + sram + capacity + rates.other_w


def build_usd(parts: ChipParts, rates: Rates) -> Number:
    """Dies, memory, package, links and the share of a server; no design cost, no margin."""
    area = area_mm2(parts, rates)
    good = arrays.exp(-rates.defects_per_mm2 * area / dies_of(parts, rates))
    dies = area * rates.wafer_usd / WAFER_MM2 / good
    capacity = parts.hbm_capacity / 1e9 * rates.hbm_usd_per_gb
    bandwidth = parts.hbm_bandwidth / 1e9 * rates.hbm_usd_per_gbps
    links = parts.link_bandwidth / 1e9 * rates.link_usd_per_gbps
    return dies + capacity + bandwidth + links + rates.packaging_usd + rates.server_usd


BUDGETS = {"area": area_mm2, "watts": full_watts, "usd": build_usd}


@of_numbers
@dataclass(frozen=True)
class CostModel:
    """A chip that is there, and rates to cost changes of it with."""

    reference: ChipParts
    rates: Rates  # [draws], the first the figures themselves

    def factors(self, changes: Mapping[str, Number]) -> tuple[Number, Number]:
        """Watts and dollars [draws] after over before; a change is a factor by parameter, and what
        is no part of a chip costs nothing."""
        before, rates = self.reference, self.rates
        parts = {name: getattr(before, name) * changes[name] for name in PARTS if name in changes}
        if not parts:
            return 1.0, 1.0
        after = replace(before, **parts)
        watts = full_watts(after, rates) / full_watts(before, rates)
        return watts, build_usd(after, rates) / build_usd(before, rates)


def cost_model(chip: Chip, draws: int) -> CostModel:
    """The model for one chip, on its process and with its memory, coefficients drawn so often."""
    return CostModel(parts_of(chip), rates_about(chip, generation_of(chip)[0], draws))


def rates_about(chip: Chip, generation: str, draws: int = 1) -> Rates:
    """`rates_of` the chip's process, those of power scaled alike, so that the chip as it is has its
    design power."""
    process_nm, _ = process_of(chip)
    power, rates = design_power_of(chip), rates_of(process_nm, generation, draws)
    if power is None:
        return rates
    own = rates_of(process_nm, generation_of(chip)[0])
    scale = power.watts / float(full_watts(parts_of(chip), own)[0])
    return replace(rates, **{name: getattr(rates, name) * scale for name in _OF_POWER})


def parts_of(chip: Chip) -> ChipParts:
    """What a chip file says of the parts; what is not public is nothing."""
    links, on_chip = chip.links, chip.on_chip_memory
    joined = links is not None and links.kind != "none"
    together = links.per_link_bandwidth.value * links.count.value if joined and links else 0.0
    return ChipParts(
        matrix_flops=chip.peak_flops("bfloat16").flop_per_s,
        hbm_bandwidth=chip.hbm_bandwidth,
        hbm_capacity=chip.hbm_capacity_bytes,
        on_chip_capacity=on_chip.all_bytes if on_chip else 0.0,
        link_bandwidth=together or link_rate(chip),
    )


@cache
def rates_of(process_nm: int, generation: str, draws: int = 1) -> Rates:
    """Coefficients for a process of `PROCESSES_NM` and a generation of memory, [draws]; the first
    draw is the figures."""
    figures = _coefficients(process_nm, generation).items()
    drawn = {name: _drawn(name, figure, draws) for name, figure in figures}
    mounting, rate = drawn.pop("mounting_usd_per_stack"), generations()[generation].bandwidth
    return Rates(**drawn, hbm_usd_per_gbps=mounting / (rate.value / 1e9))


_OF_POWER = (
    "matrix_pj_per_flop", "hbm_pj_per_bit", "link_pj_per_bit", "joint_pj_per_bit", "sram_w_per_mb",
    "hbm_w_per_gb", "other_w",
)  # fmt: skip


def cost_assumptions(process_nm: int, generation: str) -> list[Assumption]:
    """Every coefficient for a process and a generation, in a sentence with its source."""
    return [
        Assumption(
            sentence=f"{name.replace('_', ' ')}: {figure.value:g} {figure.unit}"
            f" ({process_nm} nm class, {generation}), log-normal with scale {figure.log_scale:g}",
            source=f"{figure.source} ({figure.date})",
            confidence=figure.confidence,
        )
        for name, figure in _coefficients(process_nm, generation).items()
    ]


def dies_sentence(chip: Chip) -> str:
    """The area of a chip's dies by the model beside what is published, without a stop."""
    rates = rates_of(process_of(chip)[0], generation_of(chip)[0], 1001)
    areas = area_mm2(parts_of(chip), rates)
    low, high = np.quantile(areas[1:], [0.025, 0.975])
    known = chip.silicon.area if chip.silicon else None
    published = f"published: {budget_amount('area', known.value)}" if known else "none is published"
    area = f"{areas[0]:,.0f} mm\N{SUPERSCRIPT TWO} of dies ({low:,.0f} to {high:,.0f}, 95 %)"
    return f"{chip.name}: {area}; {published}"


def _drawn(name: str, coefficient: Coefficient, draws: int) -> np.ndarray:
    """Log-normal draws about the figure, the figure itself the first; the same every time."""
    drawn = normals(draws, f"cost model/{name}")
    return coefficient.value * np.exp(coefficient.log_scale * drawn)


def process_of(chip: Chip) -> tuple[int, str]:
    """The class of process that a chip is costed as, and why in a sentence without its stop."""
    process = chip.silicon.process if chip.silicon else None
    if process is None:
        return 5, f"the process of {chip.name} is not public: costed as 5 nm class"
    nearest = min(PROCESSES_NM, key=lambda nm: abs(np.log(nm / process.value)))
    return nearest, f"{chip.name} at {process.value:g} nm is costed as {nearest} nm class"


@cache
def _coefficients(process_nm: int, generation: str) -> dict[str, Coefficient]:
    kind = generations()[generation]
    gbps = kind.bandwidth.value / 1e9
    area = {"value": kind.interface.value / gbps, "unit": "mm2/(GB/s)"}
    return {
        "hbm_mm2_per_gbps": kind.interface.model_copy(update=area),
        "hbm_pj_per_bit": kind.energy,
        "hbm_usd_per_gb": kind.price,
    } | {
        name: Coefficient.model_validate(row if "value" in row else row[str(process_nm)])
        for name, row in shipped_tables(__package__, "cost_model.toml").items()
    }
