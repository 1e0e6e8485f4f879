"""Point: one design, all of it numbers: a model's shape, a chip, how it is spread and the load.

Draws: the calibration's posterior for its chip and stack. The n-th draw is the same one for every
chip and every design, so that differences between designs are taken draw by draw.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from ...model.architecture import ModelShape
from ...tpu_configs.chip import Chip
from ..predicted import arrays
from ..predicted.arrays import Number, mapped, of_numbers
from ..predicted.calibration import Calibration
from ..predicted.energy import PowerShares, design_power_of
from ..predicted.hardware import IDEAL, Efficiency, Hardware
from ..predicted.phase_lengths import LengthDistribution, Lengths, SameLength
from ..predicted.predict import interval
from ..predicted.step_work import Capacity, Spread, Widths, capacity
from ..records.base import Interval

MOST_SEQUENCES = 4096.0
"""Sequences that one slice is taken to schedule at once where its memory would hold more."""


@of_numbers
@dataclass(frozen=True)
class Overheads:
    """Factors of what a stack adds by itself."""

    kernel: Number = 1.0  # to each kernel
    collective: Number = 1.0  # to each collective, and to dealing out tokens to experts
    host: Number = 1.0  # to each step and each of its sequences


@of_numbers
@dataclass(frozen=True)
class Speculation:
    """Drafting `tokens` ahead with a model whose step costs `cost` of the target's."""

    tokens: Number
    acceptance: Number
    cost: Number


@dataclass(frozen=True)
class RecordedPhases:
    """Arrays [phases, 1]; of one step of one batch. Rows are of each sequence of the batch."""

    rows: Number  # rows at work, of each sequence
    positions: Number  # that a row reads; 1 where it decodes, 0 where cache is copied
    own_context: Number
    shared_context: Number
    sharers: Number
    copied: Number  # cached positions, of each sequence
    steps: Number  # of a batch


@of_numbers
@dataclass(frozen=True)
class Point:
    """Every field a number or an array; time, joules and dollars follow and may be differentiated.

    `watts_factor` and `usd_factor` are the changed chip's design power and price over the
    datasheet chip's, by the cost model.
    """

    shape: ModelShape
    widths: Widths
    lengths: Lengths
    spread: Spread
    hardware: Hardware
    distribution: LengthDistribution = field(default_factory=SameLength)
    overheads: Overheads = field(default_factory=Overheads)
    speculation: Speculation | None = None
    layers_run: Number = 1.0  # share of the layers that a decoded token goes through
    pinned_bytes: Number = 0.0  # weights that one chip keeps on chip instead of reading
    watts_factor: Number = 1.0
    usd_factor: Number = 1.0
    recorded: RecordedPhases | None = None  # what a strategy did besides

    @property
    def chips(self) -> Number:
        """Chips of the slice."""
        return self.spread.split.chips


def held(point: Point) -> Capacity:
    """What one chip of the point holds at the end of the longest thought and answer."""
    lengths = point.lengths
    own = lengths.longest_context - lengths.prompt_tokens
    return capacity(
        point.shape, point.widths, point.spread.split, point.hardware.memory_bytes,
        lengths.sequences, own, lengths.prompt_tokens, lengths.attempts,
    )  # fmt: skip


def fits(point: Point) -> Number:
    """Whether a chip's memory holds it."""
    return held(point).left_bytes >= 0


def with_prompts(point: Point, prompts: Number) -> Point:
    """The same with so many prompts together."""
    return replace(point, lengths=replace(point.lengths, prompts=prompts))


def batch_sizes(point: Point, most: float = MOST_SEQUENCES) -> list[float]:
    """Prompts together: the powers of two whose attempts are at most so many sequences."""
    prompts = max(most / float(point.lengths.attempts), 1.0)
    return [2.0**n for n in range(int(np.log2(prompts)) + 1)]


def memory_full(point: Point) -> Point:
    """The same at the largest batch that fits, not rounded to whole sequences, at most
    MOST_SEQUENCES: what throughput a chip reaches. Capacity counts through it."""
    memory = held(point)
    room = arrays.maximum(memory.available_bytes - memory.weight_bytes, 0.0)
    copies = point.spread.split.data * point.spread.split.expert
    sequences = arrays.minimum(room / memory.kv_bytes_per_sequence * copies, MOST_SEQUENCES)
    return with_prompts(point, sequences / point.lengths.attempts)


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
    power: PowerShares


def draws_of(calibration: Calibration, chip: Chip, stack: str | None) -> Draws:
    """The posterior of `chip` under `stack`."""
    kept = _kept(calibration.draws)
    power = design_power_of(chip)
    watts = calibration.design_watts(power) if power else np.full(calibration.draws, np.nan)
    draws = Draws(
        efficiency=calibration.efficiency(chip.name, chip.kind, stack),
        prefill=calibration.residuals("prefill"),
        decode=calibration.residuals("decode"),
        energy=calibration.residuals("energy"),
        watts=watts,
        power=calibration.power_shares(),
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
