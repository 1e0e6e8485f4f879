"""Joules of a phase: the chips' power at what they are doing, for as long as it takes.

A busy accelerator draws most of its design power whatever it does: measured H100s draw 0.6 to 1.0
of 700 W in decode at a hundredth to a fifth of their FLOP/s. Power is a share of the design power,

    P / P_max = base + memory * u_m + compute * u_c / (u_c + KNEE)      (at most 1)

with u_m and u_c the achieved shares of the memory's bandwidth and the matrix units' peak. The
three coefficients are fitted on measured power.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ...tpu_configs.catalog import load_all
from ...tpu_configs.chip import Chip
from . import arrays
from .arrays import Number, of_numbers
from .step.hardware import Hardware
from .step.work import Work

KNEE = 0.1
"""Achieved share of peak FLOP/s at which half of the matrix units' power is drawn."""

SERVER_OVER_CHIPS = (58 + 25) / 58
"""A server's power over its busy accelerators': of a served prompt's energy 58 % is theirs and 25 %
the host's (Google, arXiv 2508.15734, figure 2)."""


@of_numbers
@dataclass(frozen=True)
class PowerShares:
    """Shares of the design power; numbers or draws."""

    base: Number
    memory: Number
    compute: Number


@dataclass(frozen=True)
class DesignPower:
    """The most that a chip draws: published, or estimated from chips like it."""

    chip: str  # its name
    watts: float
    log_scale: float  # of the estimate; 0 where it is published
    basis: str  # in a few words


def power_share(
    shares: PowerShares, work: Work, hardware: Hardware, chips: Number, time_s: Number
) -> Number:
    """Share of the design power during work of all `chips` that takes `time_s`."""
    memory = work.memory_bytes / (chips * hardware.memory_bandwidth * time_s)
    compute = work.flops / (chips * hardware.matmul_flops * time_s)
    drawn = shares.base + shares.memory * arrays.minimum(memory, 1.0)
    return arrays.minimum(drawn + shares.compute * compute / (compute + KNEE), 1.0)


_CENTRE_KINDS = ("tpu", "gpu", "asic", "lpu")


def _at_a_center(chip: Chip) -> bool:
    return chip.kind in _CENTRE_KINDS and chip.place == "data center"


def design_power_of(chip: Chip) -> DesignPower | None:
    """The chip's published maximum, else an estimate: a regression of log watts on log peak, log
    bandwidth and year over data-center chips with HBM that publish it (each left out in turn, they
    are 23 % off; with cards of GDDR and SRAM, twice as much). None for one unlike them."""
    published = chip.power.maximum if chip.power else None
    if published is not None:
        return DesignPower(chip.name, published.value, 0.0, f"{published.value:g} W, published")
    if not _at_a_center(chip) or chip.peak.bfloat16 is None:
        return None
    weights, scale = _regression()
    watts = float(np.exp(_features(chip) @ weights))
    text = f"about {watts:.0f} W, estimated from chips like it"
    return DesignPower(chip.name, watts, scale, text)


@cache
def _regression() -> tuple[np.ndarray, float]:
    """Least squares over the chips that publish a maximum, and the scale of what it leaves."""
    published = [
        (chip, chip.power.maximum.value)
        for chip in load_all()
        if _at_a_center(chip) and chip.power and chip.power.maximum and chip.peak.bfloat16
        and chip.memory.technology and chip.memory.technology.value.startswith("HBM")
        and chip.confidence != "claimed"
    ]  # fmt: skip
    features = np.array([_features(chip) for chip, _ in published])
    watts = np.log([watts for _, watts in published])
    weights = np.linalg.lstsq(features, watts, rcond=None)[0]
    left = watts - features @ weights
    return weights, float(np.sqrt((left**2).sum() / (len(published) - features.shape[1])))


def _features(chip: Chip) -> np.ndarray:
    assert chip.peak.bfloat16 is not None
    peak = np.log(chip.peak.bfloat16.value / 1e14)
    return np.array([1.0, peak, np.log(chip.hbm_bandwidth / 1e12), (chip.year - 2022) / 5])
