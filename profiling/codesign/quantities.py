"""Quantities: what is compared between designs, per query and for each draw."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..record.codesign import Quantity
from .costs import PHASES, costs_of
from .draws import Draws
from .point import Point

QUANTITIES: tuple[Quantity, ...] = ("time", "energy", "usd")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Logs:
    """Logs of what one query takes, [phases and query, draws]; dollars but for a constant.

    Time is the slice's for one query: a batch's time over its prompts.
    """

    time: Array
    energy: Array
    usd: Array


def logs_of(point: Point, draws: Draws) -> Logs:
    """The logs for one point."""
    found = costs_of(point, draws)
    each = jnp.log(1.0 / point.lengths.prompts)
    time = jnp.log(_with_sum(found.time_s)) + each
    energy = jnp.log(_with_sum(found.energy_j)) + each
    return Logs(time, energy, time + jnp.log(point.usd_factor * jnp.ones_like(time)))


def ratio(after: Logs, before: Logs) -> dict[str, np.ndarray]:
    """After over before: quantity -> [phases and query, draws]."""
    return {
        name: np.exp(np.asarray(getattr(after, name)) - np.asarray(getattr(before, name)))
        for name in QUANTITIES
    }


def bounds_of(point: Point, draws: Draws) -> np.ndarray:
    """The longest resource of each phase for each draw, as an index into BOUNDS."""
    terms = costs_of(point, draws).terms
    stacked = jnp.stack(
        [terms.compute_s, terms.memory_s, terms.on_chip_s, terms.links_s, terms.overhead_s]
    )
    return np.asarray(stacked.argmax(0))


BOUNDS = ("compute", "memory", "on-chip", "links", "overhead")


def phase_bounds(point: Point, draws: Draws) -> dict[str, str]:
    """The longest resource of each phase, at the mode."""
    found = bounds_of(point, draws)[:, 0]
    return {phase: BOUNDS[found[i]] for i, phase in enumerate(PHASES)}


def _with_sum(phases: Array) -> Array:
    """Phases and their sum; a phase that takes nothing counts as next to nothing."""
    whole = jnp.concatenate([phases, phases.sum(0, keepdims=True)])
    return jnp.maximum(whole, 1e-30)
