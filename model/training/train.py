"""Every training method by its recipe: one function that trains, and what it makes better."""

from dataclasses import dataclass, replace
from pathlib import Path

import optax

from ..config import ModelConfig
from ..sampling import Greedy, Temperature
from ..tasks.registry import parse_generated
from ..transformer import Transformer
from .distill import train_distill
from .evaluate import AMPLE_BUDGET, Figure, right_of
from .grpo import train_grpo
from .loop import Figures, Finished, LoopWatcher
from .model_folder import Start
from .recipes import Distill, Grpo, MethodRecipe, Rejection, Verifier
from .rejection import train_rejection
from .reward_model import train_verifier, verifier_figures

OTHER_TASKS = ("chain:k=8", "sum:n=8", "countdown:n=3")
"""What the embedded reasoner knows: whether training on one task costs it the others."""


@dataclass(frozen=True)
class Outcome:
    """A finished training: the curve, the seconds, and what test problems say."""

    curve: tuple[Figures, ...]
    train_s: float
    before: list[Figure]
    after: list[Figure]


def learner_config(recipe: MethodRecipe, start: Start) -> ModelConfig:
    """The sizes of the model that the recipe updates."""
    return recipe.trunk.config(recipe.name) if isinstance(recipe, Distill) else start.model.config


def train(
    recipe: MethodRecipe, start: Start, out: Path, watcher: LoopWatcher, test_problems: int
) -> Outcome:
    """Train by `recipe` from `start` into the folder `out`, and measure on the test split.

    Raises ModelInputError where `out` holds another run's checkpoint or cannot be written.
    """
    if isinstance(recipe, Verifier):
        judged = train_verifier(recipe, start, out, watcher)
        figures = verifier_figures(recipe, start, judged.state, test_problems)
        return Outcome(judged.curve, judged.train_s, [], figures)
    found = _train_model(recipe, start, out, watcher)
    return Outcome(
        found.curve,
        found.train_s,
        before=measured(start, recipe, test_problems),
        after=measured(replace(start, model=found.state[0]), recipe, test_problems),
    )


def _train_model(
    recipe: Grpo | Rejection | Distill, start: Start, out: Path, watcher: LoopWatcher
) -> Finished[tuple[Transformer, optax.OptState]]:
    if isinstance(recipe, Grpo):
        return train_grpo(recipe, start, out, watcher)
    if isinstance(recipe, Rejection):
        return train_rejection(recipe, start, out, watcher)
    return train_distill(recipe, start, out, watcher)


def measured(start: Start, recipe: MethodRecipe, problems: int) -> list[Figure]:
    """The recipe's task, greedily and with one sample, and the other tasks greedily."""
    asked = recipe.sampling

    def figure(name: str, sampler: Greedy | Temperature, budget: int) -> Figure:
        task = parse_generated(name)
        return right_of(start.model, start.tokenizer, task, problems, sampler, budget)

    return [
        figure(recipe.task, Greedy(), asked.think_budget),
        figure(recipe.task, Temperature(asked.temperature), asked.think_budget),
        *[figure(name, Greedy(), AMPLE_BUDGET) for name in OTHER_TASKS if name != recipe.task],
    ]
