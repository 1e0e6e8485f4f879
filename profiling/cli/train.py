"""`rooflink train`: make a reasoner, or make one better."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from ...model.training.recipes import (
    Method,
    MethodRecipe,
    Recipe,
    committed_recipe,
    load_any_recipe,
    require_sense,
)
from ..errors import InterruptedRunError, ProfileInputError
from ..jobs.job import reserved
from ..records.files import write_text
from ..render.training import show_training
from ..render.training_events import write_training_events
from ..training_cost import run_method, run_supervised
from .progress import TerminalWatcher

DEFAULT_START, RECORD = "reasoner", "training.json"

EXAMPLES = """Train a small reasoner, or make one better, on this machine.

With no method: the committed recipe of the embedded reasoner, from scratch (about half an hour on
two cores). A run that was stopped goes on where it was and ends with the same model. The folder
opens as a model: `rooflink profile --model FOLDER`.

Methods: **supervised** on worked thoughts; **rejection**, fine-tuning on a model's own attempts
that the checker found right; **grpo**, policy gradient with the checker as reward; **verifier**, a
head that tells right attempts from wrong ones, for `rooflink eval --verifier FOLDER`; **distill**,
a smaller student.

Examples:

    rooflink train --out my_reasoner

    rooflink train --method grpo --task countdown:n=3 --out better

    rooflink train --method rejection --from my_reasoner --out better --updates 4

    rooflink train --recipe mine.toml --out mine
"""


def train_command(
    out: Annotated[Path, typer.Option(help="Folder of the model, its checkpoint and its record.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="supervised, rejection, grpo, verifier or distill  [default: supervised]"
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="chain:k=8, sum:n=8, countdown:n=3  [default: the recipe's]")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Model to start from: 'reasoner' or a folder of train's."),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="A TOML recipe  [default: the method's committed one]")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="[default: the recipe's]")] = None,
    updates: Annotated[
        int | None, typer.Option(min=1, help="Steps or rounds  [default: the recipe's]")
    ] = None,
    test_problems: Annotated[
        int, typer.Option(min=1, help="Problems of the test split to measure on.")
    ] = 400,
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    asked = _recipe(method, recipe)
    asked = replace(asked, seed=asked.seed if seed is None else seed)
    command = shlex.join(["rooflink", *sys.argv[1:]])
    with reserved(out), TerminalWatcher() as watcher:
        try:
            if isinstance(asked, Recipe):
                asked = _changed_supervised(asked, task, start, updates)
                found = run_supervised(asked, out, command, watcher, test_problems)
            else:
                asked = _changed(asked, task, updates)
                found = run_method(
                    asked, start or DEFAULT_START, out, command, watcher, test_problems
                )
        except KeyboardInterrupt:
            raise _interrupted(out) from None
        write_text(out / RECORD, found.model_dump_json(indent=1) + "\n")
        write_training_events(found, out)
    if json:
        print(found.model_dump_json(indent=1))
    else:
        show_training(found, out, Console())


train_command.__doc__ = EXAMPLES


def _recipe(method: str | None, path: Path | None) -> Recipe | MethodRecipe:
    if method is not None and method not in get_args(Method):
        raise ProfileInputError(
            f"no training method called '{method}': --method takes one of "
            f"{', '.join(get_args(Method))}"
        )
    if path is None:
        return load_any_recipe(committed_recipe(cast(Method, method or "supervised")))
    found = load_any_recipe(path)
    own = "supervised" if isinstance(found, Recipe) else found.method
    if method not in (None, own):
        raise ProfileInputError(
            f"the recipe {path} is of the method '{own}', not '{method}': leave --method out"
        )
    return found


def _changed(recipe: MethodRecipe, task: str | None, updates: int | None) -> MethodRecipe:
    found = replace(recipe, task=task or recipe.task, steps=updates or recipe.steps)
    require_sense(found, "as changed on the command line")
    return found


def _changed_supervised(
    recipe: Recipe, task: str | None, start: str | None, updates: int | None
) -> Recipe:
    """`recipe` cut off, or its last stage drawn out, after so many updates."""
    if task is not None or start is not None:
        raise ProfileInputError(
            "supervised training starts from scratch on the tasks that its recipe mixes: leave "
            "--task and --from out, or write a recipe of your own and give it with --recipe"
        )
    if updates is None:
        return recipe
    stages, left = [], updates
    for stage in recipe.stages:
        if left:
            last = stage is recipe.stages[-1]
            stages.append(replace(stage, steps=left if last else min(left, stage.steps)))
            left -= stages[-1].steps
    return replace(recipe, stages=tuple(stages))


def _interrupted(out: Path) -> InterruptedRunError:
    kept = (out / "model.safetensors").exists()
    said = (
        f"{out} holds the model as it was at its last checkpoint; the same command goes on from it"
        if kept
        else "nothing was written"
    )
    return InterruptedRunError(said)
