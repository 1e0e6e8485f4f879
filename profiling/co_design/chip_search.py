"""Search: which chip that can be built serves a workload mix best within area, watts and dollars.

Memory comes in whole stacks, so capacity and bandwidth come together; sequences run together as far
as the capacity goes. An exhaustive sweep of a grid of designs in one compiled call, then finer and
finer grids about the best of them: every limit is a yes or no, whatever steps it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..errors import ProfileInputError
from ..predicted import arrays
from ..predicted.arrays import Number, as_pytrees, mapped, of_numbers, with_last_axis
from ..predicted.step.hardware import Efficiency, Hardware
from ..records.codesign import BudgetKind, budget_amounts
from .buildable import Stacked, package_limits, uses
from .chip_cost_model import BUDGETS, ChipParts, Rates, rates_about
from .memory_stacks import Stack, stacks
from .workload_mix import SEQUENCES, Factors, MixWork, mix_times
from .workload_on_slice import WorkloadOnSlice

SEARCHED = ("matrix_flops", "on_chip_capacity", "link_bandwidth")
LOW = (1 / 8, 1.0, 1 / 8)
HIGH = (32.0, 16.0, 16.0)
"""Factors of the reference chip. On-chip memory is never less than its: how a stack would do with
less is not modelled."""
GRID = (11, 4, 6)
SLOWEST_TOKEN_S = 0.05
"""Twenty tokens a second for each attempt: about as fast as people read; a judgement."""
Caps = Mapping[BudgetKind, float]
"""What one chip may take of each of BUDGETS; inf where that does not matter."""
UNCAPPED: Caps = dict.fromkeys(BUDGETS, float("inf"))  # type: ignore[arg-type]


@of_numbers
@dataclass(frozen=True)
class Design:
    """Whole stacks and factors of the reference chip's other parts; numbers or arrays."""

    kind: Number  # of stack: its place in `stacks()`
    count: Number
    matrix_flops: Number
    on_chip_capacity: Number
    link_bandwidth: Number


@of_numbers
@dataclass(frozen=True)
class SearchProblem:
    """What a search stands on: the mix's work, the reference chip and the cost model."""

    mixed: MixWork
    hardware: Hardware
    on_chip: Number
    efficiency: Efficiency  # the mode
    reference: ChipParts
    rates: Rates  # the figures themselves, with the reference chip's own memory
    kinds: Stacked  # one of each of `stacks()`
    rates_by_kind: Rates  # [kinds]
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
    rates: Rates  # what its parts cost, with its own kind of memory
    sequences: float
    time_s: float  # of one query of the mix, at the mode
    design: Design | None = None  # None: the chip that is there

    @property
    def stack(self) -> Stack | None:
        return None if self.design is None else stacks()[int(self.design.kind)]


def search_problem(case: WorkloadOnSlice, mixed: MixWork) -> SearchProblem:
    kinds = stacks()
    one_of_each = np.array([kind[1:] for kind in kinds]).T
    rates = [rates_about(case.slice.chip, kind.generation) for kind in kinds]
    return SearchProblem(
        mixed=mixed,
        hardware=case.point.hardware,
        on_chip=case.point.on_chip_bytes,
        efficiency=mapped(lambda draws: draws[0], case.draws.efficiency),
        reference=case.costs.reference,
        rates=mapped(lambda draws: draws[0], case.costs.rates),
        kinds=Stacked(np.ones(len(kinds)), *one_of_each),
        rates_by_kind=mapped(lambda *each: np.concatenate(each), *rates),
        slowest_token_s=SLOWEST_TOKEN_S,
    )


def grid_of(counts: Sequence[int] = GRID) -> Design:
    """Every number of stacks of every kind, each with every combination of so many factors of
    SEARCHED, evenly in their logs; the factors change fastest."""
    memories = np.arange(len(stacks())), np.arange(1.0, package_limits().stacks_most.value + 1)
    axes = [np.geomspace(low, high, n) for low, high, n in zip(LOW, HIGH, counts, strict=True)]
    grids = np.meshgrid(*memories, *axes, indexing="ij")
    return Design(*(grid.ravel() for grid in grids))


