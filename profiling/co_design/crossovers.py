"""What limits a case, and what more of each resource is worth.

Along a thought: where KV overtakes weights, where memory is full, where links overtake HBM.

Roofline: a chip's datasheet roofs and where each phase lies under them.

Elasticities: d log(time, joules, dollars) / d log(parameter), exact derivatives for each draw. As
run, the batch is the workload's and capacity counts for nothing. With memory full the batch is the
largest that fits and amounts are per query, so that capacity counts through the batch. Joules and
dollars follow the changed part's watts and price by the cost model. All rates up by a factor and
all latencies and overheads down by it divides time by it: time's elasticities by rates, less those
by latencies and overheads, sum to -1.

Flips: how much more of a phase's scarcest resource until another one is the scarcest.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.optimize import brentq

from ..predicted.arrays import Number, mapped
from ..predicted.step.attention_work import capacity
from ..predicted.step.hardware import Efficiency
from ..predicted.step.step_work import step_work
from ..predicted.step.time_model import BOUNDS, Terms, step_terms
from ..predicted.step.work import Load, Work
from ..records import base
from ..records.codesign import (
    BoundFlip,
    BoundMap,
    Elasticity,
    Regime,
    Roofline,
    RooflinePoint,
    ThoughtCrossovers,
)
from ..records.prediction import PredictedBound
from .costs import (
    QUANTITIES,
    QUERY,
    Logs,
    bounds_of,
    by_resource,
    costs_of,
    logs_of,
    ratio,
    terms_of,
    whole_work,
    work_steps,
)
from .design_point import (
    PARAMETERS,
    TILE,
    HardwareParameter,
    Point,
    memory_full,
    modelled,
    scaled,
    summary,
    summary_or_none,
)
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
    where = f"on {case.slice.name}"
    many = f"{float(case.query.lengths.sequences):.0f} sequences {where}"

    def at(tokens: float) -> str:
        trained = case.request.model.context_length
        beyond = trained is not None and tokens > trained
        return f"{tokens:,.0f} tokens" + (f" (trained for {trained:,})" if beyond else "")

    if kv_over is None:
        sentences = [f"{many} never read more KV than weights."]
    elif kv_over <= 1:
        sentences = [f"{many} read more KV than weights at any context."]
    else:
        sentences = [f"From a context of {at(kv_over)} on, {many} read more KV than weights."]
    if full is not None:
        sentences.append(f"At a context of {at(full)} {many} fill the HBM.")
    if links_over is not None:
        since = f"From {links_over:,.0f} sequences on" if links_over > 1 else "At any batch"
        sentences.append(f"{since}, links {where} take longer than HBM at the full context.")
    elif case.slice.chips > 1:
        sentences.append(f"Links {where} never take longer than HBM at the full context.")
    return sentences


def roofline(case: WorkloadOnSlice) -> Roofline:
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
    costs = costs_of(point, case.draws)
    whole, seconds = whole_work(point, costs.work), np.median(costs.time_s, axis=1)
    return [
        RooflinePoint(
            phase=phase,
            intensity=float(whole.flops[i] / whole.memory_bytes[i]),
            flops_per_s=float(whole.flops[i] / seconds[i] / point.chips),
        )
        for i, phase in case.worked
        if whole.flops[i] > 0
    ]


REGIMES: tuple[Regime, ...] = ("as run", "memory full")


def elasticities(case: WorkloadOnSlice) -> list[Elasticity]:
    """Every phase, parameter, quantity and regime."""
    rows = []
    for regime in REGIMES:
        by_name = {name: slope(case, name, regime) for name in modelled(case.slice)}
        if float(case.point.hardware.tile) > 1:
            by_name[TILE] = tile_step(case, regime)
        rows += [
            Elasticity(phase=phase, parameter=name, quantity=quantity, regime=regime, value=value)
            for name, logs in by_name.items()
            for quantity in QUANTITIES
            for i, phase in (*case.worked, (QUERY, "query"))
            if (value := summary_or_none(getattr(logs, quantity)[i])) is not None
            and not (quantity == "usd" and case.usd_per_second is None)
        ]
    return rows


_STEP = 1e-30
"""Of a complex step: f(x + ih) = f(x) + ih f'(x), exact where h^2 is nothing beside 1; there is no
difference that could cancel."""


def slope(case: WorkloadOnSlice, name: str, regime: Regime) -> Logs:
    """Derivatives of the logs by the log of the named parameter, [phases and query, draws]."""
    factors = {name: np.exp(1j * _STEP)}
    changed = scaled(case.point, factors, case.costs)
    point = memory_full(changed) if regime == "memory full" else changed
    return mapped(lambda leaf: leaf.imag / _STEP, logs_of(point, case.draws))


def tile_step(case: WorkloadOnSlice, regime: Regime) -> Logs:
    """Change of the logs from a tile of twice the side, over log 2: padding makes time a staircase
    in the tile, without a derivative of use. The unit's FLOP/s are held."""
    point = case.point if regime == "as run" else memory_full(case.point)
    wider = PARAMETERS[TILE].apply(point, 2.0)
    before, after = logs_of(point, case.draws), logs_of(wider, case.draws)
    result = ratio(after, before)
    return Logs(**{name: np.log(values) / np.log(2.0) for name, values in result.items()})


