"""Point: one design, all of it numbers: a model's shape, a chip, how it is spread and the load.

Hardware parameters: their names, what each changes in a point, and what is there today.

Draws: the calibration's posterior for its chip and stack. The n-th draw is the same one for every
chip and every design, so that differences between designs are taken draw by draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from ...model.architecture import ModelShape
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..predicted import arrays
from ..predicted.arrays import Number, Numbers, mapped, of_numbers
from ..predicted.calibration import Calibration
from ..predicted.draws import interval as summary
from ..predicted.energy import PowerShares, design_power_of
from ..predicted.phase_lengths import LengthDistribution, Lengths, SameLength
from ..predicted.step.attention_work import Capacity, capacity
from ..predicted.step.hardware import IDEAL, Efficiency, Hardware
from ..predicted.step.step_work import Spread
from ..predicted.step.work import Widths
from ..records.base import Interval
from ..records.codesign import Parameter
from .chip_cost_model import CostModel

MOST_SEQUENCES = 4096.0
"""Sequences that one slice is taken to schedule at once where its memory would hold more."""


@of_numbers
@dataclass(frozen=True)
class Overheads:
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
    on_chip_bytes: Number = 0.0  # of one chip; 0 where they are not public
    pinned_bytes: Number = 0.0  # weights that one chip keeps on chip instead of reading
    watts_factor: Number = 1.0
    usd_factor: Number = 1.0
    recorded: RecordedPhases | None = None  # what a strategy did besides

    @property
    def chips(self) -> Number:
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


def value_at(record: object, path: str) -> Number:
    """The number at a dotted `path` of a record's fields."""
    return reduce(getattr, path.split("."), record)


def with_value(record: Numbers, path: str, value: Number) -> Numbers:
    name, _, rest = path.partition(".")
    new = with_value(getattr(record, name), rest, value) if rest else value
    return replace(record, **{name: new})  # type: ignore[type-var]


def with_lengths(point: Point, **lengths: Number) -> Point:
    """The same with other `lengths`, such as prompts together."""
    return replace(point, lengths=replace(point.lengths, **lengths))


def with_shape(point: Point, **sizes: Number) -> Point:
    return replace(point, shape=replace(point.shape, **sizes))


def batch_sizes(point: Point, most: float = MOST_SEQUENCES) -> list[float]:
    """Prompts together: the powers of two whose attempts are at most so many sequences."""
    prompts = max(most / float(point.lengths.attempts), 1.0)
    return [2.0**n for n in range(int(np.log2(prompts)) + 1)]


def memory_full(point: Point) -> Point:
    """The same at the largest batch that fits, not rounded to whole sequences, at most
    MOST_SEQUENCES: what throughput a chip reaches. Capacity counts through it."""
    memory = held(point)
    room = arrays.maximum(memory.available_bytes - memory.weight_bytes, 0.0)
    copies = point.spread.split.copies
    sequences = arrays.minimum(room / memory.kv_bytes_per_sequence * copies, MOST_SEQUENCES)
    return with_lengths(point, prompts=sequences / point.lengths.attempts)


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
    power = design_power_of(chip)
    watts = calibration.design_watts(power) if power else np.full(calibration.draws, np.nan)
    return Draws(
        efficiency=calibration.efficiency(chip.name, chip.kind, stack),
        prefill=calibration.residuals("prefill", chip.name, stack),
        decode=calibration.residuals("decode", chip.name, stack),
        energy=calibration.residuals("energy", chip.name, stack),
        watts=watts,
        power=calibration.power_shares(),
    )


def ideal_draws(calibration: Calibration, chip: Chip, _: str | None) -> Draws:
    """The bare roofline: datasheet figures reached and power at the mode, in every draw."""
    draws = draws_of(calibration, chip, None)
    mode = mapped(lambda leaf: np.full_like(leaf, leaf[0]), draws)
    ones = np.ones_like(draws.prefill)
    ideal = mapped(lambda leaf: leaf * ones, IDEAL)
    return replace(mode, efficiency=ideal, prefill=ones, decode=ones, energy=ones)


def summary_or_none(values: np.ndarray) -> Interval | None:
    """Median and 80 % interval of values [draws]; None where they are not known."""
    return summary(values) if np.isfinite(values).all() else None


@dataclass(frozen=True)
class HardwareParameter:
    """A number of a point's chip, or of a stack's overheads (a factor of the stack's own), that can
    be multiplied."""

    name: str
    words: str
    unit: str
    path: str  # in a point
    rises: float = 1.0  # sign of an improvement: +1 more is better, -1 less is

    def value(self, point: Point) -> Number:
        return value_at(point, self.path)

    def apply(self, point: Point, factor: Number) -> Point:
        """`point` with the parameter multiplied; bytes added to the on-chip memory keep weights
        from being read."""
        if self.name == ON_CHIP:
            added = point.on_chip_bytes * (factor - 1.0)
            return replace(point, pinned_bytes=point.pinned_bytes + added)
        return with_value(point, self.path, self.value(point) * factor)


ON_CHIP, TILE = "on_chip_capacity", "matrix_tile"
_ROWS = (
    ("matrix_flops", "matrix FLOP/s", "FLOP/s", "hardware.matmul_flops"),
    ("hbm_bandwidth", "HBM bandwidth", "B/s", "hardware.memory_bandwidth"),
    ("hbm_capacity", "HBM capacity", "B", "hardware.memory_bytes"),
    ("on_chip_bandwidth", "on-chip bandwidth", "B/s", "hardware.on_chip_bandwidth"),
    ("link_bandwidth", "link bandwidth", "B/s", "hardware.link_bandwidth"),
    ("link_latency", "link latency", "s", "hardware.hop_s", -1.0),
    ("kernel_overhead", "kernel overhead", "1", "overheads.kernel", -1.0),
    ("collective_overhead", "collective overhead", "1", "overheads.collective", -1.0),
    ("host_overhead", "host overhead", "1", "overheads.host", -1.0),
    (ON_CHIP, "on-chip capacity", "B", "on_chip_bytes"),
    (TILE, "matrix unit's side", "1", "hardware.tile"),
)
PARAMETERS: Mapping[str, HardwareParameter] = {row[0]: HardwareParameter(*row) for row in _ROWS}
"""By name; in all but the tile time has a derivative."""


def modelled(on_slice: Slice) -> list[str]:
    """Parameters whose change the time model knows of, on this slice's chip; the tile aside."""
    on_chip = on_slice.chip.on_chip_memory
    unknown = {TILE}
    if on_chip is None or on_chip.bandwidth is None:
        unknown.add("on_chip_bandwidth")
    if on_chip is None:
        unknown.add(ON_CHIP)
    return [name for name in PARAMETERS if name not in unknown]


def scaled(point: Point, factors: Mapping[str, Number], costs: CostModel) -> Point:
    """`point` with each parameter multiplied; power and price follow by `costs`."""
    changed = point
    for name, factor in factors.items():
        changed = PARAMETERS[name].apply(changed, factor)
    watts, usd = costs.factors(factors)
    return replace(
        changed, watts_factor=point.watts_factor * watts, usd_factor=point.usd_factor * usd
    )


def facts(point: Point, on_slice: Slice) -> list[Parameter]:
    """Every parameter with what it is before any change; None where that is not public."""
    public = {*modelled(on_slice), *([TILE] if float(point.hardware.tile) > 1 else [])}
    return [
        Parameter(
            name=name,
            words=parameter.words,
            unit=parameter.unit,
            value=(float(parameter.value(point)) or None) if name in public else None,
            step=2.0 if name == TILE else None,
        )
        for name, parameter in PARAMETERS.items()
    ]
