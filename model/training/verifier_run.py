"""Training of a verifier as a resumable run: attempts with the checker's labels, then updates."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax
from jax import Array

from ..tasks.parse import parse_generated
from ..transformer import Transformer
from .data import Rows
from .export import write_folder
from .loop import Finished, LoopWatcher, Run, run_loop
from .method_recipes import Verifier
from .optimizer import optimizer
from .outcome import Head, initial_head, last_hidden, outcome_loss, save_head
from .progress import Figures
from .recipe import fingerprint
from .rejection import chosen, joined
from .rejection_run import sampled
from .start import Start
from .tested import drawn

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
