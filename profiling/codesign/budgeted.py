"""Minimum under a budget: projected gradient in the logs of the parameters.

Where objective and cost are sums of monomials, as times and costs of parts are, this is a geometric
program: convex in the logs (Boyd et al. 2007, 'A tutorial on geometric programming'), so that any
minimum is the minimum.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

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
    steps: int = STEPS,
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
        rate = 0.5 * (1 - i / steps) + 0.01
        return onto(jnp.clip(logs - rate * along, low, high))

    def onto(logs: Array) -> Array:
        return jax.lax.fori_loop(
            0, _RETRACTIONS, partial(_retracted, spend, budget, low, high), logs
        )

    return jax.lax.fori_loop(0, steps, step, onto(jnp.clip(start, low, high)))


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