def parts_with(
    problem: SearchProblem, design: Design | Factors, bandwidth: Number, capacity_bytes: Number
) -> ChipParts:
    """The parts of a design that has such memory, in stacks or not."""
    reference = problem.reference
    return ChipParts(
        matrix_flops=reference.matrix_flops * design.matrix_flops,
        hbm_bandwidth=bandwidth,
        hbm_capacity=capacity_bytes,
        on_chip_capacity=reference.on_chip_capacity * design.on_chip_capacity,
        link_bandwidth=reference.link_bandwidth * design.link_bandwidth,
    )


def built(problem: SearchProblem, design: Design) -> tuple[ChipParts, Stacked, Rates]:
    """The design's parts, its memory and what parts cost with it."""
    one = mapped(lambda leaf: leaf[design.kind], problem.kinds)
    rates = mapped(lambda leaf: leaf[design.kind], problem.rates_by_kind)
    bandwidth, capacity = one.bandwidth * design.count, one.capacity_bytes * design.count
    parts = parts_with(problem, design, bandwidth, capacity)
    return parts, replace(one, count=design.count), rates


def shares_of(problem: SearchProblem, design: Design, caps: Caps) -> dict[str, Number]:
    """What a design takes of each cap and of each limit on what can be built: allowed up to 1."""
    parts, memory, rates = built(problem, design)
    return {
        **{kind: BUDGETS[kind](parts, rates) / most for kind, most in caps.items()},
        **uses(parts, memory, rates),
    }


def factors_of(problem: SearchProblem, design: Design) -> Factors:
    parts, _, _ = built(problem, design)
    return Factors(
        design.matrix_flops,
        parts.hbm_bandwidth / problem.reference.hbm_bandwidth,
        design.on_chip_capacity,
        design.link_bandwidth,
    )


@jax.jit
def sweep(problem: SearchProblem, designs: Design, caps: Caps) -> Array:
    """Seconds of one query for every design and number of sequences, [designs, sequences]; inf
    where it cannot be built, takes more than a cap, holds less or is late with a token."""
    parts, _, _ = built(problem, designs)
    time_s, token_s = problem.times(factors_of(problem, designs))
    fits = arrays.stacked(list(shares_of(problem, designs, caps).values())).max(0) <= 1.0
    holds = parts.hbm_capacity[:, None] >= problem.mixed.needed_bytes
    allowed = fits[:, None] & holds & (token_s <= problem.slowest_token_s)
    return jnp.where(allowed, time_s, jnp.inf)


@partial(jax.jit, static_argnames="kind")
def cost_slopes(parts: ChipParts, rates: Rates, kind: str) -> ChipParts:
    """What one more of each part adds to the cost of a `kind` of BUDGETS."""
    return jax.grad(BUDGETS[kind])(parts, rates)


