"""GRPO: policy gradient with group-relative advantage (Shao et al. 2024, arXiv 2402.03300).

Axis letters as in `config`; A attempts at a problem are a group, R = B * A rows, T tokens.

GRPO as a resumable run: sample groups, check them, update the policy.
"""

import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ..sampling import Temperature
from ..tasks.registry import parse_generated
from ..transformer import Transformer
from .evaluate import drawn, tested_figures
from .loop import Figures, Finished, LoopWatcher, Run, optimizer, run_loop
from .loss import token_logprobs
from .model_folder import Start, write_folder
from .recipes import Grpo, fingerprint
from .rollout import Rollouts, Thinking, roll_out

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


STEPS_PER_CHECKPOINT = 10

Policy = tuple[Transformer, optax.OptState]


def train_grpo(recipe: Grpo, start: Start, out: Path, watcher: LoopWatcher) -> Finished[Policy]:
    """Raise the reward of `start` on the recipe's task; see `run_loop` for `out` and resuming."""
    transform = optimizer(recipe.optimizer, recipe.steps * recipe.minibatches)
    run = Run(
        name=recipe.name,
        fingerprint=fingerprint(recipe, start.digest),
        steps=recipe.steps,
        start=(start.model, jax.jit(transform.init)(start.model)),
        advance=_Step(recipe, start, transform, watcher),
        export=lambda policy, folder: write_folder(folder, policy[0]),
        steps_per_checkpoint=STEPS_PER_CHECKPOINT,
    )
    return run_loop(run, out, watcher)


class _Step:
    """One step: rollouts of the policy, their scores, and the updates made on them."""

    def __init__(
        self, recipe: Grpo, start: Start, transform: optax.GradientTransformation,
        watcher: LoopWatcher,
    ) -> None:  # fmt: skip
        self._recipe, self._start, self._apply, self._watcher = (
            recipe, start, transform.update, watcher
        )  # fmt: skip
        self._task = parse_generated(recipe.task)

    def __call__(self, policy: Policy, step: int) -> tuple[Policy, Figures]:
        recipe = self._recipe
        found = self._sample(policy[0], step)
        scored = self._score(policy[0], found)
        policy, heed = self._update(policy, found, scored, step)
        figures = {
            "reward": float(found.right.mean()),
            "kl": float(heed.kl),
            "clipped_share": float(heed.clipped),
            "thought_tokens": float(np.mean([len(one.thought) for one in found.said])),
        }
        return policy, figures | tested_figures(
            recipe.tested, step, recipe.steps, policy[0], self._start.tokenizer, self._task,
            recipe.sampling.think_budget,
        )  # fmt: skip

    def _sample(self, model: Transformer, step: int) -> Rollouts:
        recipe, asked = self._recipe, self._recipe.sampling
        problems = drawn(self._task, asked.problems, recipe.seed, step)
        thinking = Thinking(Temperature(asked.temperature), asked.attempts, asked.think_budget)
        found = roll_out(
            model, self._start.tokenizer, problems, thinking, recipe.seed, step * asked.problems,
            self._watcher.phase,
        )  # fmt: skip
        self._watcher.sampled(found)
        return found

    def _score(self, model: Transformer, found: Rollouts) -> Scored:
        began_s = time.perf_counter()
        tokens = found.rows.tokens
        before, reference = score(model, tokens), score(self._start.model, tokens)
        jax.block_until_ready((before, reference))
        self._watcher.phase("reference", time.perf_counter() - began_s)
        self._watcher.scored(found.rows.lengths.tolist(), models=2)
        advantage = advantages(found.right.astype(np.float32)).reshape(-1)
        own = jnp.asarray(found.rows.taught)
        return Scored(jnp.asarray(tokens), own, jnp.asarray(advantage), before, reference)

    def _update(
        self, policy: Policy, found: Rollouts, scored: Scored, step: int
    ) -> tuple[Policy, Heed]:
        """`minibatches` updates; the last one's figures, as it is the furthest from the start."""
        recipe = self._recipe
        began_s = time.perf_counter()
        order = np.random.default_rng([recipe.seed, step, 1]).permutation(len(found.said))
        for part in np.split(order, recipe.minibatches):
            rows = Scored(*(array[part] for array in scored))
            *policy, heed = policy_update(*policy, rows, recipe.clip, recipe.kl_weight, self._apply)
            self._watcher.updated(found.rows.lengths[part].tolist())
        jax.block_until_ready(heed)
        self._watcher.phase("update", time.perf_counter() - began_s)
        return (policy[0], policy[1]), heed
