"""Search: which chip serves a workload mix best under a budget of area, watts or dollars.

An exhaustive sweep of a grid of designs in one compiled call, and a gradient search from the best
of them. Capacity buys sequences that run together: for each number of sequences a chip has just
the memory that it needs.

The gradient is projected onto the budget, in the logs of the parameters.
Where objective and cost are sums of monomials, as times and costs of parts are, this is a geometric
program: convex in the logs (Boyd et al. 2007, 'A tutorial on geometric programming'), so that any
minimum is the minimum.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..errors import ProfileInputError
from ..predicted.arrays import Number, as_pytrees, mapped, of_numbers, with_last_axis
from ..predicted.step.hardware import Efficiency, Hardware
from .chip_cost_model import BUDGETS, ChipParts, Rates
from .workload_mix import SEQUENCES, Factors, MixWork, mix_times
from .workload_on_slice import WorkloadOnSlice

STEPS = 400
_RETRACTIONS = 6
_AT_BOUND = 1e-5


def minimise(
    objective: Callable[[Array], Array],
    cost: Callable[[Array], Array],
    start: Array,
    budget: Array,
    low: Array,
    high: Array,
) -> Array:
    """The logs of the parameters [n] that make `objective` least where `cost` equals `budget`.

    `objective` (a log) and `cost` take logs [n]; all parameters stay between `low` and `high`
    (logs). Steps go along the budget: the gradient less its part along the cost's. For many starts,
    `jax.vmap` it.
    """
    spend = lambda logs: jnp.log(cost(logs))  # noqa: E731

    def step(i: Array, logs: Array) -> Array:
        slope, price = jax.grad(objective)(logs), jax.grad(spend)(logs)
        along = _along(slope, price, jnp.ones_like(logs))
        outward = ((logs <= low + _AT_BOUND) & (along > 0)) | (
            (logs >= high - _AT_BOUND) & (along < 0)
        )
        along = _along(slope, price, 1.0 - outward)
        rate = 0.5 * (1 - i / STEPS) + 0.01
        return onto(jnp.clip(logs - rate * along, low, high))

    def onto(logs: Array) -> Array:
        return jax.lax.fori_loop(
            0, _RETRACTIONS, partial(_retracted, spend, budget, low, high), logs
        )

    return jax.lax.fori_loop(0, STEPS, step, onto(jnp.clip(start, low, high)))


def _along(slope: Array, price: Array, free: Array) -> Array:
    """The slope's part along the budget, of the parameters that are free to move."""
    slope, price = slope * free, price * free
    return slope - price * (slope @ price) / jnp.maximum(price @ price, 1e-20)


def _retracted(
    spend: Callable[[Array], Array], budget: Array, low: Array, high: Array, _: int, logs: Array
) -> Array:
    """One Newton step back to the budget, by the parameters that can still move that way."""
    missing = jnp.log(budget) - spend(logs)
    price = jax.grad(spend)(logs)
    movable = jnp.where(missing > 0, logs < high, logs > low)
    price = price * movable
    return jnp.clip(logs + price * missing / jnp.maximum(price @ price, 1e-20), low, high)


SEARCHED = ("matrix_flops", "hbm_bandwidth", "on_chip_capacity", "link_bandwidth")
LOW = (1 / 8, 1 / 8, 1.0, 1 / 8)
HIGH = (8.0, 8.0, 16.0, 8.0)
"""Factors of the reference chip. On-chip memory is never less than its: how a stack would do with
less is not modelled."""
SLOWEST_TOKEN_S = 0.05
"""Twenty tokens a second for each attempt: about as fast as people read; a judgement."""
GRID = (17, 17, 9, 9)


@of_numbers
@dataclass(frozen=True)
class SearchProblem:
    """What a search stands on: the mix's work, the reference chip and the cost model."""

    mixed: MixWork
    hardware: Hardware
    on_chip: Number
    efficiency: Efficiency  # the mode
    reference: ChipParts
    rates: Rates  # the figures themselves
    slowest_token_s: Number

    def times(self, design: Factors, efficiency: Efficiency | None = None) -> tuple[Number, Number]:
        """`mix_times` of a design, at the mode or at another `efficiency`."""
        return mix_times(
            self.mixed, self.hardware, self.on_chip, efficiency or self.efficiency, design
        )


