"""GRPO as a resumable run: sample groups, check them, update the policy."""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..sampling import Temperature
from ..tasks.parse import parse_generated
from ..transformer import Transformer
from .export import write_folder
from .grpo import Heed, Scored, advantages, policy_update, score
from .loop import Finished, LoopWatcher, Run, run_loop
from .method_recipes import Grpo
from .optimizer import optimizer
from .progress import Figures
from .recipe import fingerprint
from .rollout import Rollouts, Thinking, roll_out
from .start import Start
from .tested import drawn, tested_figures

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
