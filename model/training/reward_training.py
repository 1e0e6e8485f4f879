"""Training of an outcome reward model on attempts with the checker's labels, and its worth: votes
weighted by it against plain ones, on test problems.
"""

import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from ..reward_model import Head, initial_head, last_hidden, save_head
from ..sampling import Temperature
from ..tasks.parse import parse_generated
from ..transformer import Transformer
from .data import Rows, points, random_rows
from .loop import POINTS_PER_CHECKPOINT, Figures, Finished, LoopWatcher, Method, Run, run_loop
from .model_folder import Start, write_folder
from .recipes import Verifier, fingerprint
from .rollout import (
    TEST_SEED,
    Figure,
    ScoredAnswer,
    Thinking,
    right_by_vote,
    sample_batches,
    scored_answers,
    training_rollouts,
)
from .updates import fit, optimizer

VOTES = (4, 8, 16)


class Judge(NamedTuple):
    """A head, the trunk it reads, and the optimiser's state of what is taught of them."""

    head: Head
    trunk: Transformer
    state: optax.OptState


class Labelled(NamedTuple):
    """Attempts, whether each is right, and the starting trunk's state at the end of each."""

    rows: Rows
    right: np.ndarray  # [R] float32
    hidden: np.ndarray  # [R, D]


def train_verifier(
    recipe: Verifier, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[Judge]:
    """Teach a head to tell right attempts of `start` from wrong ones; see `run_loop`.

    `out` gets `reward_model.HEAD` beside the trunk that it reads.
    """
    transform = optimizer(recipe.optimizer, recipe.steps)
    head = initial_head(start.model.config.embed_dim, recipe.hidden, recipe.seed)
    taught = (head, start.model) if recipe.own_trunk else head
    run = Run(
        recipe.name, fingerprint(recipe, start.digest), points(recipe),
        start=Judge(head, start.model, jax.jit(transform.init)(taught)),
        advance=_Updates(recipe, start, watcher, transform.update),
        export=_export, steps_per_checkpoint=POINTS_PER_CHECKPOINT,
    )  # fmt: skip
    return run_loop(run, out, watcher)


def labelled_attempts(recipe: Verifier, start: Start, watcher: LoopWatcher) -> Labelled:
    """The attempts of `start` that the recipe calls for, and the checker's verdict on each."""
    rows, right, hidden = [], [], []
    for rollouts in training_rollouts(recipe, start.model, start.tokenizer, watcher):
        lengths = rollouts.rows.lengths
        began_s = time.perf_counter()
        hidden.append(np.asarray(ends(start.model, rollouts.rows.tokens, lengths)))
        watcher.phase("reference", time.perf_counter() - began_s)
        watcher.scored(lengths.tolist(), models=1)
        rows.append(rollouts.rows)
        right.append(rollouts.right.ravel().astype(np.float32))
    return Labelled(Rows.joined(rows), np.concatenate(right), np.concatenate(hidden))


def _export(judge: Judge, folder: Path) -> None:
    write_folder(folder, judge.trunk)
    save_head(folder, judge.head)


class _Updates(Method[Verifier]):
    """Updates on random batches of attempts, which are sampled once."""

    @cached_property
    def labelled(self) -> Labelled:
        """The attempts, the same whenever a run is resumed."""
        return labelled_attempts(self.recipe, self.start, self.watcher)

    def __call__(self, judge: Judge, point: int) -> tuple[Judge, Figures]:
        attempts = self.labelled  # sampled before the clock starts
        began_s = time.perf_counter()
        chosen = random_rows(self.recipe, point, len(attempts.right))
        if self.recipe.own_trunk:
            judge, losses = judge_updates(judge, map(self._texts, chosen), self.apply)
        else:
            states = ((attempts.hidden[which], attempts.right[which]) for which in chosen)
            judge, losses = head_updates(judge, states, self.apply)
        mean = float(sum(losses)) / len(losses)
        self.watcher.phase("update", time.perf_counter() - began_s)
        return judge, {"loss": mean, "right_share": float(attempts.right.mean())}

    def _texts(self, which: np.ndarray) -> tuple[np.ndarray, ...]:
        batch = self.labelled.rows.take(which)
        self.watcher.updated(batch.lengths.tolist())
        return batch.tokens, batch.lengths, self.labelled.right[which]


def outcome_loss(head: Head, hidden: Array, right: Array) -> Array:
    """Mean cross-entropy, in nats, of `right` [R] given states `hidden` [R, D]."""
    return optax.sigmoid_binary_cross_entropy(head.logit(hidden), right).mean()


def trunk_outcome_loss(
    taught: tuple[Head, Transformer], tokens: Array, lengths: Array, right: Array
) -> Array:
    """As `outcome_loss`, of the states of a trunk that is taught with its head."""
    head, trunk = taught
    return outcome_loss(head, last_hidden(trunk, tokens, lengths), right)


def head_updates(
    judge: Judge, batches: Iterable[tuple[ArrayLike, ...]], apply: optax.TransformUpdateFn
) -> tuple[Judge, list[Array]]:
    """An update of the head on each of `batches` (hidden, right), and the losses; the trunk is
    another's and stays as it is."""
    (head, state), losses = fit(outcome_loss, apply, (judge.head, judge.state), batches)
    return Judge(head, judge.trunk, state), losses


def judge_updates(
    judge: Judge, batches: Iterable[tuple[ArrayLike, ...]], apply: optax.TransformUpdateFn
) -> tuple[Judge, list[Array]]:
    """As `head_updates`, of the head and its own trunk, on batches (tokens, lengths, right)."""
    taught = ((judge.head, judge.trunk), judge.state)
    ((head, trunk), state), losses = fit(trunk_outcome_loss, apply, taught, batches)
    return Judge(head, trunk, state), losses


ends = jax.jit(last_hidden)
"""States [R, D] at the last of `lengths` [R] tokens of rows [R, T]."""


def verifier_figures(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[Figure]:
    """Right answers by one sample, and by 4, 8 and 16: majority, weighted and best by score."""
    answers = judged(recipe, start, judge, problems)

    def figure(what: str, right: list[bool]) -> Figure:
        return Figure(f"{recipe.task}, {what}", sum(right), problems)

    figures = [figure("one sample", [of_problem[0].right for of_problem in answers])]
    for n in VOTES:
        first = [of_problem[:n] for of_problem in answers]
        weighted = [right_by_vote(some, [one.score for one in some]) for some in first]
        best = [max(some, key=lambda one: one.score).right for some in first]
        figures += [
            figure(f"majority of {n}", [right_by_vote(some, [1.0] * n) for some in first]),
            figure(f"vote of {n} weighted by the verifier", weighted),
            figure(f"best of {n} by the verifier", best),
            figure(f"any of {n}", [any(one.right for one in some) for some in first]),
        ]
    return figures


def judged(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[list[ScoredAnswer]]:
    """Attempts of `start` at test problems with the verifier's scores, problem by problem."""
    drawn = parse_generated(recipe.task).problems("test", problems, TEST_SEED)
    sampling = recipe.sampling
    thinking = Thinking(Temperature(sampling.temperature), max(VOTES), sampling.think_budget)
    answers = []
    for rollouts in sample_batches(start.model, start.tokenizer, drawn, thinking, TEST_SEED):
        hidden = ends(judge.trunk, rollouts.rows.tokens, rollouts.rows.lengths)
        scores = np.asarray(judge.head(hidden)).reshape(rollouts.right.shape)
        answers += scored_answers(rollouts, start.tokenizer, scores)
    return answers
