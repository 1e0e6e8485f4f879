"""Costs: seconds and joules of a point's phases, for each draw, in one differentiable function."""

from dataclasses import dataclass, fields, replace

import jax
import jax.numpy as jnp
from jax import Array

from ..predict.energy import power_share
from ..predict.phases import PhaseSteps, phase_steps
from ..predict.query import phase_terms
from ..predict.time_model import Terms
from ..predict.work import Work
from .draws import Draws
from .point import Overheads, Point, held
from .speculation import speculated

PHASES = ("prefill", "think", "answer")
WITH_QUERY = (*PHASES, "query")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Costs:
    """Of a whole batch on the slice; arrays [phases, draws], but `work` [phases]."""

    time_s: Array
    energy_j: Array  # of the chips; NaN where their power is not known
    terms: Terms
    work: Work  # of one chip

    @property
    def query_s(self) -> Array:
        """All phases, [draws]."""
        return self.time_s.sum(0)

    @property
    def query_j(self) -> Array:
        """All phases, [draws]."""
        return self.energy_j.sum(0)


@jax.jit
def costs_of(point: Point, draws: Draws) -> Costs:
    """The phases of one point. For many points, `jax.vmap` it."""
    steps = work_steps(point)
    narrowing = jnp.log2(point.widths.activation_bytes / point.widths.weight_bytes)
    efficiency = _with_overheads(draws, point.overheads)
    found = [phase_terms(steps[name], point.hardware, efficiency, narrowing) for name in PHASES]
    residual = jnp.stack([draws.prefill, draws.decode, draws.decode])
    terms = jax.tree.map(
        lambda *phases: jnp.stack([jnp.broadcast_to(x, residual.shape[1:]) for x in phases]), *found
    )
    time_s = terms.time_s * residual
    sums = [summed(steps[name]) for name in PHASES]
    work = jax.tree.map(lambda *leaves: jnp.stack(leaves), *sums)
    return Costs(time_s, _energy_j(point, draws, work, time_s), terms, work)


def work_steps(point: Point) -> dict[str, PhaseSteps]:
    """Work of each group of like steps of each phase, as the point's software does it."""
    steps = phase_steps(
        point.shape, point.lengths, point.widths, point.spread, point.hardware.tile,
        point.distribution,
    )  # fmt: skip
    shorter = replace(point.shape, layers=point.shape.layers * point.layers_run)
    decode = phase_steps(
        shorter, point.lengths, point.widths, point.spread, point.hardware.tile, point.distribution
    )
    steps = {"prefill": steps["prefill"], "think": decode["think"], "answer": decode["answer"]}
    if point.speculation is not None:
        steps = speculated(steps, point)
    share = 1 - jnp.minimum(point.pinned_bytes / held(point).weight_bytes, 1.0)
    return {name: _reading(each, share) for name, each in steps.items()}


def whole_work(point: Point, work: Work) -> Work:
    """Work of all chips from that of one; a pipeline's chain is in each chip's work already."""
    return work * (point.chips / point.spread.split.pipeline)


def _energy_j(point: Point, draws: Draws, work: Work, time_s: Array) -> Array:
    whole = jax.tree.map(lambda leaf: leaf[:, None], whole_work(point, work))
    seconds = jnp.maximum(time_s, 1e-30)
    share = power_share(draws.power, whole, point.hardware, point.chips, seconds)
    watts = point.chips * draws.watts * point.watts_factor * share
    return watts * time_s * draws.energy


def _with_overheads(draws: Draws, factors: Overheads):  # type: ignore[no-untyped-def]
    known = draws.efficiency
    return replace(
        known,
        kernel_s=known.kernel_s * factors.kernel,
        collective_s=known.collective_s * factors.collective,
        dispatch_s=known.dispatch_s * factors.collective,
        routed_s=known.routed_s * factors.collective,
        step_s=known.step_s * factors.host,
        sequence_s=known.sequence_s * factors.host,
    )


def _reading(steps: PhaseSteps, share: Array) -> PhaseSteps:
    """The same where only a share of the weights must be read."""
    work = replace(steps.work, weight_bytes=steps.work.weight_bytes * share)
    return PhaseSteps(work, steps.steps)


def summed(steps: PhaseSteps) -> Work:
    return Work(
        *(jnp.sum(getattr(steps.work, f.name) * steps.steps, axis=-1) for f in fields(Work))
    )