_STARTS, _ROUNDS = 16, 7
_OFFSETS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Of a round's step, whose half is the next one's: at last a step is half a per cent."""


def best_design(problem: SearchProblem, caps: Caps) -> FoundDesign:
    """The fastest design within the caps: the best of the grid for each memory, made finer.

    Raises ProfileInputError where none is within the caps and fast enough.
    """
    grid = grid_of()
    times = np.asarray(sweep(problem, grid, caps)).min(1)
    if not np.isfinite(times).any():
        raise ProfileInputError(_nothing(problem, grid, caps))
    by_memory = times.reshape(-1, np.prod(GRID))
    starts = by_memory.argmin(1) + np.arange(len(by_memory)) * by_memory.shape[1]
    starts = starts[np.argsort(times[starts])[:_STARTS]]
    chosen = mapped(lambda leaf: leaf[starts], grid)
    steps = np.log(np.divide(HIGH, LOW)) / (np.array(GRID) - 1)
    for halved in range(_ROUNDS):
        about = _neighbours(chosen, steps / 2**halved)
        swept = np.asarray(sweep(problem, about, caps))
        times = swept.min(1).reshape(len(starts), -1)
        best = times.argmin(1) + np.arange(len(starts)) * times.shape[1]
        chosen = mapped(lambda leaf, best=best: leaf[best], about)
    place, row = np.unravel_index(int(swept.argmin()), swept.shape)
    design = mapped(lambda leaf: leaf[place], about)
    parts, _, rates = built(problem, design)
    factors = mapped(float, factors_of(problem, design))
    time_s = float(swept[place, row])
    return FoundDesign(factors, mapped(float, parts), rates, SEQUENCES[int(row)], time_s, design)


def _neighbours(designs: Design, steps: np.ndarray) -> Design:
    """Each of the designs with every combination of offsets of SEARCHED, by so many logs a step."""
    offsets = np.stack(np.meshgrid(*[_OFFSETS] * len(SEARCHED), indexing="ij"), -1)
    ratios = np.exp(offsets.reshape(-1, len(SEARCHED)) * steps)  # [neighbours, searched]
    moved = {
        name: np.clip(getattr(designs, name)[:, None] * ratios[:, i], low, high).ravel()
        for i, (name, low, high) in enumerate(zip(SEARCHED, LOW, HIGH, strict=True))
    }
    kept = {name: np.repeat(getattr(designs, name), len(ratios)) for name in ("kind", "count")}
    return Design(**kept, **moved)


def _nothing(problem: SearchProblem, grid: Design, caps: Caps) -> str:
    """Why no design of the grid is allowed, with the least that any takes of each cap."""
    possible = np.isfinite(np.asarray(sweep(problem, grid, UNCAPPED))).any(1)
    limit = f"decodes a token within {float(problem.slowest_token_s):g} s"
    if not possible.any():
        return f"no chip that can be built holds the workload mix and {limit}: take more chips"
    stated = {kind: most for kind, most in caps.items() if np.isfinite(most)}
    shares = shares_of(problem, mapped(lambda leaf: leaf[possible], grid), caps)
    least = {kind: float(np.min(shares[kind])) * most for kind, most in stated.items()}
    return (
        f"no chip fits a budget of {budget_amounts(stated)} and {limit}: the least that any takes "
        f"is {budget_amounts(least)}, so raise the budget, allow slower tokens or take more chips"
    )


def reference_design(problem: SearchProblem) -> FoundDesign:
    """The chip that is there, at the sequences that suit its own memory.

    Raises ProfileInputError where it holds none of the mix or is too slow for a token.
    """
    ones = Factors(1.0, 1.0, 1.0, 1.0)
    time_s, token_s = problem.times(ones)
    allowed = problem.mixed.needed_bytes <= problem.reference.hbm_capacity
    if not allowed.any():
        raise ProfileInputError(
            "the reference chip cannot hold one sequence of the workload mix: take more chips"
        )
    fast = allowed & (token_s <= problem.slowest_token_s)
    row = int(np.argmin(np.where(fast if fast.any() else allowed, time_s, np.inf)))
    parts = mapped(float, problem.reference)
    return FoundDesign(ones, parts, problem.rates, SEQUENCES[row], float(time_s[row]))


def times_of_draws(
    problem: SearchProblem, efficiency: Efficiency, design: FoundDesign
) -> np.ndarray:
    """Seconds of one query of the mix for each draw of `efficiency`, fields [draws]."""
    row = SEQUENCES.index(design.sequences)
    drawn = mapped(lambda draws: with_last_axis(draws, axes=3), efficiency)
    time_s, _ = problem.times(design.factors, drawn)
    times: np.ndarray = time_s[:, row]
    return times
