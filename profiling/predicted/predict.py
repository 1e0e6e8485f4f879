"""A query and its prediction: phases of a workload on a slice, with time, energy, money and fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...model.architecture import DTYPE_BITS, ModelShape, dtype_bytes
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..records.base import Interval
from ..records.prediction import MOST_SEQUENCES, MOST_TOKENS, MemoryFit, PredictedPhase, Prediction
from .arrays import Number, mapped, with_last_axis
from .attention_work import Capacity, capacity
from .calibration import Calibration, default_calibration
from .collectives import ONE_CHIP, Parallelism, kv_shards, require_parallelism
from .economics import Terms as EconomicsRequest
from .economics import economics_of
from .energy import design_power_of
from .hardware import IDEAL, Efficiency, Hardware, hardware_of
from .model_shape import NamedShape
from .phase_lengths import (
    PHASES,
    SAME_LENGTH,
    LengthDistribution,
    Lengths,
    LogNormal,
    PhaseSteps,
    phase_steps,
)
from .phase_terms import RESOURCES
from .step_work import Spread, spread_over
from .time_model import Terms, bound, step_terms
from .work import Widths, Work

LOW, HIGH = 0.1, 0.9
DATASHEET_ONLY = "datasheet figures alone"


@dataclass(frozen=True)
class PredictionRequest:
    """A model, its lengths, how it is held and what it costs: to be predicted on any slice."""

    model: NamedShape
    lengths: Lengths  # of one batch
    batches: float = 1.0  # one after another
    think_variation: float = 0.0  # standard deviation over mean of thought lengths
    weight_dtype: str = "bfloat16"
    kv_dtype: str | None = None  # None: bfloat16, or the weights' where these are float32
    matmul_dtype: str | None = None  # None: what suits the chip
    split: Parallelism | None = None  # None: what suits the slice
    stack: str | None = None
    ideal: bool = False
    terms: EconomicsRequest = field(default_factory=EconomicsRequest)


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
        return Widths(*(_width(d) for d in (self.weight_dtype, self.kv_dtype, self.matmul_dtype)))

    @cached_property
    def hardware(self) -> Hardware:
        """The rates of one chip for the operands' dtype."""
        return hardware_of(self.slice.chip, self.matmul_dtype)

    @cached_property
    def spread(self) -> Spread:
        """The mesh on the slice's links."""
        return spread_over(self.slice, self.split)

    @property
    def distribution(self) -> LengthDistribution:
        """Of the lengths of thoughts."""
        varied = self.think_variation > 0 and self.lengths.think_tokens > 1
        return LogNormal(self.think_variation) if varied else SAME_LENGTH

    @property
    def cautions(self) -> list[str]:
        """A sentence for what was stated and may not be what is meant."""
        sentences = [self.slice.caution] if self.slice.caution else []
        tokens = self.lengths.longest_context + 1
        context = self.model.context_length
        if context is not None and tokens > context:
            sentences.append(
                f"{self.model.name} has a context of {context:,} tokens: prompt, thought "
                f"and answer are {tokens:,.0f} tokens, longer than it was made to read."
            )
        return sentences

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


def predict(
    query: Query,
    calibration: Calibration | None = None,
    phases_made: Mapping[str, PhaseWork] | None = None,
) -> Prediction:
    """Time, energy, money and fit of all batches of the query; of `phases_made` by a whole run,
    where one is known, which the query's lengths then only describe.

    Raises ProfileInputError for a mesh that does not suit, lengths that are none, what does not fit
    the slice's memory, and economic terms that are not known; ChipInputError for a dtype.
    """
    _require_lengths(query.lengths)
    shape, chip = query.shape, query.slice.chip
    require_parallelism(query.split, query.slice, int(shape.layers), int(shape.query_heads))
    fit = memory_fit(query)
    calibrated = calibration or default_calibration()
    phases, seconds, joules = _phases(query, calibrated, phases_made)
    times = query.batches if phases_made is None else 1.0
    power = design_power_of(chip)
    same = ("stack", "ideal", "weight_dtype", "kv_dtype", "batches", "think_variation")
    prediction = Prediction(
        **{name: getattr(query, name) for name in same},
        model=query.model.name,
        slice=query.slice.name,
        chip=chip.name,
        chips=query.slice.chips,
        parallelism=str(query.split),
        basis=query.basis(calibrated),
        parallelism_reason=query.mesh_reason,
        chip_confidence=chip.confidence,
        energy_basis=power.basis if power else "",
        matmul_dtype=chip.peak_flops(query.matmul_dtype).dtype,
        **vars(mapped(float, query.lengths)),
        phases=[_repeated(phase, times) for phase in phases],
        time_s=interval(seconds) * times,
        energy_j=None if joules is None else interval(joules) * times,
        fit=fit,
        cautions=query.cautions,
    )
    economics = economics_of(prediction, chip, query.terms)
    return prediction.model_copy(update={"economics": economics})


