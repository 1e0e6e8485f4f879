"""GRPO: policy gradient with group-relative advantage (Shao et al. 2024, arXiv 2402.03300).

Axis letters as in `config`; A attempts at a problem are a group, R = B * A rows, T tokens.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ..transformer import Transformer
from .loss import token_logprobs

STEADY = 1e-4
"""Added to a group's deviation, so that a group of equal rewards has advantage 0."""


class Scored(NamedTuple):
    """Attempts with all that the loss needs of them, row by row."""

    tokens: Array  # [R, T] int32
    own: Array  # [R, T] 1 for tokens that the policy chose
    advantage: Array  # [R]
    before: Array  # [R, T] log p under the policy that sampled them
    reference: Array  # [R, T] log p under the model that the run started from


class Heed(NamedTuple):
    """What an update saw: the loss, the KL to the reference, and the share of ratios clipped."""

    loss: Array
    kl: Array
    clipped: Array


def advantages(rewards: np.ndarray) -> np.ndarray:
    """[B, A]: each reward less its group's mean, over the group's standard deviation."""
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    scaled: np.ndarray = centred / (rewards.std(axis=1, keepdims=True) + STEADY)
    return scaled


def grpo_loss(logprobs: Array, scored: Scored, clip: float, kl_weight: float) -> Heed:
    """Equation 3 of the paper, negated: the mean over rows of the mean over own tokens of
    -(min(ratio a, clip(ratio) a) - kl_weight KL), with its unbiased KL estimate (equation 4).

    `logprobs` [R, T] are the policy's now.
    """
    ratio = jnp.exp(logprobs - scored.before)
    bounded = jnp.clip(ratio, 1 - clip, 1 + clip)
    advantage = scored.advantage[:, None]
    gain = jnp.minimum(ratio * advantage, bounded * advantage)
    behind = scored.reference - logprobs
    kl = jnp.exp(behind) - behind - 1

    def mean(figures: Array) -> Array:
        own = scored.own.sum(axis=1)
        return ((figures * scored.own).sum(axis=1) / jnp.maximum(own, 1)).mean()

    return Heed(
        -mean(gain - kl_weight * kl), mean(kl), mean((ratio != bounded).astype(jnp.float32))
    )


@partial(jax.jit, static_argnames=("clip", "kl_weight", "apply"))
def policy_update(  # type: ignore[no-untyped-def]
    model: Transformer, state: optax.OptState, scored: Scored, clip: float, kl_weight: float, apply
) -> tuple[Transformer, optax.OptState, Heed]:
    """One step of the optimiser whose `apply` this is, and what it saw before it."""

    def loss(model: Transformer) -> tuple[Array, Heed]:
        heed = grpo_loss(token_logprobs(model, scored.tokens), scored, clip, kl_weight)
        return heed.loss, heed

    gradient, heed = jax.grad(loss, has_aux=True)(model)
    change, state = apply(gradient, state, model)
    return optax.apply_updates(model, change), state, heed


score = jax.jit(token_logprobs)
"""log p [R, T] of rows of tokens [R, T] under a model."""
