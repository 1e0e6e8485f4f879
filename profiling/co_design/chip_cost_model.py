"""Cost model: area, watts and dollars of a chip by its parameters, with each figure's uncertainty.

Linear in the parameters but for the die's yield (Poisson: exp(-defects * area), a die no larger
than the reticle). Figures and sources: data/cost_model.toml. Good for the direction of a trade
between parts, not for a chip's price: rent is taken to follow what a chip costs to build.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from pydantic import Field

from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure
from ..predicted import arrays
from ..predicted.arrays import Number, of_numbers
from ..predicted.draws import normals
from ..predicted.step.hardware import link_rate
from ..records.codesign import Assumption

WAFER_MM2 = np.pi * 150.0**2
RETICLE_MM2 = 858.0  # 26 x 33 mm, the largest die a scanner exposes
PROCESSES_NM = (3, 5, 7)


class Coefficient(Figure):
    """A figure of the cost model and the standard deviation of its log."""

    log_scale: float = Field(ge=0)


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
    """The cost model's coefficients for one process; numbers or draws [draws]."""

    matrix_mm2_per_tflops: Number
    sram_mm2_per_mb: Number
    hbm_mm2_per_gbps: Number
    link_mm2_per_gbps: Number
    other_mm2: Number
    matrix_pj_per_flop: Number
    hbm_pj_per_bit: Number
    link_pj_per_bit: Number
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
    """All dies of the chip, memory stacks left out."""
    matrix = parts.matrix_flops / 1e12 * rates.matrix_mm2_per_tflops
    sram = parts.on_chip_capacity / 1e6 * rates.sram_mm2_per_mb
    hbm = parts.hbm_bandwidth / 1e9 * rates.hbm_mm2_per_gbps
    links = parts.link_bandwidth / 1e9 * rates.link_mm2_per_gbps
    return matrix + sram + hbm + links + rates.other_mm2


def full_watts(parts: ChipParts, rates: Rates) -> Number:
    """Everything at full use at once."""
    matrix = parts.matrix_flops * rates.matrix_pj_per_flop * 1e-12
    hbm = parts.hbm_bandwidth * 8 * rates.hbm_pj_per_bit * 1e-12
    links = parts.link_bandwidth * 8 * rates.link_pj_per_bit * 1e-12
    sram = parts.on_chip_capacity / 1e6 * rates.sram_w_per_mb
    capacity = parts.hbm_capacity / 1e9 * rates.hbm_w_per_gb
    return matrix + hbm + links + sram + capacity + rates.other_w


def build_usd(parts: ChipParts, rates: Rates) -> Number:
    """Dies, memory, package, links and the share of a server; no design cost, no margin."""
    area = area_mm2(parts, rates)
    good = arrays.exp(-rates.defects_per_mm2 * arrays.minimum(area, RETICLE_MM2))
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
    """The model for one chip on its process, coefficients drawn `draws` times."""
    return CostModel(parts_of(chip), rates_of(process_of(chip)[0], draws))


def parts_of(chip: Chip) -> ChipParts:
    """What a chip file says of the parts; what is not public is nothing."""
    links, on_chip = chip.links, chip.on_chip_memory
    joined = links is not None and links.kind != "none"
    together = links.per_link_bandwidth.value * links.count.value if joined and links else 0.0
    return ChipParts(
        matrix_flops=chip.peak_flops("bfloat16").flop_per_s,
        hbm_bandwidth=chip.hbm_bandwidth,
        hbm_capacity=chip.hbm_capacity_bytes,
        on_chip_capacity=on_chip.capacity.value if on_chip else 0.0,
        link_bandwidth=together or link_rate(chip),
    )


def rates_of(process_nm: int, draws: int = 1) -> Rates:
    """Coefficients for a process of `PROCESSES_NM`, [draws]; the first draw is the figures."""
    figures = _coefficients(process_nm).items()
    return Rates(**{name: _drawn(name, figure, draws) for name, figure in figures})


def cost_assumptions(process_nm: int) -> list[Assumption]:
    """Every coefficient for a process, in a sentence with its source."""
    return [
        Assumption(
            sentence=f"{name.replace('_', ' ')}: {figure.value:g} {figure.unit}"
            f" ({process_nm} nm class), log-normal with scale {figure.log_scale:g}",
            source=f"{figure.source} ({figure.date})",
            confidence=figure.confidence,
        )
        for name, figure in _coefficients(process_nm).items()
    ]


def _drawn(name: str, coefficient: Coefficient, draws: int) -> np.ndarray:
    """Log-normal draws about the figure, the figure itself the first; the same every time."""
    drawn = normals(draws, f"cost model/{name}")
    return coefficient.value * np.exp(coefficient.log_scale * drawn)


def process_of(chip: Chip) -> tuple[int, str]:
    """The class of process that a chip is costed as, and why in a sentence without its stop."""
    process_nm = chip.silicon.process.value if chip.silicon else None
    if process_nm is None:
        return 5, f"the process of {chip.name} is not public: costed as 5 nm class"
    nearest = min(PROCESSES_NM, key=lambda nm: abs(np.log(nm / process_nm)))
    return nearest, f"{chip.name} at {process_nm:g} nm is costed as {nearest} nm class"


@cache
def _coefficients(process_nm: int) -> dict[str, Coefficient]:
    text = files(__package__).joinpath("data/cost_model.toml").read_text(encoding="utf-8")
    return {
        name: Coefficient.model_validate(row if "value" in row else row[str(process_nm)])
        for name, row in tomllib.loads(text).items()
    }
