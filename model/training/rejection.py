"""Rejection sampling: fine-tuning on a model's own attempts that the checker found right.

Rounds of it are expert iteration (Anthony et al. 2017, arXiv 1705.08439; STaR, Zelikman et al.
2022, arXiv 2203.14465). Axis letters as in `config`; N kept rows, T tokens of a row.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from jax.typing import ArrayLike

from ..config import ModelInputError
from ..transformer import Transformer
from .data import Rows
from .loop import Figures, Finished, LoopWatcher, Method, Model, train_model
from .model_folder import Start
from .recipes import Rejection
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import cross_entropy, fit


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
