"""Distillation: a student learns its teacher's tokens, and how likely it held each of them.

The tokens are the teacher's own attempts (sequence level, Kim & Rush 2016, arXiv 1606.07947); the
distributions over them are matched by KL (Hinton et al. 2015, arXiv 1503.02531, temperature 1).
Axis letters as in `config`; R rows, T tokens of a row.
"""

import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import Array

from ..transformer import Transformer
from .data import Rows, initial_transformer, points, random_rows
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
from .recipes import Distill
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import fit, token_logits


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
    student = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    return train_model(
        recipe, student, partial(_Updates, recipe, teacher, watcher), out, watcher,
        updates=recipe.steps, steps=points(recipe), steps_per_checkpoint=POINTS_PER_CHECKPOINT,
        start_digest=teacher.digest,
    )  # fmt: skip


class _Updates(Method[Distill]):
    """Updates on random batches of the teacher's attempts, which are sampled once."""

    def __call__(self, student: Model, point: int) -> tuple[Model, Figures]:
        """The updates of one point of the curve."""
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
