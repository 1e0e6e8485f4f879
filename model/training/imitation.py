"""Learning from attempts: a model's own right ones, or a teacher's.

Rejection sampling is fine-tuning on a model's own attempts that the checker found right. Rounds of
it are expert iteration (Anthony et al. 2017, arXiv 1705.08439; STaR, Zelikman et al. 2022, arXiv
2203.14465). Distillation: a student learns its teacher's tokens (sequence level, Kim & Rush 2016,
arXiv 1606.07947), and how likely it held each of them (KL, Hinton et al. 2015, arXiv 1503.02531,
temperature 1).

Axis letters as in `config`; N kept rows, R rows, T tokens of a row.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from ..config import ModelInputError
from ..transformer import Transformer
from .data import Rows, new_model, points, random_rows
from .loop import (
    POINTS_PER_CHECKPOINT,
    Figures,
    Finished,
    LoopWatcher,
    Method,
    Model,
    train_model,
)
from .model_folder import Start
from .recipes import Distill, Rejection
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import cross_entropy, fit, token_logits


def train_rejection(
    recipe: Rejection, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[Model]:
    """Fine-tune `start` on its own right attempts; see `run_loop` for `out` and resuming."""
    return train_model(
        recipe, start.model, partial(_Round, recipe, start, watcher), out, watcher,
        updates=recipe.steps * recipe.updates, steps=recipe.steps, steps_per_checkpoint=1,
        start_digest=start.digest,
    )  # fmt: skip


def keep_right(rollouts: Rollouts, per_problem: int) -> np.ndarray:
    """[N] attempts to train on: of each problem the first `per_problem` that are right, differ,
    and ended by themselves (a thought whose end was forced teaches nothing about ending it)."""
    B, A = rollouts.right.shape
    kept = []
    for problem in range(B):
        seen: set[tuple[int, ...]] = set()
        for row in range(problem * A, (problem + 1) * A):
            attempt = rollouts.attempts[row]
            tokens = (*attempt.thought, *attempt.answer)
            right = rollouts.right[problem, row % A] and not attempt.forced_tokens
            if right and tokens not in seen and len(seen) < per_problem:
                seen.add(tokens)
                kept.append(row)
    return np.array(kept, np.int64)


class _Round(Method[Rejection]):
    """One round: sample with the model as it is, keep what is right, and update on it."""

    def __call__(self, learner: Model, step: int) -> tuple[Model, Figures]:
        recipe, sampling = self.recipe, self.recipe.sampling
        right, rows = self._right_rows(learner[0], step)
        if not len(rows.tokens):
            raise ModelInputError(
                f"no attempt at {recipe.task} was right in round {step + 1}: there is nothing to "
                "train on; start from a better model or sample more"
            )
        learner, loss = self._update(learner, rows, step)
        attempts = sampling.problems * sampling.attempts
        figures = {
            "reward": right / attempts,
            "kept_rows": len(rows.tokens),
            "kept_share": len(rows.tokens) / attempts,
            "loss": loss,
        }
        return learner, figures | tested_figures(
            recipe, step, recipe.steps, learner[0], self.start.tokenizer
        )

    def _right_rows(self, model: Transformer, step: int) -> tuple[int, Rows]:
        """How many attempts of this round are right, and the rows of them that are kept."""
        recipe, tokenizer = self.recipe, self.start.tokenizer
        right, kept = 0, []
        for rollouts in training_rollouts(recipe, model, tokenizer, self.watcher, step):
            right += int(rollouts.right.sum())
            kept.append(rollouts.rows.take(keep_right(rollouts, recipe.kept_per_problem)))
        return right, Rows.joined(kept)

    def _update(self, learner: Model, rows: Rows, step: int) -> tuple[Model, float]:
        """`updates` on random batches of `rows`, and their mean loss."""
        rng = np.random.default_rng([self.recipe.seed, step, 1])
        began_s = time.perf_counter()
        learner, losses = fit(cross_entropy, self.apply, learner, self._batches(rows, rng))
        mean = float(sum(losses)) / len(losses)
        self.watcher.phase("update", time.perf_counter() - began_s)
        return learner, mean

    def _batches(self, rows: Rows, rng: np.random.Generator) -> Iterator[tuple[ArrayLike, ...]]:
        for _ in range(self.recipe.updates):
            batch = rows.take(rng.integers(len(rows.tokens), size=self.recipe.batch))
            self.watcher.updated(batch.lengths.tolist())
            yield batch.tokens, batch.taught


@dataclass(frozen=True)
class DistillationLoss:
    """Mean over `taught` [R, T] tokens of (1 - w) (-log p of the token) + w KL(teacher, student),
    in nats; `teacher` [R, T, V] are the teacher's logits after each token."""

    kl_weight: float

    def __call__(self, student: Transformer, teacher: Array, tokens: Array, taught: Array) -> Array:
        logprobs = jax.nn.log_softmax(token_logits(student, tokens[:, :-1]))
        teacher = jax.nn.log_softmax(teacher[:, :-1])
        chosen = jnp.take_along_axis(logprobs, tokens[:, 1:, None], axis=-1)[..., 0]
        kl = (jnp.exp(teacher) * (teacher - logprobs)).sum(axis=-1)
        counts = taught[:, 1:]
        losses = (1 - self.kl_weight) * -chosen + self.kl_weight * kl
        return (losses * counts).sum() / jnp.maximum(counts.sum(), 1)


