"""Draws: the calibration's posterior for one chip and stack, as the costs take it.

The n-th draw is the same one for every chip and every design, so that differences between designs
are taken draw by draw.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ...tpu_configs.chip import Chip
from ..predicted.arrays import Number, mapped, of_numbers
from ..predicted.calibration import Calibration
from ..predicted.energy import PowerShares, design_power_of
from ..predicted.hardware import IDEAL, Efficiency
from ..predicted.predict import interval
from ..records.base import Interval

MOST_DRAWS = 128
"""Draws that the analysis goes on with, evenly taken: 80 % bounds move by a few hundredths of the
interval's width."""


@of_numbers
@dataclass(frozen=True)
class Draws:
    """Each field [draws]; the first draw is the mode."""

    efficiency: Efficiency
    prefill: Number  # factors of time that the fit leaves unexplained
    decode: Number
    energy: Number
    watts: Number  # a chip's design power; NaN where it is not known
    base: Number  # shares of the design power, see predict.energy
    memory: Number
    compute: Number

    @property
    def power(self) -> PowerShares:
        """Shares of the design power."""
        return PowerShares(self.base, self.memory, self.compute)


def draws_of(calibration: Calibration, chip: Chip, stack: str | None) -> Draws:
    """The posterior of `chip` under `stack`."""
    kept = _kept(calibration.draws)
    power = design_power_of(chip)
    watts = calibration.design_watts(power) if power else np.full(calibration.draws, np.nan)
    shares = calibration.power_shares()
    draws = Draws(
        efficiency=calibration.efficiency(chip.name, chip.kind, stack),
        prefill=calibration.residuals("prefill"),
        decode=calibration.residuals("decode"),
        energy=calibration.residuals("energy"),
        watts=watts,
        base=shares.base,
        memory=shares.memory,
        compute=shares.compute,
    )
    return mapped(lambda leaf: np.asarray(leaf)[kept], draws)


def ideal_draws(calibration: Calibration, chip: Chip) -> Draws:
    """The bare roofline: datasheet figures reached and power at the mode, in every draw."""
    draws = draws_of(calibration, chip, None)
    mode = mapped(lambda leaf: np.full_like(leaf, leaf[0]), draws)
    ones = np.ones_like(draws.prefill)
    ideal = mapped(lambda leaf: leaf * ones, IDEAL)
    return replace(mode, efficiency=ideal, prefill=ones, decode=ones, energy=ones)


def summary(values: ArrayLike) -> Interval:
    """Median and 80 % interval of values [draws]."""
    return interval(np.asarray(values, np.float64))


def summary_or_none(values: ArrayLike) -> Interval | None:
    """The same; None where the values are not known."""
    result = np.asarray(values, np.float64)
    return interval(result) if np.isfinite(result).all() else None


def probability(holds: ArrayLike) -> float:
    """Share of the draws for which something holds; the mode is no draw where there are others."""
    result = np.asarray(holds)
    return float((result[1:] if len(result) > 1 else result).mean())


def _kept(count: int) -> np.ndarray:
    """Indices of the draws that are kept, the mode among them."""
    if count <= MOST_DRAWS:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, MOST_DRAWS).astype(int))
