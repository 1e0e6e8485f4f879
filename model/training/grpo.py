"""GRPO: policy gradient with group-relative advantage (Shao et al. 2024, arXiv 2402.03300).

Axis letters as in `config`; A attempts at a problem are a group, R = B * A rows, T tokens.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..transformer import Transformer
from .loop import Figures, Finished, LoopWatcher, Method, Model, train_model
from .model_folder import Start
from .recipes import Grpo
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import fit, token_logprobs

STEPS_PER_CHECKPOINT = 10

STEADY = 1e-4
"""Added to a group's deviation, so that a group of equal rewards has advantage 0."""


class Scored(NamedTuple):
    """Attempts with all that the loss needs of them, row by row."""

    tokens: Array  # [R, T] int32
    own: Array  # [R, T] 1 for tokens that the policy chose
    advantage: Array  # [R]
    before: Array  # [R, T] log p under the policy that sampled them
    reference: Array  # [R, T] log p under the model that the run started from


class PolicyStats(NamedTuple):
    """What an update saw: the loss, the KL to the reference, and the share of ratios clipped."""

    loss: Array
    kl: Array
    clipped: Array


def advantages(rewards: np.ndarray) -> np.ndarray:
    """[B, A]: each reward less its group's mean, over the group's standard deviation."""
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    scaled: np.ndarray = centred / (rewards.std(axis=1, keepdims=True) + STEADY)
    return scaled


def grpo_loss(logprobs: Array, scored: Scored, clip: float, kl_weight: float) -> PolicyStats:
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

    return PolicyStats(
        -mean(gain - kl_weight * kl), mean(kl), mean((ratio != bounded).astype(jnp.float32))
    )


@dataclass(frozen=True)
class PolicyLoss:
    """`grpo_loss` of a model."""

    clip: float
    kl_weight: float

    def __call__(self, model: Transformer, *rows: Array) -> PolicyStats:
        scored = Scored(*rows)
        logprobs = token_logprobs(model, scored.tokens)
        return grpo_loss(logprobs, scored, self.clip, self.kl_weight)


score = jax.jit(token_logprobs)
"""log p [R, T] of rows of tokens [R, T] under a model."""


def train_grpo(recipe: Grpo, start: Start, out: Path, watcher: LoopWatcher) -> Finished[Model]:
    """Raise the reward of `start` on the recipe's task; see `run_loop` for `out` and resuming."""
    return train_model(
        recipe, start.model, partial(_Step, recipe, start, watcher), out, watcher,
        updates=recipe.steps * recipe.minibatches, steps=recipe.steps,
        steps_per_checkpoint=STEPS_PER_CHECKPOINT, start_digest=start.digest,
    )  # fmt: skip


class _Step(Method[Grpo]):
    """One step: rollouts of the policy, their scores, and the updates made on them."""

    def __call__(self, policy: Model, step: int) -> tuple[Model, Figures]:
        recipe = self.recipe
        rollouts = Rollouts.joined(
            [*training_rollouts(recipe, policy[0], self.start.tokenizer, self.watcher, step)]
        )
        scored = self._score(policy[0], rollouts)
        policy, stats = self._update(policy, rollouts, scored, step)
        figures = {
            "reward": float(rollouts.right.mean()),
            "kl": float(stats.kl),
            "clipped_share": float(stats.clipped),
            "thought_tokens": float(np.mean([len(one.thought) for one in rollouts.attempts])),
        }
        return policy, figures | tested_figures(
            recipe, step, recipe.steps, policy[0], self.start.tokenizer
        )

    def _score(self, model: Transformer, rollouts: Rollouts) -> Scored:
        began_s = time.perf_counter()
        tokens = rollouts.rows.tokens
        before, reference = score(model, tokens), score(self.start.model, tokens)
        jax.block_until_ready((before, reference))
        self.watcher.phase("reference", time.perf_counter() - began_s)
        self.watcher.scored(rollouts.rows.lengths.tolist(), models=2)
        advantage = advantages(rollouts.right.astype(np.float32)).reshape(-1)
        own = jnp.asarray(rollouts.rows.taught)
        return Scored(jnp.asarray(tokens), own, jnp.asarray(advantage), before, reference)

    def _update(
        self, policy: Model, rollouts: Rollouts, scored: Scored, step: int
    ) -> tuple[Model, PolicyStats]:
        """`minibatches` updates; the last one's figures, as it is the furthest from the start."""
        recipe = self.recipe
        began_s = time.perf_counter()
        order = np.random.default_rng([recipe.seed, step, 1]).permutation(len(rollouts.attempts))
        parts = np.split(order, recipe.minibatches)
        rows = ([array[part] for array in scored] for part in parts)
        loss = PolicyLoss(recipe.clip, recipe.kl_weight)
        policy, stats = fit(loss, self.apply, policy, rows)
        for part in parts:
            self.watcher.updated(rollouts.rows.lengths[part].tolist())
        jax.block_until_ready(stats)
        self.watcher.phase("update", time.perf_counter() - began_s)
        return policy, stats[-1]