teach = jax.jit(token_logits)
"""A teacher's logits [R, T, V] after each token of rows [R, T]."""


def train_distill(
    recipe: Distill, teacher: Start, out: Path, watcher: LoopWatcher
) -> Finished[Model]:
    """Teach a new, smaller model on attempts of `teacher`; see `run_loop` for `out`, resuming."""
    return train_model(
        recipe, new_model(recipe), partial(_Updates, recipe, teacher, watcher), out, watcher,
        updates=recipe.steps, steps=points(recipe), steps_per_checkpoint=POINTS_PER_CHECKPOINT,
        start_digest=teacher.digest,
    )  # fmt: skip


class _Updates(Method[Distill]):
    """Updates on random batches of the teacher's attempts, which are sampled once."""

    def __call__(self, student: Model, point: int) -> tuple[Model, Figures]:
        recipe = self.recipe
        chosen = random_rows(recipe, point, len(self.rows.tokens))
        batches = [self.rows.take(which) for which in chosen]
        student, losses = self._update(student, batches)
        for batch in batches:
            self.watcher.scored(batch.lengths.tolist(), models=1)
            self.watcher.updated(batch.lengths.tolist())
        return student, {"loss": sum(losses) / len(losses)} | tested_figures(
            recipe, point, points(recipe), student[0], self.start.tokenizer
        )

    def _update(self, student: Model, batches: list[Rows]) -> tuple[Model, list[float]]:
        """An update on each batch, after the teacher has read all of them, and their losses.

        Waits for the device twice in all, so that both phases have a time.
        """
        began_s = time.perf_counter()
        logits = jax.block_until_ready([teach(self.start.model, b.tokens) for b in batches])
        taught_s = time.perf_counter()
        data = [(of, b.tokens, b.taught) for of, b in zip(logits, batches, strict=True)]
        loss = DistillationLoss(self.recipe.kl_weight)
        student, losses = fit(loss, self.apply, student, data)
        values = [float(loss) for loss in jax.device_get(losses)]
        self.watcher.phase("reference", taught_s - began_s)
        self.watcher.phase("update", time.perf_counter() - taught_s)
        return student, values

    @cached_property
    def rows(self) -> Rows:
        """The teacher's attempts, the same whenever a run is resumed."""
        teacher = self.start
        batches = training_rollouts(self.recipe, teacher.model, teacher.tokenizer, self.watcher)
        return Rollouts.joined([*batches]).rows
