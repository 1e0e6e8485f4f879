"""Every training method by its recipe: supervised from scratch, and those that start from a model,
with what they make better.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import optax

from ..config import ModelConfig
from ..sampling import Greedy, Temperature
from ..tasks.parse import parse_generated
from ..tokenizer import Tokenizer
from .data import UPDATES_PER_POINT, batch_at, new_model, require_rows
from .grpo import train_grpo
from .imitation import train_distill, train_rejection
from .loop import POINTS_PER_CHECKPOINT, Figures, Finished, LoopWatcher, Model, train_model
from .model_folder import Start
from .recipes import Distill, Grpo, MethodRecipe, Recipe, Rejection, Verifier
from .reward_training import train_verifier, verifier_figures
from .rollout import Figure, held_out_figure, require_room
from .updates import cross_entropy, fit

AMPLE_BUDGET = 20
"""Tokens: more than any whole thought."""

OTHER_TASKS = ("chain:k=8", "sum:n=8", "countdown:n=3")
"""What the embedded reasoner knows: whether training on one task costs it the others."""


def train_supervised(recipe: Recipe, out: Path, watcher: LoopWatcher) -> Finished[Model]:
    """Train a new model by `recipe`; see `run_loop` for `out` and resuming.

    A point of the curve is the mean loss, in nats a taught token, of the updates since the last.
    """
    require_rows(recipe)
    return train_model(
        recipe, new_model(recipe), partial(_supervised, recipe), out, watcher,
        updates=recipe.steps, steps=recipe.steps, stride=UPDATES_PER_POINT,
        steps_per_checkpoint=UPDATES_PER_POINT * POINTS_PER_CHECKPOINT,
    )  # fmt: skip


def _supervised(
    recipe: Recipe, apply: optax.TransformUpdateFn
) -> Callable[[Model, int], tuple[Model, Figures]]:

    def advance(learner: Model, first: int) -> tuple[Model, Figures]:
        steps = range(first, min(first + UPDATES_PER_POINT, recipe.steps))
        batches = (batch_at(recipe, step) for step in steps)
        data = ((rows.tokens, rows.taught) for rows in batches)
        learner, losses = fit(cross_entropy, apply, learner, data)
        return learner, {"loss": float(sum(losses)) / len(losses)}

    return advance


class Outcome(NamedTuple):
    """A finished training: the curve, the seconds, and what test problems say."""

    curve: tuple[Figures, ...]
    train_s: float
    before: list[Figure]
    after: list[Figure]


def learner_config(recipe: MethodRecipe, start: Start) -> ModelConfig:
    """The sizes of the model that the recipe updates."""
    return recipe.trunk.config(recipe.name) if isinstance(recipe, Distill) else start.model.config


def require_others(config: ModelConfig, tokenizer: Tokenizer, problems: int, but: str = "") -> None:
    """Raise ModelInputError as `require_room` does for the other tasks that are measured."""
    for name in OTHER_TASKS:
        if name != but:
            require_room(config, tokenizer, name, problems, AMPLE_BUDGET)


def train(
    recipe: MethodRecipe, start: Start, out: Path, watcher: LoopWatcher, test_problems: int
) -> Outcome:
    """Train by `recipe` from `start` into the folder `out`, and measure on the test split. Raises
    ModelInputError where `out` holds another run's checkpoint or cannot be written, and for what
    cannot be measured, before anything is trained."""
    config, budget = learner_config(recipe, start), recipe.sampling.think_budget
    require_room(config, start.tokenizer, recipe.task, test_problems, budget)
    if isinstance(recipe, Verifier):
        judged = train_verifier(recipe, start, out, watcher)
        figures = verifier_figures(recipe, start, judged.state, test_problems)
        return Outcome(judged.curve, judged.train_s, [], figures)
    assert isinstance(recipe, Grpo | Rejection | Distill)
    require_room(config, start.tokenizer, recipe.task, recipe.tested.problems, budget)
    require_others(config, start.tokenizer, test_problems, but=recipe.task)
    if isinstance(recipe, Grpo):
        finished = train_grpo(recipe, start, out, watcher)
    elif isinstance(recipe, Rejection):
        finished = train_rejection(recipe, start, out, watcher)
    else:
        finished = train_distill(recipe, start, out, watcher)
    return Outcome(
        finished.curve,
        finished.train_s,
        before=measured(start, recipe, test_problems),
        after=measured(replace(start, model=finished.state[0]), recipe, test_problems),
    )


def measured(start: Start, recipe: MethodRecipe, problems: int) -> list[Figure]:
    """The recipe's task, greedily and with one sample, and the other tasks greedily."""
    sampling = recipe.sampling

    def figure(name: str, sampler: Greedy | Temperature, budget: int) -> Figure:
        task = parse_generated(name)
        return held_out_figure(start.model, start.tokenizer, task, problems, sampler, budget)

    return [
        figure(recipe.task, Greedy(), sampling.think_budget),
        figure(recipe.task, Temperature(sampling.temperature), sampling.think_budget),
        *[figure(name, Greedy(), AMPLE_BUDGET) for name in OTHER_TASKS if name != recipe.task],
    ]
