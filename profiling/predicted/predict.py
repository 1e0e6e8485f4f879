"""The prediction of a query: phases of a workload on a slice, with time, energy, money and fit."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...model.architecture import dtype_bytes
from ...model.phases import PREFILL, THINK
from ..errors import ProfileInputError
from ..records.base import Interval
from ..records.prediction import (
    MOST_SEQUENCES,
    MOST_TOKENS,
    Drafted,
    MemoryFit,
    PredictedPhase,
    Prediction,
)
from .arrays import Number, mapped, with_last_axis
from .calibration import Calibration, default_calibration
from .draws import interval
from .economics import economics_of
from .energy import design_power_of
from .phase_lengths import Lengths, PhaseSteps
from .phase_terms import RESOURCES
from .query import PhaseWork, Query, phases_by_lengths
from .step.attention_work import Capacity, both_held, capacity
from .step.collectives import Parallelism, kv_shards
from .step.hardware import IDEAL, Efficiency, Hardware
from .step.time_model import Terms, bound, step_terms
from .step.work import Work


def predict(
    query: Query,
    calibration: Calibration | None = None,
    phases_made: Mapping[str, PhaseWork] | None = None,
) -> Prediction:
    """Time, energy, money and fit of all batches of the query; of `phases_made` by a whole run,
    where one is known, which the query's lengths then only describe.

    Its mesh is one that suits (`slices.query_of` sees to it). Raises ProfileInputError for lengths
    that are none, what does not fit the slice's memory, and economic terms that are not known;
    ChipInputError for a dtype.
    """
    _require_lengths(query.lengths)
    chip = query.slice.chip
    fit = memory_fit(query)
    calibrated = calibration or default_calibration()
    works = phases_made or phases_by_lengths(query)
    phases, seconds, joules, bare_s = _phases(query, calibrated, works)
    times = query.batches if phases_made is None else 1.0
    power = design_power_of(chip)
    same = ("stack", "ideal", "weight_dtype", "kv_dtype", "batches", "think_variation")
    waits = {} if phases_made else _request_times(query, calibrated, bare_s)
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
        speculation=_drafted(query),
        prefill_chunk=query.prefill_chunk,
        concurrency=query.concurrency,
    )
    economics = economics_of(prediction, chip, query.terms)
    return prediction.model_copy(update=waits | {"economics": economics})


def _phases(
    query: Query, calibration: Calibration, works: Mapping[str, PhaseWork]
) -> tuple[list[PredictedPhase], np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    """The phases in their order, seconds and joules of all together, and the seconds of each
    without the unexplained part, for each draw. That part is one for all phases of a group: a
    slower stack is slower throughout."""
    efficiency = _efficiency(query, calibration)
    phases, seconds, joules = [], [], []
    bare_s: dict[str, np.ndarray] = {}
    for name, work in works.items():
        terms = phase_terms(work.steps, query.hardware, efficiency, query.widths.narrowing)
        factor = _unexplained(query, calibration, work.group)
        bare_s[name] = np.atleast_1d(terms.time_s)
        time_s = bare_s[name] * factor
        whole = _whole(work.steps, query.split)
        energy_j = calibration.joules(query.slice, query.hardware, whole, time_s, query.stack)
        if query.ideal and energy_j is not None:
            energy_j = energy_j[:1]
        seconds.append(time_s)
        joules.append(energy_j)
        phases.append(_phase(name, work, whole, terms, efficiency, time_s, energy_j))
    whole_j = [joule for joule in joules if joule is not None]
    unknown = len(whole_j) < len(joules)
    summed_j = None if unknown else np.sum(whole_j, axis=0)
    return phases, np.sum(seconds, axis=0), summed_j, bare_s


def modal_s(query: Query) -> float:
    """Seconds of one batch of the query at the calibration's mode, which meshes are chosen by."""
    drawn = _efficiency(query, default_calibration())
    mode = mapped(lambda leaf: np.atleast_1d(leaf)[0], drawn)
    rates = (query.hardware, mode, query.widths.narrowing)
    works = phases_by_lengths(query).values()
    return sum(float(phase_terms(work.steps, *rates).time_s) for work in works)


def think_speed_up(query: Query) -> Interval:
    """Time of thinking plainly over that with the query's drafts, on the same draws: what the fit
    leaves unexplained is in both."""
    efficiency = _efficiency(query, default_calibration())
    rates = (query.hardware, efficiency, query.widths.narrowing)
    drafted_s, plain_s = (
        np.atleast_1d(phase_terms(phases_by_lengths(one)[THINK].steps, *rates).time_s)
        for one in (query, replace(query, speculation=None))
    )
    return interval(plain_s / drafted_s)


def _efficiency(query: Query, calibration: Calibration) -> Efficiency:
    chip = query.slice.chip
    return IDEAL if query.ideal else calibration.efficiency(chip.name, chip.kind, query.stack)