as_pytrees()


@dataclass(frozen=True)
class FoundDesign:
    factors: Factors
    parts: ChipParts
    sequences: float
    time_s: float  # of one query of the mix, at the mode


def search_problem(case: WorkloadOnSlice, mixed: MixWork) -> SearchProblem:
    return SearchProblem(
        mixed=mixed,
        hardware=case.point.hardware,
        on_chip=case.point.on_chip_bytes,
        efficiency=mapped(lambda draws: draws[0], case.draws.efficiency),
        reference=case.costs.reference,
        rates=mapped(lambda draws: draws[0], case.costs.rates),
        slowest_token_s=SLOWEST_TOKEN_S,
    )


def grid_of(counts: Sequence[int] = GRID) -> Factors:
    """Every combination of so many factors of each searched parameter, evenly in their logs; the
    last axis of each field is left for the sequences."""
    axes = [np.geomspace(low, high, n) for low, high, n in zip(LOW, HIGH, counts, strict=True)]
    grids = np.meshgrid(*axes, indexing="ij")
    return Factors(*(grid.ravel() for grid in grids))


@partial(jax.jit, static_argnames="kind")
def sweep(
    problem: SearchProblem, designs: Factors, budget: Number, kind: str
) -> tuple[Array, Array]:
    """Seconds of one query for every design and number of sequences, [designs, sequences]; inf
    where it costs more than the budget or a token takes too long. And what each costs."""
    time_s, token_s = problem.times(designs)
    by_design = jax.tree.map(lambda factor: factor[:, None], designs)
    parts = parts_with(problem, by_design, problem.mixed.needed_bytes)
    cost = jnp.broadcast_to(BUDGETS[kind](parts, problem.rates), time_s.shape)
    allowed = (cost <= budget) & (token_s <= problem.slowest_token_s)
    return jnp.where(allowed, time_s, jnp.inf), cost


@partial(jax.jit, static_argnames="kind")
def cost_slopes(parts: ChipParts, rates: Rates, kind: str) -> ChipParts:
    """What one more of each part adds to the cost of a `kind` of BUDGETS."""
    return jax.grad(BUDGETS[kind])(parts, rates)


def parts_with(problem: SearchProblem, design: Factors, capacity_bytes: Number) -> ChipParts:
    """The parts of a design that has so much memory."""
    reference = problem.reference
    return ChipParts(
        matrix_flops=reference.matrix_flops * design.matrix_flops,
        hbm_bandwidth=reference.hbm_bandwidth * design.hbm_bandwidth,
        hbm_capacity=capacity_bytes,
        on_chip_capacity=reference.on_chip_capacity * design.on_chip_capacity,
        link_bandwidth=reference.link_bandwidth * design.link_bandwidth,
    )


def best_of_sweep(
    problem: SearchProblem, budget: float, kind: str, designs: Factors
) -> FoundDesign:
    """The best of the `designs`.

    Raises ProfileInputError where none is within the budget and fast enough.
    """
    time_s, cost = (np.asarray(x) for x in sweep(problem, designs, budget, kind))
    if not np.isfinite(time_s).any():
        least = float(np.nanmin(cost))
        raise ProfileInputError(
            f"no chip fits a budget of {budget:g} {UNITS[kind]} and decodes a token within "
            f"{float(problem.slowest_token_s):g} s: the least that any takes is {least:.3g}, "
            "so raise the budget, allow slower tokens or take more chips"
        )
    design, row = np.unravel_index(int(np.argmin(time_s)), time_s.shape)
    factors = mapped(lambda leaf: float(leaf[design]), designs)
    return _design_of(problem, factors, int(row))


_LATE = 4.0
"""Price of a token that is late, in logs: steeper than time's elasticities, which are 1 at most, so
that the minimum is on time wherever a chip can be (an exact penalty)."""
UNITS = {"area": "mm2", "watts": "W", "usd": "USD"}


