"""Flips: how much more of a phase's scarcest resource until another one is the scarcest."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..record.codesign import BoundFlip
from .costs import PHASES, costs_of
from .draws import Draws, summary
from .parameters import HANDLE_BY_NAME, HANDLES, Handle, modelled
from .point import Point
from .quantities import BOUNDS
from .setting import Setting

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


def bound_flips(known: Setting) -> list[BoundFlip]:
    """For each phase, the parameters of its longest resource, and where another takes over."""
    terms = costs_of(known.point, known.draws).terms
    longest = np.asarray(_stacked(terms)).argmax(0)[:, 0]
    names = [name for name in modelled(known.slice) if name in _RESOURCE]
    rows = []
    for i, phase in enumerate(PHASES):
        if phase == "think" and float(known.query.lengths.think_tokens) <= 1:
            continue
        for name in names:
            if _RESOURCE[name] == BOUNDS[longest[i]]:
                row = _flip(known, phase, i, HANDLE_BY_NAME[name])
                if row is not None:
                    rows.append(row)
    return rows


def _flip(known: Setting, phase: str, index: int, handle: Handle) -> BoundFlip | None:
    """The flip of one phase by one parameter; None where most draws do not flip."""
    own = BOUNDS.index(_RESOURCE[handle.name])
    logs, flipped, others = (
        np.asarray(x) for x in _roots(known.point, known.draws, own, index, HANDLES.index(handle))
    )
    if flipped.mean() < 0.5:
        return None
    found = summary(np.exp(handle.rises * logs[flipped]))
    after = BOUNDS[int(np.bincount(others[flipped]).argmax())]
    sequences = float(known.query.lengths.sequences)
    verb = "beyond" if handle.rises > 0 else "below"
    return BoundFlip(
        phase=phase,
        parameter=handle.name,
        factor=found,
        before=BOUNDS[own],  # type: ignore[arg-type]
        after=after,  # type: ignore[arg-type]
        flips=float(flipped.mean()),
        sentence=f"{verb} {found.median:.2g}x {handle.words}, {phase} becomes {after}-bound "
        f"with {sequences:.0f} sequences on {known.slice.name}",
    )


@jax.jit
def _roots(
    point: Point, draws: Draws, own: Array, phase: Array, which: Array
) -> tuple[Array, Array, Array]:
    """Bisection in the log of the improvement of HANDLES[which]: logs, whether they flip, and the
    new longest."""

    def terms_at(log_factor: Array) -> Array:
        changed = point
        for i, handle in enumerate(HANDLES):
            improved = jnp.where(i == which, handle.rises * log_factor, 0.0)
            changed = handle.apply(changed, jnp.exp(improved))
        return _stacked(costs_of(changed, draws).terms)[:, phase]

    def gap(log_factor: Array) -> Array:
        terms = terms_at(log_factor)
        others = jnp.where(jnp.arange(len(BOUNDS))[:, None] == own, -jnp.inf, terms)
        return jnp.log(terms[own]) - jnp.log(others.max(0))

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        above = gap(middle) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    zeros = jnp.zeros_like(draws.prefill)
    most = zeros + jnp.log(MOST)
    _, high = jax.lax.fori_loop(0, _HALVINGS, halve, (zeros, most))
    terms = jnp.where(jnp.arange(len(BOUNDS))[:, None] == own, -jnp.inf, terms_at(high))
    return high, gap(most) <= 0, terms.argmax(0)


def _stacked(terms) -> Array:  # type: ignore[no-untyped-def]
    """[resources, phases, draws], none of them nothing."""
    known = (terms.compute_s, terms.memory_s, terms.on_chip_s, terms.links_s, terms.overhead_s)
    return jnp.maximum(jnp.stack(known), 1e-30)