def _phases(
    query: Query, calibration: Calibration, phases_made: Mapping[str, PhaseWork] | None
) -> tuple[list[PredictedPhase], np.ndarray, np.ndarray | None]:
    """The phases in their order, and seconds and joules of all together, for each draw. The
    unexplained part is one for all phases of a group: a slower stack is slower throughout."""
    chip = query.slice.chip
    efficiency = IDEAL if query.ideal else calibration.efficiency(chip.name, chip.kind, query.stack)
    works = phases_made or phases_by_lengths(query)
    phases, seconds, joules = [], [], []
    for name, work in works.items():
        terms = phase_terms(work.steps, query.hardware, efficiency, query.widths.narrowing)
        factor = 1.0 if query.ideal else calibration.residuals(work.group, chip.name, query.stack)
        time_s = np.atleast_1d(terms.time_s) * factor
        whole = _whole(work.steps, query.split)
        energy_j = calibration.joules(query.slice, query.hardware, whole, time_s, query.stack)
        if query.ideal and energy_j is not None:
            energy_j = energy_j[:1]
        seconds.append(time_s)
        joules.append(energy_j)
        phases.append(_phase(name, query, work, terms, efficiency, time_s, energy_j))
    whole_j = [joule for joule in joules if joule is not None]
    unknown = len(whole_j) < len(joules)
    return phases, np.sum(seconds, axis=0), None if unknown else np.sum(whole_j, axis=0)


def phases_by_lengths(query: Query) -> dict[str, PhaseWork]:
    """Prefill, think and answer of the query's lengths."""
    lengths = query.lengths
    tile = 1.0 if query.ideal else query.hardware.tile
    steps = phase_steps(query.shape, lengths, query.widths, query.spread, tile, query.distribution)
    tokens = (
        lengths.prompts * lengths.prompt_tokens,
        lengths.sequences * lengths.think_tokens,
        lengths.sequences * lengths.answer_tokens,
    )
    groups = ("prefill", "decode", "decode")
    rows = zip(PHASES, tokens, groups, strict=True)
    return {name: PhaseWork(steps[name], float(count), group) for name, count, group in rows}


def phase_terms(
    steps: PhaseSteps, hardware: Hardware, efficiency: Efficiency, narrowing: Number
) -> Terms:
    """Terms of a whole phase, at many points at once (draws of an efficiency, chips, models):
    `hardware`, `efficiency` and `narrowing` are [...], `steps` have one axis more."""
    rates, reached = mapped(with_last_axis, hardware), mapped(with_last_axis, efficiency)
    terms = step_terms(steps.work, rates, reached, with_last_axis(narrowing))
    return mapped(lambda leaf: (leaf * steps.steps).sum(axis=-1), terms)


def held_by_a_chip(query: Query) -> Capacity:
    """What each chip of the query's mesh holds at the end of its longest attempt."""
    lengths, chip = query.lengths, query.slice.chip
    return capacity(
        query.shape, query.widths, query.split, chip.hbm_capacity_bytes, lengths.sequences,
        lengths.longest_context - lengths.prompt_tokens, lengths.prompt_tokens, lengths.attempts,
    )  # fmt: skip


def memory_fit(query: Query) -> MemoryFit:
    """What a chip must hold; ProfileInputError says by how much it does not."""
    held = held_by_a_chip(query)
    if held.left_bytes < 0:
        raise ProfileInputError(_does_not_fit(query, held))
    return MemoryFit(
        weight_bytes=float(held.weight_bytes),
        kv_bytes=float(held.kv_bytes),
        available_bytes=float(held.available_bytes),
        largest_batch=int(held.largest_batch),
        kv_copies=float(query.split.tensor / kv_shards(query.shape, query.split)),
    )


