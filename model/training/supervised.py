"""Supervised training on worked examples, from scratch."""

from dataclasses import dataclass
from pathlib import Path

import optax

from .data import UPDATES_PER_POINT, batch_at, initial_transformer
from .loop import (
    POINTS_PER_CHECKPOINT,
    Figures,
    Finished,
    Learner,
    LoopWatcher,
    learner_run,
    run_loop,
)
from .recipes import Recipe
from .updates import cross_entropy, optimizer, update


def train_supervised(recipe: Recipe, out: Path, watcher: LoopWatcher) -> Finished[Learner]:
    """Train a new model by `recipe`; see `run_loop` for `out` and resuming.

    A point of the curve is the mean loss, in nats a taught token, of the updates since the last.
    """
    transform = optimizer(recipe.optimizer, recipe.steps)
    model = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    run = learner_run(
        recipe,
        model,
        transform,
        _Updates(recipe, transform.update),
        steps=recipe.steps,
        stride=UPDATES_PER_POINT,
        steps_per_checkpoint=UPDATES_PER_POINT * POINTS_PER_CHECKPOINT,
    )
    return run_loop(run, out, watcher)


@dataclass(frozen=True)
class _Updates:
    """`UPDATES_PER_POINT` updates on the batches of the recipe."""

    recipe: Recipe
    apply: optax.TransformUpdateFn

    def __call__(self, learner: Learner, first: int) -> tuple[Learner, Figures]:
        model, state = learner
        losses = []
        for step in range(first, min(first + UPDATES_PER_POINT, self.recipe.steps)):
            rows = batch_at(self.recipe, step)
            data = (rows.tokens, rows.taught)
            model, state, loss = update(cross_entropy, self.apply, model, state, data)
            losses.append(loss)
        return (model, state), {"loss": float(sum(losses)) / len(losses)}
