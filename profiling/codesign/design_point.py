"""Point: one design, all of it numbers: a model's shape, a chip, how it is spread and the load."""

from dataclasses import dataclass, field, replace

from ...model.architecture import ModelShape
from ..predicted import arrays
from ..predicted.arrays import Number, of_numbers
from ..predicted.hardware import Hardware
from ..predicted.memory import Capacity, capacity
from ..predicted.phases import LengthDistribution, Lengths, SameLength
from ..predicted.step_work import Spread, Widths

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


def memory_full(point: Point) -> Point:
    """The same at the largest batch that fits, not rounded to whole sequences, at most
    MOST_SEQUENCES: what throughput a chip reaches. Capacity counts through it."""
    memory = held(point)
    room = arrays.maximum(memory.available_bytes - memory.weight_bytes, 0.0)
    copies = point.spread.split.data * point.spread.split.expert
    sequences = arrays.minimum(room / memory.kv_bytes_per_sequence * copies, MOST_SEQUENCES)
    return with_prompts(point, sequences / point.lengths.attempts)