def _unexplained(query: Query, calibration: Calibration, group: str) -> np.ndarray | float:
    """Factors [draws] of a time of that group; one where nothing but the datasheet counts."""
    if query.ideal:
        return 1.0
    return calibration.residuals(group, query.slice.chip.name, query.stack)


def _request_times(
    query: Query, calibration: Calibration, bare_s: Mapping[str, np.ndarray]
) -> dict[str, Interval]:
    """Fields of a Prediction: what a request waits for its first token, and for each further one.
    Of a batch, until all its prompts are read, and its mean step."""
    decoding_s = sum(time_s for name, time_s in bare_s.items() if name != PREFILL)
    tokens = query.decoded_tokens
    if query.concurrency is None:
        waits = {"ttft_s": _drawn(query, calibration, bare_s[PREFILL], "prefill")}
        if tokens > 0:
            waits["tpot_s"] = _drawn(query, calibration, decoding_s / tokens, "decode")
        return waits
    from .serving import loop_times, running_batch

    held = float(query.lengths.prompts)
    loop = (query.concurrency, held, float(query.split.copies), tokens)
    each_s = (decoding_s / tokens, bare_s[PREFILL] / held)
    ttft_s, tpot_s, queue_s = loop_times(*loop, *each_s, _efficiency(query, calibration))
    return {
        "ttft_s": _drawn(query, calibration, ttft_s, "ttft"),
        "tpot_s": _drawn(query, calibration, tpot_s, "tpot"),
        "queue_s": _drawn(query, calibration, queue_s, "ttft"),
        "running": interval(running_batch(query.concurrency, ttft_s, tpot_s, tokens)),
    }


def _drawn(query: Query, calibration: Calibration, bare_s: Number, group: str) -> Interval:
    """With what the fit leaves unexplained of times of such a group."""
    return interval(bare_s * _unexplained(query, calibration, group))


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
    rest = (
        query.widths, query.split, chip.hbm_capacity_bytes, lengths.sequences,
        lengths.longest_context - lengths.prompt_tokens, lengths.prompt_tokens, lengths.attempts,
    )  # fmt: skip
    held = capacity(query.shape, *rest)
    draft = query.speculation.draft.resident if query.speculation else None
    return held if draft is None else both_held(held, capacity(draft, *rest), query.split.copies)


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


def _phase(
    name: str, work: PhaseWork, whole: Work, terms: Terms, efficiency: Efficiency,
    time_s: np.ndarray, energy_j: np.ndarray | None,
) -> PredictedPhase:  # fmt: skip
    mode = mapped(lambda leaf: float(np.atleast_1d(leaf)[0]), terms)
    steps = work.steps
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
    if times == 1:
        return phase
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


def _drafted(query: Query) -> Drafted | None:
    drafts = query.speculation
    if drafts is None:
        return None
    return Drafted(
        draft=drafts.draft.name, drafts=drafts.drafts, accepted_tokens=drafts.accepted_tokens
    )


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
    if not 0 <= lengths.prefix_tokens <= lengths.prompt_tokens - 1:
        raise ProfileInputError(
            f"{lengths.prefix_tokens:g} of the {lengths.prompt_tokens:g} tokens of a prompt are "
            "cached, expected fewer: its last one is always read"
        )


def _does_not_fit(query: Query, held: Capacity) -> str:
    most = int(held.largest_batch)
    sizes = (held.weight_bytes + held.kv_bytes, held.weight_bytes, held.available_bytes)
    needed, weights, available = (f"{float(size) / 1e9:.1f} GB" for size in sizes)
    drafts = query.speculation
    beside = f" with its draft {drafts.draft.name}" if drafts and drafts.draft.resident else ""
    text = (
        f"{query.model.name}{beside} does not fit {query.slice.name}: a chip would hold {needed} "
        f"({weights} of weights) of {available}"
    )
    if most >= 1:
        return f"{text}; the largest batch that fits is {most} sequences of these lengths"
    narrower = _narrower_that_fits(query)
    narrow = f"`--dtype {narrower}` would fit, or " if narrower else ""
    return f"{text}; {narrow}take more chips or more tensor shards"


def _narrower_that_fits(query: Query) -> str | None:
    """The widest dtype for weights, below theirs, in which the query fits on its mesh: in floating
    point where the chip has a peak for 8 bits of it, else integers."""
    eighths = ("fp8", "fp4") if query.slice.chip.peak.fp8 else ("int8", "int4")
    for dtype in ("bfloat16", *eighths):
        narrower = dtype_bytes(dtype) < dtype_bytes(query.weight_dtype)
        if narrower and held_by_a_chip(replace(query, weight_dtype=dtype)).left_bytes >= 0:
            return dtype
    return None
