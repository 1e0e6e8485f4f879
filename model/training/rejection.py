"""Rejection sampling: fine-tuning on a model's own attempts that the checker found right.

Rounds of it are expert iteration (Anthony et al. 2017, arXiv 1705.08439; STaR, Zelikman et al.
2022, arXiv 2203.14465). Axis letters as in `config`; N kept rows, T tokens of a row.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optax

from ..config import ModelInputError
from ..transformer import Transformer
from .data import Rows
from .loop import Figures, Finished, Learner, LoopWatcher, learner_run, run_loop
from .model_folder import Start
from .recipes import Rejection
from .rollout import Rollouts, tested_figures, training_rollouts
from .updates import cross_entropy, optimizer, update


def train_rejection(
    recipe: Rejection, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[Learner]:
    """Fine-tune `start` on its own right attempts; see `run_loop` for `out` and resuming."""
    transform = optimizer(recipe.optimizer, recipe.steps * recipe.updates)
    one_round = _Round(recipe, start, transform.update, watcher)
    run = learner_run(
        recipe, start.model, transform, one_round,
        steps=recipe.steps, steps_per_checkpoint=1, start_digest=start.digest,
    )  # fmt: skip
    return run_loop(run, out, watcher)


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


@dataclass(frozen=True)
class _Round:
    """One round: sample with the model as it is, keep what is right, and update on it."""

    recipe: Rejection
    start: Start
    apply: optax.TransformUpdateFn
    watcher: LoopWatcher

    def __call__(self, learner: Learner, step: int) -> tuple[Learner, Figures]:
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

    def _update(self, learner: Learner, rows: Rows, step: int) -> tuple[Learner, float]:
        """`updates` on random batches of `rows`, and their mean loss."""
        recipe = self.recipe
        model, state = learner
        rng = np.random.default_rng([recipe.seed, step, 1])
        losses = []
        began_s = time.perf_counter()
        for _ in range(recipe.updates):
            batch = rows.take(rng.integers(len(rows.tokens), size=recipe.batch))
            data = (batch.tokens, batch.taught)
            model, state, loss = update(cross_entropy, self.apply, model, state, data)
            losses.append(loss)
            self.watcher.updated(batch.lengths.tolist())
        mean = float(sum(losses)) / len(losses)
        self.watcher.phase("update", time.perf_counter() - began_s)
        return (model, state), mean
