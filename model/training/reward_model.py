"""Training of a verifier as a resumable run: attempts with the checker's labels, then updates.

What a learned verifier buys: votes weighted by it against plain ones, on test problems.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax
from jax import Array

from ..reward_model import Head, initial_head, last_hidden, outcome_loss, save_head
from ..sampling import Temperature
from ..tasks.registry import parse_generated
from ..transformer import Transformer
from .data import Rows
from .evaluate import SEED, TOGETHER, Figure, drawn
from .loop import Figures, Finished, LoopWatcher, Run, optimizer, run_loop
from .model_folder import Start, write_folder
from .recipes import Verifier, fingerprint
from .rejection import chosen, joined, sampled
from .rollout import Thinking, roll_out

STEPS_PER_POINT = 50
POINTS_PER_CHECKPOINT = 4


class Judge(NamedTuple):
    """A head, the trunk it reads, and the optimiser's state of what is taught of them."""

    head: Head
    trunk: Transformer
    state: optax.OptState


@dataclass(frozen=True)
class Labelled:
    """Attempts, whether each is right, and the starting trunk's state at the end of each."""

    rows: Rows
    right: np.ndarray  # [R] float32
    hidden: np.ndarray  # [R, D]


def train_verifier(
    recipe: Verifier, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[Judge]:
    """Teach a head to tell right attempts of `start` from wrong ones; see `run_loop`.

    `out` gets `outcome.HEAD` beside the trunk that it reads.
    """
    transform = optimizer(recipe.optimizer, recipe.steps)
    head = initial_head(start.model.config.embed_dim, recipe.hidden, recipe.seed)
    taught = (head, start.model) if recipe.own_trunk else head
    run = Run(
        name=recipe.name,
        fingerprint=fingerprint(recipe, start.digest),
        steps=-(-recipe.steps // STEPS_PER_POINT),
        start=Judge(head, start.model, jax.jit(transform.init)(taught)),
        advance=_Updates(recipe, start, transform, watcher),
        export=_export,
        steps_per_checkpoint=POINTS_PER_CHECKPOINT,
    )
    return run_loop(run, out, watcher)


def labelled_attempts(recipe: Verifier, start: Start, watcher: LoopWatcher) -> Labelled:
    """The attempts of `start` that the recipe asks for, and the checker's word on each."""
    asked = recipe.sampling
    problems = drawn(parse_generated(recipe.task), asked.problems, recipe.seed, step=0)
    rows, right, hidden = [], [], []
    for found in sampled(start.model, start.tokenizer, problems, asked, recipe.seed, 0, watcher):
        lengths = found.rows.lengths
        began_s = time.perf_counter()
        hidden.append(np.asarray(ends(start.model, found.rows.tokens, lengths)))
        watcher.phase("reference", time.perf_counter() - began_s)
        watcher.scored(lengths.tolist(), models=1)
        rows.append(found.rows)
        right.append(found.right.ravel().astype(np.float32))
    return Labelled(joined(rows), np.concatenate(right), np.concatenate(hidden))


def _export(judge: Judge, folder: Path) -> None:
    write_folder(folder, judge.trunk)
    save_head(folder, judge.head)


class _Updates:
    """`STEPS_PER_POINT` updates on random batches of attempts, which are sampled once."""

    def __init__(
        self, recipe: Verifier, start: Start, transform: optax.GradientTransformation,
        watcher: LoopWatcher,
    ) -> None:  # fmt: skip
        self._recipe, self._start, self._apply, self._watcher = (
            recipe, start, transform.update, watcher
        )  # fmt: skip
        self._found: Labelled | None = None

    def __call__(self, judge: Judge, point: int) -> tuple[Judge, Figures]:
        if self._found is None:
            self._found = labelled_attempts(self._recipe, self._start, self._watcher)
        recipe, found = self._recipe, self._found
        first, losses = point * STEPS_PER_POINT, []
        began_s = time.perf_counter()
        for step in range(first, min(first + STEPS_PER_POINT, recipe.steps)):
            rng = np.random.default_rng([recipe.seed, step, 1])
            which = rng.integers(len(found.right), size=recipe.batch)
            if recipe.own_trunk:
                batch = chosen(found.rows, which)
                judge, loss = judge_update(
                    judge, batch.tokens, batch.lengths, found.right[which], self._apply
                )
                self._watcher.updated(batch.lengths.tolist())
            else:
                judge, loss = head_update(
                    judge, found.hidden[which], found.right[which], self._apply
                )
            losses.append(loss)
        mean = float(sum(losses)) / len(losses)
        self._watcher.phase("update", time.perf_counter() - began_s)
        return judge, {"loss": mean, "right_share": float(found.right.mean())}


@partial(jax.jit, static_argnames="apply")
def head_update(  # type: ignore[no-untyped-def]
    judge: Judge, hidden: Array, right: Array, apply
) -> tuple[Judge, Array]:
    """One update of the head alone; the trunk is another's and stays as it is."""
    loss, gradient = jax.value_and_grad(outcome_loss)(judge.head, hidden, right)
    change, state = apply(gradient, judge.state, judge.head)
    return Judge(optax.apply_updates(judge.head, change), judge.trunk, state), loss


@partial(jax.jit, static_argnames="apply")
def judge_update(  # type: ignore[no-untyped-def]
    judge: Judge, tokens: Array, lengths: Array, right: Array, apply
) -> tuple[Judge, Array]:
    """One update of the head and of its own trunk."""

    def loss_of(taught: tuple[Head, Transformer]) -> Array:
        head, trunk = taught
        return outcome_loss(head, last_hidden(trunk, tokens, lengths), right)

    taught = (judge.head, judge.trunk)
    loss, gradient = jax.value_and_grad(loss_of)(taught)
    change, state = apply(gradient, judge.state, taught)
    head, trunk = optax.apply_updates(taught, change)
    return Judge(head, trunk, state), loss


ends = jax.jit(last_hidden)
"""States [R, D] at the last of `lengths` [R] tokens of rows [R, T]."""


VOTES = (4, 8, 16)


@dataclass(frozen=True)
class Judged:
    """An attempt's answer, whether it is right, and the verifier's score of it."""

    answer: str | None
    right: bool
    score: float


def verifier_figures(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[Figure]:
    """Right answers by one sample, and by 4, 8 and 16: majority, weighted and best by score."""
    found = judged(recipe, start, judge, problems)

    def figure(what: str, right: list[bool]) -> Figure:
        return Figure(f"{recipe.task}, {what}", sum(right), problems)

    figures = [figure("one sample", [of_one[0].right for of_one in found])]
    for n in (n for n in VOTES if n <= len(found[0])):
        first = [of_one[:n] for of_one in found]
        figures += [
            figure(f"majority of {n}", [chosen_by_vote(some, [1.0] * n) for some in first]),
            figure(
                f"vote of {n} weighted by the verifier",
                [chosen_by_vote(some, [one.score for one in some]) for some in first],
            ),
            figure(
                f"best of {n} by the verifier",
                [max(some, key=lambda one: one.score).right for some in first],
            ),
            figure(f"any of {n}", [any(one.right for one in some) for some in first]),
        ]
    return figures


def judged(recipe: Verifier, start: Start, judge: Judge, problems: int) -> list[list[Judged]]:
    """Attempts of `start` at test problems with the verifier's scores, problem by problem."""
    asked = parse_generated(recipe.task).problems("test", problems, SEED)
    sampling = recipe.sampling
    thinking = Thinking(Temperature(sampling.temperature), max(VOTES), sampling.think_budget)
    all_judged = []
    for first in range(0, problems, TOGETHER):
        some = asked[first : first + TOGETHER]
        found = roll_out(start.model, start.tokenizer, some, thinking, SEED, first)
        hidden = ends(judge.trunk, found.rows.tokens, found.rows.lengths)
        scores = np.asarray(judge.head(hidden)).reshape(found.right.shape)
        answers = [start.tokenizer.decode(one.answer) for one in found.said]
        for b, problem in enumerate(some):
            said = answers[b * max(VOTES) : (b + 1) * max(VOTES)]
            rows = zip(said, found.right[b], scores[b], strict=True)
            all_judged.append([Judged(problem.extract(a), bool(r), float(s)) for a, r, s in rows])
    return all_judged


def chosen_by_vote(said: list[Judged], weights: list[float]) -> bool:
    """Whether the answer of the largest weight is right; of equals, the first given."""
    votes: dict[str, float] = {}
    right: dict[str, bool] = {}
    for one, weight in zip(said, weights, strict=True):
        if one.answer is not None:
            votes[one.answer] = votes.get(one.answer, 0.0) + weight
            right[one.answer] = one.right
    return bool(votes) and right[max(votes, key=lambda answer: votes[answer])]
