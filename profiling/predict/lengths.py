"""How many attempts still go on after t tokens: batches shrink as attempts finish.

A phase of n tokens is a sum over its steps of a cost that changes slowly with the context and the
attempts left, so it is summed at a few points (Gauss-Legendre), not step by step.
"""

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.stats import norm

from .shape import Number

POINTS = 8
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(POINTS)
_LONGEST_QUANTILE = 3.09
"""Standard normal quantile of the longest length that is summed up to, 0.999."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Steps:
    """Steps of a decode phase in `POINTS` groups (last axis): how many, where, and how wide."""

    steps: Array  # expected steps of each group
    position: Array  # tokens already decoded in the phase
    sequences: Array  # sequences still going on


class LengthDistribution(Protocol):
    """What lengths a phase's attempts have."""

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        """The steps of `sequences` attempts whose mean length is `tokens`."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SameLength:
    """All attempts have the mean length, as where a budget ends every thought."""

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        tokens, sequences = (jnp.asarray(x)[..., None] for x in (tokens, sequences))
        # Steps at positions 0, 1 .. n - 1 are the unit intervals about them, from -1/2 on.
        return Steps(
            steps=tokens * _WEIGHTS / 2,
            position=tokens * (_NODES + 1) / 2 - 0.5,
            sequences=sequences * jnp.ones_like(tokens * _NODES),
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LogNormal:
    """Lengths that are log-normal with the given standard deviation over mean.

    Thought lengths of reasoning models are skewed to the right; a batch goes on until its longest
    attempt has ended.
    """

    variation: Number

    def steps(self, tokens: Number, sequences: Number) -> Steps:
        tokens, sequences = (jnp.asarray(x)[..., None] for x in (tokens, sequences))
        sigma = jnp.sqrt(jnp.log1p(jnp.asarray(self.variation) ** 2))[..., None]
        mu = jnp.log(jnp.maximum(tokens, 1.0)) - sigma**2 / 2
        longest = jnp.exp(mu + _LONGEST_QUANTILE * sigma)
        position = longest * (_NODES + 1) / 2
        going_on = norm.sf((jnp.log(jnp.maximum(position, 1e-6)) - mu) / sigma)
        any_left = -jnp.expm1(sequences * jnp.log1p(-jnp.minimum(going_on, 1 - 1e-7)))
        return Steps(
            steps=jnp.where(tokens > 0, longest * _WEIGHTS / 2 * any_left, 0.0),
            position=position - 0.5,
            sequences=sequences * going_on / any_left,
        )
