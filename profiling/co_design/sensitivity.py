"""Elasticities: d log(time, joules, dollars) / d log(parameter), exact derivatives for each draw.

As run, the batch is the workload's and capacity counts for nothing. With memory full the batch is
the largest that fits and amounts are per query, so that capacity counts through the batch. Joules
and dollars follow the changed part's watts and price by the cost model. All rates up by a factor
and all latencies and overheads down by it divides time by it: time's elasticities by rates, less
those by latencies and overheads, sum to -1.

Flips: how much more of a phase's scarcest resource until another one is the scarcest.
"""

from collections.abc import Sequence

import numpy as np

from ..predicted.arrays import mapped
from ..predicted.time_model import BOUNDS
from ..records.codesign import BoundFlip, Elasticity, Regime
from .costs import (
    QUANTITIES,
    QUERY,
    Logs,
    bounds_of,
    by_resource,
    logs_of,
    ratio,
    terms_of,
    work_steps,
)
from .design_point import memory_full, summary, summary_or_none
from .parameters import PARAMETER_BY_NAME, TILE, HardwareParameter, modelled, on_chip_bytes, scaled
from .workload_on_slice import WorkloadOnSlice

REGIMES: tuple[Regime, ...] = ("as run", "memory full")


def elasticities(case: WorkloadOnSlice) -> list[Elasticity]:
    """Every phase, parameter, quantity and regime."""
    rows = []
    for regime in REGIMES:
        names = modelled(case.slice)
        by_name = slopes(case, names, regime)
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


def slopes(case: WorkloadOnSlice, names: Sequence[str], regime: Regime) -> dict[str, Logs]:
    """Derivatives of the logs by the log of each named parameter, [phases and query, draws]."""
    return {name: _slope(case, name, regime) for name in names}


_STEP = 1e-30
"""Of a complex step: f(x + ih) = f(x) + ih f'(x), exact where h^2 is nothing beside 1; there is no
difference that could cancel."""


def _slope(case: WorkloadOnSlice, name: str, regime: Regime) -> Logs:
    factors = {name: np.exp(1j * _STEP)}
    changed = scaled(case.point, factors, on_chip_bytes(case.slice), case.costs)
    point = memory_full(changed) if regime == "memory full" else changed
    return mapped(lambda leaf: leaf.imag / _STEP, logs_of(point, case.draws))


def tile_step(case: WorkloadOnSlice, regime: Regime) -> Logs:
    """Change of the logs from a tile of twice the side, over log 2: padding makes time a staircase
    in the tile, without a derivative of use. The unit's FLOP/s are held."""
    point = case.point if regime == "as run" else memory_full(case.point)
    wider = PARAMETER_BY_NAME[TILE].apply(point, 2.0)
    before, after = logs_of(point, case.draws), logs_of(wider, case.draws)
    result = ratio(after, before)
    return Logs(**{name: np.log(values) / np.log(2.0) for name, values in result.items()})


MOST = 64.0
"""Factor at which the search for a flip is given up."""
_HALVINGS = 30
_RESOURCE = {
    "matrix_flops": "compute",
    "hbm_bandwidth": "memory",
    "on_chip_bandwidth": "on-chip",
    "link_bandwidth": "links",
    "link_latency": "links",
    "kernel_overhead": "overhead",
    "collective_overhead": "overhead",
    "host_overhead": "overhead",
}


def bound_flips(case: WorkloadOnSlice) -> list[BoundFlip]:
    """For each phase, the parameters of its longest resource, and where another takes over."""
    longest = bounds_of(case.point, case.draws)[:, 0]
    names = [name for name in modelled(case.slice) if name in _RESOURCE]
    rows = []
    for i, phase in case.worked:
        for name in names:
            if _RESOURCE[name] == BOUNDS[longest[i]]:
                row = _flip(case, phase, PARAMETER_BY_NAME[name])
                if row is not None:
                    rows.append(row)
    return rows


def _flip(case: WorkloadOnSlice, phase: str, parameter: HardwareParameter) -> BoundFlip | None:
    """The flip of one phase by one parameter; None where most draws do not flip."""
    own = BOUNDS.index(_RESOURCE[parameter.name])
    logs, flipped, others = _roots(case, own, phase, parameter)
    if flipped.mean() < 0.5:
        return None
    result = summary(np.exp(parameter.rises * logs[flipped]))
    after = BOUNDS[int(np.bincount(others[flipped]).argmax())]
    sequences = float(case.query.lengths.sequences)
    verb = "beyond" if parameter.rises > 0 else "below"
    return BoundFlip(
        phase=phase,
        parameter=parameter.name,
        factor=result,
        before=BOUNDS[own],
        after=after,
        flips=float(flipped.mean()),
        sentence=f"{verb} {result.median:.2g}x {parameter.words}, {phase} becomes {after}-bound "
        f"with {sequences:.0f} sequences on {case.slice.name}",
    )


def _roots(
    case: WorkloadOnSlice, own: int, phase: str, parameter: HardwareParameter
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bisection in the log of the parameter's improvement, [draws]: logs, whether they flip, and
    the new longest. No parameter of _RESOURCE changes the work, so that it is summed once."""
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
