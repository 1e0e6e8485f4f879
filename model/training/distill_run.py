"""Distillation as a resumable run: the teacher speaks once, the student is updated on it."""

import time
from pathlib import Path

import jax
import numpy as np
import optax

from ..tasks.parse import parse_generated
from ..transformer import Transformer
from .data import Rows
from .distill import student_update, teach
from .export import write_folder
from .initial import initial_transformer
from .loop import Finished, LoopWatcher, Run, run_loop
from .method_recipes import Distill
from .optimizer import optimizer
from .progress import Figures
from .recipe import fingerprint
from .rejection import chosen, joined
from .rejection_run import sampled
from .start import Start
from .tested import drawn, tested_figures

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
