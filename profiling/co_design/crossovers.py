"""Along a thought: where KV overtakes weights, where memory is full, where links overtake HBM.

Roofline: a chip's datasheet roofs and where each phase lies under them.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from ..predicted.arrays import Number, mapped
from ..predicted.hardware import Efficiency
from ..predicted.step_work import Load, Work, capacity, step_work
from ..predicted.time_model import BOUNDS, Terms, step_terms
from ..records.codesign import BoundMap, Roofline, RooflinePoint, ThoughtCrossovers
from .costs import Costs, by_resource, costs_of, whole_work
from .design_point import Point
from .workload_on_slice import WorkloadOnSlice

LONGEST = 1e7
MOST_BATCH = 1e6
CONTEXTS = tuple(float(round(128 * 2 ** (n / 2))) for n in range(21))  # 128 to 131072
BATCHES = tuple(float(2**n) for n in range(13))
TABLE_CONTEXTS = (1024, 4096, 16384, 65536)


def thought_crossovers(case: WorkloadOnSlice) -> ThoughtCrossovers:
    """For the case's batch, its attempts sharing each prompt, at the mode."""
    point, lengths = case.point, case.query.lengths
    sequences, end = float(lengths.sequences), float(lengths.longest_context)
    efficiency = mapped(lambda leaf: leaf[0], case.draws.efficiency)

    def kv_less_weights(context: float) -> float:
        work, _ = step_at(point, efficiency, sequences, context)
        return float(work.kv_bytes - work.weight_bytes)

    def full(context: float) -> float:
        return -float(left_bytes(point, sequences, context))

    def links_less_memory(batch: float) -> float:
        _, terms = step_at(point, efficiency, batch, end)
        return float(terms.links_s - terms.memory_s)

    kv_over = _root(kv_less_weights, 1.0, LONGEST)
    memory_full = _root(full, 1.0, LONGEST)
    links_over = _root(links_less_memory, 1.0, MOST_BATCH)
    table = {
        str(context): float(np.floor(_largest(point, float(context)))) for context in TABLE_CONTEXTS
    }
    return ThoughtCrossovers(
        batch=sequences,
        kv_over_weights_tokens=kv_over,
        memory_full_tokens=memory_full,
        links_over_memory_batch=links_over,
        largest_batch=table,
        sentences=_sentences(case, kv_over, memory_full, links_over),
    )


def bound_map(case: WorkloadOnSlice, attempts: float) -> BoundMap:
    """What bounds a decode step over contexts and batches, where `attempts` share each prompt."""
    point = case.point
    efficiency = mapped(lambda leaf: leaf[0], case.draws.efficiency)
    contexts, batches = np.meshgrid(np.array(CONTEXTS), np.array(BATCHES))
    sharers = np.minimum(attempts, batches)
    work, terms = step_at(point, efficiency, batches, contexts, sharers)
    terms = mapped(lambda leaf: np.broadcast_to(leaf, batches.shape), terms)
    names = np.array(BOUNDS)[by_resource(terms).argmax(0)]
    fits = np.asarray(left_bytes(point, batches, contexts, sharers)) >= 0
    share = np.asarray(work.kv_bytes / work.memory_bytes)
    return BoundMap(
        attempts=attempts,
        contexts=list(CONTEXTS),
        batches=list(BATCHES),
        bound=names.tolist(),
        fits=fits.tolist(),
        kv_share=np.round(share, 4).tolist(),
        step_s=np.asarray(terms.time_s, np.float64).tolist(),
    )


def step_at(
    point: Point,
    efficiency: Efficiency,
    sequences: Number,
    context: Number,
    sharers: Number | None = None,
) -> tuple[Work, Terms]:
    """One decode step of `sequences` that have `context` tokens, the prompt's part shared."""
    load = _load(point, sequences, context, sharers)
    work = step_work(point.shape, load, point.widths, point.spread, point.hardware.tile)
    return work, step_terms(work, point.hardware, efficiency, point.widths.narrowing)


def left_bytes(
    point: Point, sequences: Number, context: Number, sharers: Number | None = None
) -> Number:
    """What one chip's memory has left with so many sequences of `context` tokens."""
    load = _load(point, sequences, context, sharers)
    return capacity(
        point.shape, point.widths, point.spread.split, point.hardware.memory_bytes,
        sequences, load.own_context, load.shared_context, load.sharers,
    ).left_bytes  # fmt: skip


def _load(point: Point, sequences: Number, context: Number, sharers: Number | None) -> Load:
    shared = np.minimum(point.lengths.prompt_tokens, context)
    among = point.lengths.attempts if sharers is None else sharers
    return Load(sequences, 1.0, context - shared, shared, among, 1.0)


def _largest(point: Point, context: float) -> float:
    """Sequences that fill the memory at this context."""
    room = float(left_bytes(point, 0.0, context))
    a_sequence = room - float(left_bytes(point, 1.0, context))
    return max(room, 0.0) / a_sequence


def _root(gap: Callable[[float], float], low: float, high: float) -> float | None:
    """Where `gap`, negative at first, becomes positive; None where it does not; `low` where it is
    positive there already."""
    if gap(low) >= 0:
        return low
    if gap(high) < 0:
        return None
    return float(np.exp(brentq(lambda x: gap(float(np.exp(x))), np.log(low), np.log(high))))


def _sentences(
    case: WorkloadOnSlice, kv_over: float | None, full: float | None, links_over: float | None
) -> list[str]:
    sequences = float(case.query.lengths.sequences)
    where = f"on {case.slice.name}"
    sentences = []
    if kv_over is None:
        sentences.append(f"{sequences:.0f} sequences {where} never read more KV than weights.")
    else:
        sentences.append(
            f"From a context of {kv_over:,.0f} tokens on, {sequences:.0f} sequences {where} read "
            "more KV than weights."
        )
    if full is not None:
        sentences.append(
            f"At a context of {full:,.0f} tokens {sequences:.0f} sequences {where} fill the HBM."
        )
    if links_over is not None:
        sentences.append(
            f"From {links_over:,.0f} sequences on, links {where} take longer than HBM at the full "
            "context."
        )
    elif case.slice.chips > 1:
        sentences.append(f"Links {where} never take longer than HBM at the full context.")
    return sentences


def roofline(case: WorkloadOnSlice) -> Roofline:
    """The roofs of the case's chip, its phases under them."""
    chip = case.slice.chip
    peak = chip.peak_flops(case.query.matmul_dtype)
    return Roofline(
        chip=chip.name,
        peak_flops=peak.flop_per_s,
        peak_dtype=peak.dtype,
        memory_bandwidth=chip.hbm_bandwidth,
        ridge=chip.ridge(case.query.matmul_dtype),
        points=roofline_points(case, case.point),
    )


def roofline_points(case: WorkloadOnSlice, point: Point) -> list[RooflinePoint]:
    """Each phase that the workload has and that computes anything, at the median."""
    result = costs_of(point, case.draws)
    return [
        _point(phase, i, result, point)
        for i, phase in case.worked
        if float(np.asarray(result.work.flops)[i].real) > 0
    ]


def _point(phase: str, index: int, costs: Costs, point: Point) -> RooflinePoint:
    whole = whole_work(point, costs.work)
    flops = float(np.asarray(whole.flops)[index])
    moved = float(np.asarray(whole.memory_bytes)[index])
    seconds = float(np.median(np.asarray(costs.time_s)[index]))
    return RooflinePoint(
        phase=phase,
        intensity=flops / moved,
        flops_per_s=flops / seconds / float(point.chips),
    )