def best_by_gradient(
    problem: SearchProblem, budget: float, kind: str, start: FoundDesign
) -> FoundDesign:
    """The best design of any factors, from the sweep's best and from even factors, at each number
    of sequences that a budget and a token's limit allow."""
    logs, times = _descend(problem, budget, start.factors, kind)
    times = np.asarray(times)
    starts, row = np.unravel_index(int(np.nanargmin(times)), times.shape)
    if not times[starts, row] < start.time_s:
        return start
    factors = Factors(*(float(np.exp(x)) for x in np.asarray(logs)[starts, row]))
    return _design_of(problem, factors, int(row))


@partial(jax.jit, static_argnames="kind")
def _descend(
    problem: SearchProblem, budget: Array, start: Factors, kind: str
) -> tuple[Array, Array]:
    """Logs [starts, sequences, searched] and seconds [starts, sequences], inf where not allowed."""
    low, high = jnp.log(jnp.asarray(LOW)), jnp.log(jnp.asarray(HIGH))
    first = jnp.log(jnp.stack([getattr(start, name) * jnp.ones(()) for name in SEARCHED]))
    starts = jnp.stack([first, jnp.zeros(len(SEARCHED))])

    def times(logs: Array, row: Array) -> tuple[Array, Array]:
        seconds, token = problem.times(Factors(*jnp.exp(logs)))
        return seconds[row], token[row]

    def cost(logs: Array, row: Array) -> Array:
        parts = parts_with(problem, Factors(*jnp.exp(logs)), problem.mixed.needed_bytes[row])
        return BUDGETS[kind](parts, problem.rates)

    def one(begin: Array, row: Array) -> tuple[Array, Array]:
        def objective(logs: Array) -> Array:
            seconds, token = times(logs, row)
            late = jnp.log(token / problem.slowest_token_s)
            return jnp.log(seconds) + _LATE * jnp.maximum(late, 0.0)

        logs = minimise(objective, lambda x: cost(x, row), begin, budget, low, high)
        seconds, token = times(logs, row)
        within = (cost(logs, row) <= budget * 1.0001) & (token <= problem.slowest_token_s * 1.01)
        return logs, jnp.where(within, seconds, jnp.inf)

    rows = jnp.arange(len(SEQUENCES))
    return jax.vmap(lambda begin: jax.vmap(lambda row: one(begin, row))(rows))(starts)


def reference_design(problem: SearchProblem, capacity_bytes: float) -> FoundDesign:
    """The chip that is there, at the sequences that suit its own memory.

    Raises ProfileInputError where it holds none of the mix or is too slow for a token.
    """
    ones = Factors(1.0, 1.0, 1.0, 1.0)
    time_s, token_s = problem.times(ones)
    allowed = problem.mixed.needed_bytes <= capacity_bytes
    if not allowed.any():
        raise ProfileInputError(
            "the reference chip cannot hold one sequence of the workload mix: take more chips"
        )
    fast = allowed & (token_s <= problem.slowest_token_s)
    row = int(np.argmin(np.where(fast if fast.any() else allowed, time_s, np.inf)))
    parts = replace(problem.reference, hbm_capacity=capacity_bytes)
    return FoundDesign(ones, mapped(float, parts), SEQUENCES[row], float(time_s[row]))


def _design_of(problem: SearchProblem, factors: Factors, row: int) -> FoundDesign:
    parts = parts_with(problem, factors, problem.mixed.needed_bytes[row])
    time_s, _ = problem.times(factors)
    return FoundDesign(factors, mapped(float, parts), SEQUENCES[row], float(time_s[row]))


def times_of_draws(
    problem: SearchProblem, efficiency: Efficiency, design: FoundDesign
) -> np.ndarray:
    """Seconds of one query of the mix for each draw of `efficiency`, fields [draws]."""
    row = SEQUENCES.index(design.sequences)
    drawn = mapped(lambda draws: with_last_axis(draws, axes=3), efficiency)
    time_s, _ = problem.times(design.factors, drawn)
    times: np.ndarray = time_s[:, row]
    return times
