"""Distillation: a student learns what its teacher says, and how likely it held each token.

The tokens are the teacher's own attempts (sequence level, Kim & Rush 2016, arXiv 1606.07947); the
distributions over them are matched by KL (Hinton et al. 2015, arXiv 1503.02531, temperature 1).
Axis letters as in `config`; R rows, T tokens of a row.

Distillation as a resumable run: the teacher speaks once, the student is updated on it.
"""

import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ..tasks.registry import parse_generated
from ..transformer import Transformer
from .data import Rows, initial_transformer
from .evaluate import drawn, tested_figures
from .loop import Figures, Finished, LoopWatcher, Run, optimizer, run_loop
from .loss import token_logits
from .model_folder import Start, write_folder
from .recipes import Distill, fingerprint
from .rejection import chosen, joined, sampled


def distillation_loss(
    student: Transformer, held: Array, tokens: Array, taught: Array, kl_weight: float
) -> Array:
    """Mean over `taught` [R, T] tokens of (1 - w) (-log p of the token) + w KL(teacher, student),
    in nats; `held` [R, T, V] are the teacher's logits after each token."""
    said = jax.nn.log_softmax(token_logits(student, tokens[:, :-1]))
    held = jax.nn.log_softmax(held[:, :-1])
    chosen = jnp.take_along_axis(said, tokens[:, 1:, None], axis=-1)[..., 0]
    kl = (jnp.exp(held) * (held - said)).sum(axis=-1)
    counts = taught[:, 1:]
    each = (1 - kl_weight) * -chosen + kl_weight * kl
    return (each * counts).sum() / jnp.maximum(counts.sum(), 1)


@partial(jax.jit, static_argnames=("kl_weight", "apply"))
def student_update(  # type: ignore[no-untyped-def]
    student: Transformer, state: optax.OptState, held: Array, tokens: Array, taught: Array,
    kl_weight: float, apply,
) -> tuple[Transformer, optax.OptState, Array]:  # fmt: skip
    """One step of the optimiser whose `apply` this is, and the loss before it."""
    loss, gradient = jax.value_and_grad(distillation_loss)(student, held, tokens, taught, kl_weight)
    change, state = apply(gradient, state, student)
    return optax.apply_updates(student, change), state, loss


teach = jax.jit(token_logits)
"""A teacher's logits [R, T, V] after each token of rows [R, T]."""


STEPS_PER_POINT = 50
POINTS_PER_CHECKPOINT = 4

Student = tuple[Transformer, optax.OptState]


def train_distill(
    recipe: Distill, teacher: Start, out: Path, watcher: LoopWatcher
) -> Finished[Student]:
    """Teach a new, smaller model what `teacher` says; see `run_loop` for `out` and resuming."""
    transform = optimizer(recipe.optimizer, recipe.steps)
    student = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    run = Run(
        name=recipe.name,
        fingerprint=fingerprint(recipe, teacher.digest),
        steps=-(-recipe.steps // STEPS_PER_POINT),
        start=(student, jax.jit(transform.init)(student)),
        advance=_Updates(recipe, teacher, transform, watcher),
        export=lambda student, folder: write_folder(folder, student[0]),
        steps_per_checkpoint=POINTS_PER_CHECKPOINT,
    )
    return run_loop(run, out, watcher)


class _Updates:
    """`STEPS_PER_POINT` updates on random batches of what the teacher said, sampled once."""

    def __init__(
        self, recipe: Distill, teacher: Start, transform: optax.GradientTransformation,
        watcher: LoopWatcher,
    ) -> None:  # fmt: skip
        self._recipe, self._teacher, self._apply, self._watcher = (
            recipe, teacher, transform.update, watcher
        )  # fmt: skip
        self._task = parse_generated(recipe.task)
        self._said: Rows | None = None

    def __call__(self, student: Student, point: int) -> tuple[Student, Figures]:
        recipe, rows = self._recipe, self._rows()
        first, losses = point * STEPS_PER_POINT, []
        for step in range(first, min(first + STEPS_PER_POINT, recipe.steps)):
            rng = np.random.default_rng([recipe.seed, step, 1])
            batch = chosen(rows, rng.integers(len(rows.tokens), size=recipe.batch))
            lengths = batch.lengths.tolist()
            began_s = time.perf_counter()
            held = jax.block_until_ready(teach(self._teacher.model, batch.tokens))
            taught_s = time.perf_counter()
            *student, loss = student_update(
                *student, held, batch.tokens, batch.taught, recipe.kl_weight, self._apply
            )
            losses.append(float(loss))
            self._watcher.phase("reference", taught_s - began_s)
            self._watcher.phase("update", time.perf_counter() - taught_s)
            self._watcher.scored(lengths, models=1)
            self._watcher.updated(lengths)
        mean = sum(losses) / len(losses)
        return (student[0], student[1]), {"loss": mean} | tested_figures(
            recipe.tested, point, -(-recipe.steps // STEPS_PER_POINT), student[0],
            self._teacher.tokenizer, self._task, recipe.sampling.think_budget,
        )  # fmt: skip

    def _rows(self) -> Rows:
        """What the teacher said, the same whenever a run is resumed."""
        if self._said is None:
            recipe, asked = self._recipe, self._recipe.sampling
            problems = drawn(self._task, asked.problems, recipe.seed, step=0)
            found = sampled(
                self._teacher.model, self._teacher.tokenizer, problems, asked, recipe.seed, 0,
                self._watcher,
            )  # fmt: skip
            self._said = joined([part.rows for part in found])
        return self._said
