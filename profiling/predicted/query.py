"""A query: a model, its lengths and how it is held on a slice, and the steps that it takes.

Drafts, chunks of prompts and requests in flight are terms of a query that few have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from ...model.architecture import ModelShape
from ...model.phases import PREFILL
from ...tpu_configs.slice import Slice
from .arrays import Number
from .calibration import Calibration
from .economics import Terms as EconomicsRequest
from .model_shape import NamedShape
from .phase_lengths import (
    PHASES,
    SAME_LENGTH,
    LengthDistribution,
    Lengths,
    LogNormal,
    Observed,
    PhaseSteps,
    chunked_prefill_steps,
    decode_steps,
    decoded_tokens,
    prefill_steps,
)
from .step.collectives import ONE_CHIP, Parallelism
from .step.hardware import Hardware, hardware_of, widths_of
from .step.step_work import Spread, spread_over
from .step.work import Widths

if TYPE_CHECKING:
    from .speculative import Speculation

DATASHEET_ONLY = "datasheet figures alone"


@dataclass(frozen=True)
class PredictionRequest:
    """A model, its lengths, how it is held and what it costs: to be predicted on any slice."""

    model: NamedShape
    lengths: Lengths  # of one batch
    batches: float = 1.0  # one after another
    think_variation: float = 0.0  # standard deviation over mean of thought lengths
    thoughts: tuple[int, ...] = ()  # their lengths where they were made; else log-normal
    weight_dtype: str = "bfloat16"
    kv_dtype: str | None = None  # None: bfloat16, or the weights' where these are float32
    matmul_dtype: str | None = None  # None: what suits the chip
    split: Parallelism | None = None  # None: what suits the slice
    stack: str | None = None
    ideal: bool = False
    speculation: "Speculation | None" = None
    prefill_chunk: float | None = None  # tokens of prompts in one step; None: all at once
    concurrency: float | None = None  # prompts in flight, each followed by the next; None: a batch
    terms: EconomicsRequest = field(default_factory=EconomicsRequest)

    def of_thoughts(self, thoughts: Sequence[int]) -> "PredictionRequest":
        """The request for attempts whose thoughts had these lengths."""
        mean = fmean(thoughts)
        return replace(
            self,
            lengths=replace(self.lengths, think_tokens=mean),
            think_variation=pstdev(thoughts) / mean if mean else 0.0,
            thoughts=tuple(thoughts),
        )


@dataclass(frozen=True, kw_only=True)
class Query(PredictionRequest):
    """A request on a slice, all that was left open settled."""

    slice: Slice
    split: Parallelism = ONE_CHIP
    mesh_reason: str = ""
    kv_dtype: str = "bfloat16"
    matmul_dtype: str = "bfloat16"

    @property
    def shape(self) -> ModelShape:
        """What the model's steps read and compute."""
        return self.model.shape

    @property
    def widths(self) -> Widths:
        """Bytes of one element of each kind."""
        return widths_of(self.weight_dtype, self.kv_dtype, self.matmul_dtype)

    @cached_property
    def hardware(self) -> Hardware:
        """The rates of one chip for the operands' dtype."""
        return hardware_of(self.slice.chip, self.matmul_dtype)

    @cached_property
    def spread(self) -> Spread:
        """The mesh on the slice's links."""
        return spread_over(self.slice, self.split)

    @cached_property
    def distribution(self) -> LengthDistribution:
        """Of the lengths of thoughts."""
        varied = self.think_variation > 0 and self.lengths.think_tokens > 1
        if not varied or self.concurrency is not None:  # who has ended is followed by another
            return SAME_LENGTH
        if self.thoughts:  # the first token of each comes out of prefill
            return Observed.of([max(thought - 1, 0) for thought in self.thoughts])
        return LogNormal(self.think_variation)

    @property
    def decoded_tokens(self) -> float:
        """Those after the first of the attempt that ends last."""
        return decoded_tokens(self.lengths, self.distribution)

    @property
    def cautions(self) -> list[str]:
        """A sentence for what was stated and may not be what is meant."""
        sentences = [self.slice.caution] if self.slice.caution else []
        sentences += self._of_storage()
        tokens = self.lengths.longest_context + 1
        context = self.model.context_length
        if context is not None and tokens > context:
            sentences.append(
                f"{self.model.name} has a context of {context:,} tokens: prompt, thought "
                f"and answer are {tokens:,.0f} tokens, longer than it was made to read."
            )
        return sentences

    def _of_storage(self) -> list[str]:
        """Where its files are quantised, whether it is predicted so."""
        stored, published = self.model.stored, self.model.published_dtype
        if stored is not None:
            said = f"{self.model.name} is stored as {stored.words}"
            if stored.dtype == self.weight_dtype:
                return [f"{said}: all of it is predicted so, tables too, which files keep wider."]
            return [f"{said}, and predicted in {self.weight_dtype}."]
        if published in (None, self.weight_dtype):
            return []
        return [
            f"{self.model.name} is published in {published}: this is a prediction in "
            f"{self.weight_dtype}, --dtype {published} is of what is published."
        ]

    def basis(self, calibration: Calibration) -> str:
        """What a prediction of it stands on, in a sentence."""
        if self.ideal:
            return DATASHEET_ONLY
        return calibration.basis(self.slice.chip.name, self.slice.chip.kind, self.stack)