def interval(draws: np.ndarray) -> Interval:
    """Median and 80 % interval of draws."""
    low, median, high = np.quantile(draws, (LOW, 0.5, HIGH))
    return Interval(median=float(median), low=float(low), high=float(high))


def _phase(
    name: str, query: Query, work: PhaseWork, terms: Terms, efficiency: Efficiency,
    time_s: np.ndarray, energy_j: np.ndarray | None,
) -> PredictedPhase:  # fmt: skip
    mode = mapped(lambda leaf: float(np.atleast_1d(leaf)[0]), terms)
    steps, whole = work.steps, _whole(work.steps, query.split)
    return PredictedPhase(
        phase=name,
        tokens=work.tokens,
        steps=float(np.sum(steps.steps)),
        time_s=interval(time_s),
        energy_j=None if energy_j is None else interval(energy_j),
        bound=bound(mode),
        **{f"{resource}_s": getattr(mode, f"{resource}_s") for resource in RESOURCES},
        sequence_overhead_s=_sequence_overhead_s(steps, efficiency),
        flops=float(whole.flops),
        memory_bytes=float(whole.memory_bytes),
        link_bytes=float((steps.work.link_bytes * steps.steps).sum()),
    )


_EXTENSIVE = tuple(
    name for name in PredictedPhase.model_fields if name not in ("phase", "bound", "energy_j")
)


def _repeated(phase: PredictedPhase, times: float) -> PredictedPhase:
    """The phase of so many batches, one after another."""
    scaled = {name: getattr(phase, name) * times for name in _EXTENSIVE}
    energy_j = phase.energy_j * times if phase.energy_j else None
    return phase.model_copy(update=scaled | {"energy_j": energy_j})


def _sequence_overhead_s(steps: PhaseSteps, efficiency: Efficiency) -> float:
    """Seconds at the mode that sequences and routed tokens add, however many share a step."""
    pairs = (
        (steps.work.sequences, efficiency.sequence_s),
        (steps.work.routed, efficiency.routed_s),
    )
    return sum(
        float(np.sum(np.asarray(amount * steps.steps))) * float(np.atleast_1d(each_s)[0])
        for amount, each_s in pairs
    )


def _whole(steps: PhaseSteps, split: Parallelism) -> Work:
    """Work of all chips over all steps; a pipeline's chain is in each chip's work already."""
    copies = split.chips / split.pipeline
    return mapped(lambda leaf: (leaf * steps.steps).sum(axis=-1) * copies, steps.work)


def _width(dtype: str) -> float:
    if dtype not in DTYPE_BITS:
        names = ", ".join(DTYPE_BITS)
        raise ProfileInputError(f"unknown dtype {dtype!r}: expected one of {names}")
    return dtype_bytes(dtype)


_LENGTHS = {
    "prompts": (1, MOST_SEQUENCES), "attempts": (1, MOST_SEQUENCES),
    "prompt_tokens": (1, MOST_TOKENS), "think_tokens": (0, MOST_TOKENS),
    "answer_tokens": (1, MOST_TOKENS),
}  # fmt: skip
"""Least and most of each."""


def _require_lengths(lengths: Lengths) -> None:
    for name, (least, most) in _LENGTHS.items():
        length = getattr(lengths, name)
        if not least <= length <= most:
            what = name.replace("_", " ")
            raise ProfileInputError(f"{what} is {length:g}, expected {least} to {most:,}")


def _does_not_fit(query: Query, held: Capacity) -> str:
    most = int(held.largest_batch)
    sizes = (held.weight_bytes + held.kv_bytes, held.weight_bytes, held.available_bytes)
    needed, weights, available = (f"{float(size) / 1e9:.1f} GB" for size in sizes)
    text = (
        f"{query.model.name} does not fit {query.slice.name}: a chip would hold {needed} "
        f"({weights} of weights) of {available}"
    )
    if most >= 1:
        return f"{text}; the largest batch that fits is {most} sequences of these lengths"
    return f"{text}; take more chips, a narrower dtype or more tensor shards"
