"""Samplers: small frozen dataclasses that pick one token a row from logits; hashable, so that they
can be static under jit. R rows (attempts), V vocabulary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
from jax import Array

from .config import ModelInputError


class Sampler(Protocol):
    """Picks a token for each row."""

    def sample(self, logits: Array, uniform: Array) -> Array:
        """Tokens [R] int32 from `logits` [R, V] float32 and one `uniform` [R] in [0, 1) a row."""

    def weights(self, logits: Array) -> Array:
        """[R, V] >= 0: what the tokens are drawn in proportion to, given `logits` [R, V]."""

    def describe(self) -> str:
        """The sampler in a few words, for the report."""


@dataclass(frozen=True)
class Greedy:
    """The likeliest token."""

    def sample(self, logits: Array, uniform: Array) -> Array:
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)

    def weights(self, logits: Array) -> Array:
        return jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1])

    def describe(self) -> str:
        return "greedy"


@dataclass(frozen=True)
class Temperature:
    """softmax(logits / temperature), cut to the `top_k` likeliest tokens and to the smallest set
    of them whose probability reaches `top_p` (nucleus sampling, Holtzman et al. 2020)."""

    temperature: float
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ModelInputError(
                f"temperature must be above 0, got {self.temperature:g}: use 0 on the command "
                "line, or Greedy(), for the likeliest token"
            )
        if self.top_k is not None and self.top_k < 1:
            raise ModelInputError(f"top-k must be at least 1, got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ModelInputError(f"top-p must be in (0, 1], got {self.top_p:g}")

    def sample(self, logits: Array, uniform: Array) -> Array:
        return draw(self.weights(logits), uniform)

    def weights(self, logits: Array) -> Array:
        scaled = logits / self.temperature
        weights = jnp.exp(scaled - scaled.max(axis=-1, keepdims=True))
        if self.top_k is not None:
            weights = keep_top_k(weights, self.top_k)
        if self.top_p is not None:
            weights = keep_top_p(weights, self.top_p)
        return weights

    def describe(self) -> str:
        parts = [f"temperature {self.temperature:g}"]
        parts += [f"top-k {self.top_k}"] if self.top_k is not None else []
        parts += [f"top-p {self.top_p:g}"] if self.top_p is not None else []
        return ", ".join(parts)


def sampler(temperature: float, top_k: int | None = None, top_p: float | None = None) -> Sampler:
    """Greedy at temperature 0, else a temperature sampler."""
    if temperature == 0:
        return Greedy()
    return Temperature(temperature, top_k, top_p)


def keep_top_k(weights: Array, k: int) -> Array:
    """`weights` [R, V] >= 0 with all but the `k` largest of each row at 0; ties stay."""
    return _keep_least_set(weights, lambda kept: kept.sum(axis=-1, keepdims=True) >= k)


def keep_top_p(weights: Array, p: float) -> Array:
    """`weights` [R, V] >= 0 with those outside the nucleus of share `p` at 0; ties stay."""
    needed = p * weights.sum(axis=-1, keepdims=True)
    return _keep_least_set(
        weights, lambda kept: jnp.where(kept, weights, 0.0).sum(axis=-1, keepdims=True) >= needed
    )


def _keep_least_set(weights: Array, enough: Callable[[Array], Array]) -> Array:
    """Keep {w >= t} for the largest t at which it is `enough`; zero the others.

    Non-negative floats order as their bits do, so a bisection over 31 bits finds t exactly. A
    sort or lax.top_k of 16 rows of 49,152 takes longer on a CPU than the model's own pass.
    """
    bits = jax.lax.bitcast_convert_type(weights, jnp.int32)

    def narrow(bit: Array, low: Array) -> Array:
        trial = low | (1 << (30 - bit))
        return jnp.where(enough(bits >= trial), trial, low)

    threshold = jax.lax.fori_loop(0, 31, narrow, jnp.zeros_like(bits[:, :1]))
    return jnp.where(bits >= threshold, weights, 0.0)


def draw(weights: Array, uniform: Array) -> Array:
    """Token [R] drawn in proportion to `weights` [R, V] by inverting the cumulative sum.

    One random number a row, where Gumbel noise would need one a token; two levels of sums (over
    runs of tokens, then within the run) keep the cumulative sums short.
    """
    (R, V), run = weights.shape, 256
    runs = -(-V // run)
    blocks = jnp.pad(weights, ((0, 0), (0, runs * run - V))).reshape(R, runs, run)
    ends = jnp.cumsum(blocks.sum(axis=-1), axis=-1)
    target = uniform[:, None] * ends[:, -1:]
    block = _first_beyond(ends, target)
    before = jnp.where(block > 0, jnp.take_along_axis(ends, jnp.maximum(block - 1, 0), 1), 0.0)
    inside = jnp.take_along_axis(blocks, block[:, :, None], axis=1)[:, 0]
    token = _first_beyond(jnp.cumsum(inside, axis=-1), target - before)
    token = jnp.minimum(token, _last_positive(inside))
    return (block * run + token)[:, 0].astype(jnp.int32)


def _first_beyond(cumulative: Array, target: Array) -> Array:
    """Index [R, 1] of the first cumulative sum [R, N] above `target` [R, 1]."""
    beyond = (cumulative <= target).sum(axis=-1, keepdims=True)
    return jnp.minimum(beyond, _last_positive(jnp.diff(cumulative, prepend=0.0)))


def _last_positive(weights: Array) -> Array:
    """Index [R, 1] of the last positive weight [R, N], so that rounding never draws a zero."""
    index = jnp.arange(weights.shape[-1])
    return jnp.max(jnp.where(weights > 0, index, 0), axis=-1, keepdims=True)