@dataclass(frozen=True)
class PhaseWork:
    """A phase by the steps it takes, and the tokens that it reads, thinks or answers."""

    steps: PhaseSteps
    tokens: float
    group: str  # whose unexplained part it has: 'prefill' reads many positions a step, or 'decode'


def phases_by_lengths(query: Query) -> dict[str, PhaseWork]:
    """Prefill, think and answer of the query's lengths; of requests in flight, those of a turn of
    the running batch: all that it decodes, and the prompts of those who follow, one by one."""
    lengths = query.lengths
    steps = _steps_by_lengths(query)
    tokens = (
        lengths.prompts * lengths.prompt_tokens,
        lengths.sequences * lengths.think_tokens,
        lengths.sequences * lengths.answer_tokens,
    )
    groups = ("prefill", "decode", "decode")
    rows = zip(PHASES, tokens, groups, strict=True)
    return {name: PhaseWork(steps[name], float(count), group) for name, count, group in rows}


def _steps_by_lengths(query: Query) -> dict[str, PhaseSteps]:
    shape, lengths, drafts = query.shape, query.lengths, query.speculation
    sizes = (query.widths, query.spread, 1.0 if query.ideal else query.hardware.tile)
    read = _prompts_read(query, *sizes)
    if drafts is None:
        decoded = decode_steps(shape, lengths, *sizes, query.distribution)
    else:
        from .speculative import speculative_steps, with_draft_prefill

        decoded = speculative_steps(drafts, shape, lengths, *sizes, query.distribution)
    if query.concurrency is not None and query.prefill_chunk is not None:
        from .serving import with_chunks_mixed_in

        taken = query.decoded_tokens / (1.0 if drafts is None else drafts.accepted_tokens)
        read, decoded = with_chunks_mixed_in(read, decoded, taken, lengths.prompts)
    if drafts is not None:
        read = with_draft_prefill(read, drafts.draft, lengths, *sizes)
    return {PREFILL: read} | decoded


def _prompts_read(query: Query, widths: Widths, spread: Spread, tile: Number) -> PhaseSteps:
    """The prompts together, or in chunks where these are stated; of requests in flight one by one
    on each copy of the weights."""
    lengths, chunk = query.lengths, query.prefill_chunk
    together = lengths.prompts if query.concurrency is None else float(spread.split.copies)
    sizes = (query.shape, replace(lengths, prompts=together), widths, spread, tile)
    read = prefill_steps(*sizes) if chunk is None else chunked_prefill_steps(*sizes, chunk)
    return PhaseSteps(read.work, read.steps * (lengths.prompts / together))
