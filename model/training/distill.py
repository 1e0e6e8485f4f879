"""Distillation: a student learns its teacher's tokens, and how likely it held each of them.

The tokens are the teacher's own attempts (sequence level, Kim & Rush 2016, arXiv 1606.07947); the
distributions over them are matched by KL (Hinton et al. 2015, arXiv 1503.02531, temperature 1).
Axis letters as in `config`; R rows, T tokens of a row.
"""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from jax import Array

from ..transformer import Transformer
from . import loop
from .data import Rows, initial_transformer, points, random_rows
from .loop import POINTS_PER_CHECKPOINT, Figures, Finished, Learner, LoopWatcher, learner_run
from .model_folder import Start
from .recipes import Distill
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import optimizer, token_logits, update


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
) -> Finished[Learner]:
    """Teach a new, smaller model on attempts of `teacher`; see `run_loop` for `out`, resuming."""
    transform = optimizer(recipe.optimizer, recipe.steps)
    student = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    run = learner_run(
        recipe, student, transform, _Updates(recipe, teacher, transform.update, watcher),
        steps=points(recipe), steps_per_checkpoint=POINTS_PER_CHECKPOINT,
        start_digest=teacher.digest,
    )  # fmt: skip
    return loop.run_loop(run, out, watcher)


@dataclass(frozen=True)
class _Updates:
    """Updates on random batches of the teacher's attempts, which are sampled once."""

    recipe: Distill
    teacher: Start
    apply: optax.TransformUpdateFn
    watcher: LoopWatcher

    def __call__(self, student: Learner, point: int) -> tuple[Learner, Figures]:
        """The updates of one point of the curve."""
        recipe = self.recipe
        chosen = random_rows(recipe, point, len(self.rows.tokens))
        batches = [self.rows.take(which) for which in chosen]
        student, losses = self._update(student, batches)
        for batch in batches:
            self.watcher.scored(batch.lengths.tolist(), models=1)
            self.watcher.updated(batch.lengths.tolist())
        return student, {"loss": sum(losses) / len(losses)} | tested_figures(
            recipe, point, points(recipe), student[0], self.teacher.tokenizer
        )

    def _update(self, student: Learner, batches: list[Rows]) -> tuple[Learner, list[float]]:
        """An update on each batch, after the teacher has read all of them, and their losses.

        Waits for the device twice in all, so that both phases have a time.
        """
        began_s = time.perf_counter()
        logits = jax.block_until_ready([teach(self.teacher.model, b.tokens) for b in batches])
        taught_s = time.perf_counter()
        model, state = student
        loss_of, losses = DistillationLoss(self.recipe.kl_weight), []
        for batch, held in zip(batches, logits, strict=True):
            data = (held, batch.tokens, batch.taught)
            model, state, loss = update(loss_of, self.apply, model, state, data)
            losses.append(loss)
        values = [float(loss) for loss in jax.device_get(losses)]
        self.watcher.phase("reference", taught_s - began_s)
        self.watcher.phase("update", time.perf_counter() - taught_s)
        return (model, state), values

    @cached_property
    def rows(self) -> Rows:
        """The teacher's attempts, the same whenever a run is resumed."""
        teacher = self.teacher
        batches = training_rollouts(self.recipe, teacher.model, teacher.tokenizer, self.watcher)
        return Rollouts.joined([*batches]).rows