MOST = 64.0
"""Factor at which the search for a flip is given up."""
_HALVINGS = 30
ACTS_ON: Mapping[str, PredictedBound] = {
    "matrix_flops": "compute",
    "hbm_bandwidth": "memory",
    "on_chip_bandwidth": "on-chip",
    "link_bandwidth": "links",
    "link_latency": "links",
    "kernel_overhead": "overhead",
    "collective_overhead": "overhead",
    "host_overhead": "overhead",
}
"""What each hardware parameter takes time from, where that is one alone and the work stays."""


def bound_flips(case: WorkloadOnSlice) -> list[BoundFlip]:
    longest = bounds_of(case.point, case.draws)[:, 0]
    rows = (
        _flip(case, phase, PARAMETERS[name])
        for i, phase in case.worked
        for name in modelled(case.slice)
        if ACTS_ON.get(name) == BOUNDS[longest[i]]
    )
    return [row for row in rows if row is not None]


def _flip(case: WorkloadOnSlice, phase: str, parameter: HardwareParameter) -> BoundFlip | None:
    """The flip of one phase by one parameter; None where most draws do not flip."""
    own = BOUNDS.index(ACTS_ON[parameter.name])
    logs, flipped, others = _roots(case, own, phase, parameter)
    if flipped.mean() < 0.5:
        return None
    factor = summary(np.exp(parameter.rises * logs[flipped]))
    after = BOUNDS[int(np.bincount(others[flipped]).argmax())]
    verb, sequences = "beyond" if parameter.rises > 0 else "below", case.query.lengths.sequences
    return BoundFlip(
        phase=phase,
        parameter=parameter.name,
        factor=factor,
        before=BOUNDS[own],
        after=after,
        flips=float(flipped.mean()),
        sentence=f"{verb} {base.ratio(factor.median)} {parameter.words}, {phase} becomes "
        f"{after}-bound with {float(sequences):.0f} sequences on {case.slice.name}",
    )


def _roots(
    case: WorkloadOnSlice, own: int, phase: str, parameter: HardwareParameter
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bisection in the log of the parameter's improvement, [draws]: logs, whether they flip, and
    the new longest. No parameter of ACTS_ON changes the work, so that it is summed once."""
    steps = work_steps(case.point)[case.phases.index(phase)]

    def times_at(log_factor: np.ndarray) -> np.ndarray:
        changed = parameter.apply(case.point, np.exp(parameter.rises * log_factor))
        return np.maximum(by_resource(terms_of(changed, case.draws, steps)), 1e-30)

    def above(log_factor: np.ndarray) -> np.ndarray:
        times = times_at(log_factor)
        return times[own] > np.delete(times, own, axis=0).max(0)

    low = np.zeros_like(case.draws.prefill)
    most = high = low + np.log(MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        still = above(middle)
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    times = times_at(high)
    times[own] = -np.inf
    return high, ~above(most), times.argmax(0)
