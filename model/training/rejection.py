"""Rejection sampling: fine-tuning on a model's own attempts that the checker found right.

Rounds of it are expert iteration (Anthony et al. 2017, arXiv 1705.08439; STaR, Zelikman et al.
2022, arXiv 2203.14465). Axis letters as in `config`; N kept rows, T tokens of a row.

Rejection sampling as a resumable run: rounds of generating, checking, and updating.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
import optax

from ..config import ModelInputError
from ..sampling import Temperature
from ..tasks import Problem
from ..tasks.registry import parse_generated
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .data import Rows
from .evaluate import drawn, tested_figures
from .loop import Figures, Finished, LoopWatcher, Run, optimizer, run_loop
from .model_folder import Start, write_folder
from .recipes import Rejection, Sampling, fingerprint
from .rollout import Rollouts, Thinking, roll_out
from .supervised import kept_update


def keep_right(found: Rollouts, per_problem: int) -> np.ndarray:
    """[N] attempts to train on: of each problem the first `per_problem` that are right, differ,
    and ended by themselves (a thought whose end was forced teaches nothing about ending it)."""
    B, A = found.right.shape
    kept = []
    for problem in range(B):
        seen: set[tuple[int, ...]] = set()
        for row in range(problem * A, (problem + 1) * A):
            one = found.said[row]
            said = (*one.thought, *one.answer)
            fresh = found.right[problem, row % A] and not one.forced_tokens and said not in seen
            if fresh and len(seen) < per_problem:
                seen.add(said)
                kept.append(row)
    return np.array(kept, np.int64)


def joined(parts: list[Rows]) -> Rows:
    """The rows of all `parts`, which are equally long, one after the other."""
    return Rows(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.taught for part in parts]),
    )


def chosen(rows: Rows, which: np.ndarray) -> Rows:
    """The rows of these indices."""
    return Rows(rows.tokens[which], rows.taught[which])


TOGETHER = 256
"""Problems sampled in one batch."""


Student = tuple[Transformer, optax.OptState]


def train_rejection(
    recipe: Rejection, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[Student]:
    """Fine-tune `start` on its own right attempts; see `run_loop` for `out` and resuming."""
    transform = optimizer(recipe.optimizer, recipe.steps * recipe.updates)
    run = Run(
        name=recipe.name,
        fingerprint=fingerprint(recipe, start.digest),
        steps=recipe.steps,
        start=(start.model, jax.jit(transform.init)(start.model)),
        advance=_Round(recipe, start, transform, watcher),
        export=lambda student, folder: write_folder(folder, student[0]),
        steps_per_checkpoint=1,
    )
    return run_loop(run, out, watcher)


class _Round:
    """One round: sample with the model as it is, keep what is right, and update on it."""

    def __init__(
        self, recipe: Rejection, start: Start, transform: optax.GradientTransformation,
        watcher: LoopWatcher,
    ) -> None:  # fmt: skip
        self._recipe, self._start, self._apply, self._watcher = (
            recipe, start, transform.update, watcher
        )  # fmt: skip
        self._task = parse_generated(recipe.task)

    def __call__(self, student: Student, step: int) -> tuple[Student, Figures]:
        recipe = self._recipe
        asked = recipe.sampling
        problems = drawn(self._task, asked.problems, recipe.seed, step)
        right, kept = 0, []
        for found in sampled(
            student[0], self._start.tokenizer, problems, asked, recipe.seed,
            step * asked.problems, self._watcher,
        ):  # fmt: skip
            right += int(found.right.sum())
            kept.append(chosen(found.rows, keep_right(found, recipe.kept_per_problem)))
        rows = joined(kept)
        if not len(rows.tokens):
            raise ModelInputError(
                f"no attempt at {recipe.task} was right in round {step + 1}: there is nothing to "
                "train on; start from a better model or sample more"
            )
        student, loss = self._update(student, rows, step)
        attempts = asked.problems * asked.attempts
        figures = {
            "reward": right / attempts,
            "kept_rows": len(rows.tokens),
            "kept_share": len(rows.tokens) / attempts,
            "loss": loss,
        }
        return student, figures | tested_figures(
            recipe.tested, step, recipe.steps, student[0], self._start.tokenizer, self._task,
            asked.think_budget,
        )  # fmt: skip

    def _update(self, student: Student, rows: Rows, step: int) -> tuple[Student, float]:
        """`updates` on random batches of `rows`, and their mean loss."""
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, step, 1])
        losses = []
        began_s = time.perf_counter()
        for _ in range(recipe.updates):
            batch = chosen(rows, rng.integers(len(rows.tokens), size=recipe.batch))
            *student, loss = kept_update(*student, batch.tokens, batch.taught, self._apply)
            losses.append(loss)
            self._watcher.updated(batch.lengths.tolist())
        mean = float(sum(losses)) / len(losses)
        self._watcher.phase("update", time.perf_counter() - began_s)
        return (student[0], student[1]), mean


def sampled(
    model: Transformer, tokenizer: Tokenizer, problems: Sequence[Problem], asked: Sampling,
    seed: int, first_index: int, watcher: LoopWatcher,
) -> Iterator[Rollouts]:  # fmt: skip
    """Attempts at `problems`, `TOGETHER` of them at a time."""
    thinking = Thinking(Temperature(asked.temperature), asked.attempts, asked.think_budget)
    for first in range(0, len(problems), TOGETHER):
        found = roll_out(
            model, tokenizer, problems[first : first + TOGETHER], thinking, seed,
            first_index + first, watcher.phase,
        )  # fmt: skip
        watcher.sampled(found)
        yield found
