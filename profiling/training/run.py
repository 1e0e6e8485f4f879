"""A training with its record: the method is run, its work counted, and its gain measured."""

from pathlib import Path

from ...model.sampling import Greedy
from ...model.tasks.parse import parse_generated
from ...model.tokenizer import Tokenizer
from ...model.training.figures import AMPLE_BUDGET, Figure
from ...model.training.method_recipes import MethodRecipe
from ...model.training.methods import OTHER_TASKS, learner_config, train
from ...model.training.progress import Figures
from ...model.training.recipe import Recipe, fingerprint
from ...model.training.rollout import Rollouts
from ...model.training.start import open_start
from ...model.training.supervised import CurvePoint, train_supervised
from ...model.training.tested import right_of
from ...model.training.vocabulary import notation_tokenizer
from ..provenance import provenance
from ..record.training import TestShare, Training
from ..watcher import Watcher
from .ledger import LoopLedger


def run_method(
    recipe: MethodRecipe, start_name: str, out: Path, command: str, watcher: Watcher,
    test_problems: int,
) -> Training:  # fmt: skip
    """Train by `recipe` from the model called `start_name` into `out`; resumes what is there.

    Raises ModelInputError for a start that does not speak the notation, or another run's folder.
    """
    start = open_start(start_name)
    ledger = LoopLedger(start.model.config, learner_config(recipe, start))
    listener = MethodListener(recipe.name, ledger, watcher)
    found = train(recipe, start, out, listener, test_problems)
    return Training(
        provenance=provenance(command, recipe.seed, ran=True),
        method=recipe.method,
        recipe=recipe.name,
        recipe_fingerprint=fingerprint(recipe),
        task=recipe.task,
        start=start_name,
        steps=recipe.steps,
        train_s=found.train_s,
        curve=list(found.curve),
        before=[_share(figure) for figure in found.before],
        after=[_share(figure) for figure in found.after],
        cost=ledger.cost(),
    )


def run_supervised(
    recipe: Recipe, out: Path, command: str, watcher: Watcher, test_problems: int
) -> Training:
    """Train from scratch by a supervised `recipe` into `out`; resumes what is there."""
    found = train_supervised(recipe, out, SupervisedListener(recipe.name, watcher))
    tokenizer = Tokenizer(notation_tokenizer(), str(out))
    after = [
        right_of(
            found.model, tokenizer, parse_generated(task), test_problems, Greedy(), AMPLE_BUDGET
        )
        for task in OTHER_TASKS
    ]
    return Training(
        provenance=provenance(command, recipe.seed, ran=True),
        method="supervised",
        recipe=recipe.name,
        recipe_fingerprint=recipe.fingerprint,
        task=None,
        start=None,
        steps=recipe.steps,
        train_s=found.train_s,
        curve=[{"step": point.step, "loss": point.loss} for point in found.curve],
        before=[],
        after=[_share(figure) for figure in after],
        cost=None,
    )


class SupervisedListener:
    """Passes the progress of a supervised training on to a watcher, in updates."""

    def __init__(self, name: str, watcher: Watcher) -> None:
        self._name, self._watcher = name, watcher
        self._step, self._steps = 0, 0

    def resumed(self, step: int) -> None:
        self._step = step

    def advanced(self, point: CurvePoint, steps: int) -> None:
        if self._steps == 0:
            self._watcher.stage(f"Training {self._name}", steps, "updates")
            self._watcher.advance(self._step)
            self._steps = steps
        self._watcher.advance(point.step - self._step)
        self._step = point.step


class MethodListener:
    """Passes a method's progress on to a watcher, in steps, and its work to a ledger."""

    def __init__(self, name: str, ledger: LoopLedger, watcher: Watcher) -> None:
        self._name, self._ledger, self._watcher = name, ledger, watcher
        watcher.stage(f"Training {name}: the first step, which compiles")
        self._steps = 0
        self._resumed = 0

    def resumed(self, step: int) -> None:
        self._resumed = step

    def advanced(self, figures: Figures, steps: int) -> None:
        if self._steps == 0:
            self._watcher.stage(f"Training {self._name}", steps, "steps")
            self._watcher.advance(self._resumed)
            self._steps = steps
        self._watcher.advance(1)
        self._ledger.advanced()

    def phase(self, name: str, time_s: float) -> None:
        self._ledger.phase(name, time_s)

    def sampled(self, rollouts: Rollouts) -> None:
        self._ledger.sampled(rollouts)

    def scored(self, lengths: list[int], models: int) -> None:
        self._ledger.scored(lengths, models)

    def updated(self, lengths: list[int]) -> None:
        self._ledger.updated(lengths)


def _share(figure: Figure) -> TestShare:
    low, high = figure.interval
    return TestShare(what=figure.what, right=figure.right, problems=figure.n, low=low, high=high)
