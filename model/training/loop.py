"""The loop of every training: resumable at any moment, with the same end.

How far a training has come is kept in its checkpoint's notes, so that a killed one goes on.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import jax
import optax
from pydantic import FiniteFloat, TypeAdapter

from ..config import ModelInputError
from ..input_files import is_regular_file
from ..transformer import Transformer
from ..weights.checkpoint import load_checkpoint, read_notes, save_checkpoint
from .model_folder import Start, write_folder, write_text
from .recipes import MethodRecipe, Recipe, fingerprint
from .rollout import SampleWatcher
from .updates import Learner, optimizer

CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.json"
POINTS_PER_CHECKPOINT = 4
"""Of the learning curve, where a point is the mean of several updates."""

State = TypeVar("State")
Figures = dict[str, float]
"""One point of a learning curve, its `step` among them."""

Kind = TypeVar("Kind", bound=MethodRecipe)
Model = Learner[Transformer]


class LoopWatcher(SampleWatcher, Protocol):
    """Hears how a training goes on and what work its phases do."""

    def resumed(self, step: int) -> None:
        """A checkpoint was found; `step` steps are already done."""

    def advanced(self, figures: Figures, steps: int) -> None:
        """Step number figures['step'] of `steps` is done."""

    def scored(self, lengths: list[int], models: int) -> None:
        """Rows of these lengths were read in one forward pass under each of `models`."""

    def updated(self, lengths: list[int]) -> None:
        """One update was made on rows of these lengths."""


@dataclass(frozen=True)
class Run(Generic[State]):
    """What a method brings to the loop.

    `advance` takes a state from step number n (from 0) through `stride` steps, the last time
    maybe fewer; the result depends on the state and n alone. `export` writes the model of a state
    as a folder that opens. Checkpoints come after every `steps_per_checkpoint`.
    """

    name: str
    fingerprint: str
    steps: int
    start: State
    advance: Callable[[State, int], tuple[State, Figures]]
    export: Callable[[State, Path], None]
    steps_per_checkpoint: int
    stride: int = 1


@dataclass(frozen=True)
class Finished(Generic[State]):
    """A finished run: its last state, its curve, and the time it took in all."""

    state: State
    curve: tuple[Figures, ...]
    train_s: float


@dataclass
class Progress:
    """Steps done, the curve so far, and the seconds spent in all."""

    step: int = 0
    curve: list[Figures] = field(default_factory=list)
    spent_s: float = 0.0


@dataclass(frozen=True)
class Method(Generic[Kind]):
    """What the steps of a method that starts from a model are made with."""

    recipe: Kind
    start: Start
    watcher: LoopWatcher
    apply: optax.TransformUpdateFn


def train_model(
    recipe: Recipe | MethodRecipe,
    model: Transformer,
    advance: Callable[[optax.TransformUpdateFn], Callable[[Model, int], tuple[Model, Figures]]],
    out: Path,
    watcher: LoopWatcher,
    *,
    updates: int,
    steps: int,
    steps_per_checkpoint: int,
    stride: int = 1,
    start_digest: str = "",
) -> Finished[Model]:
    """Train `model` by `recipe` in `updates` of an optimiser, whose `update` is given to `advance`;
    see `Run` and `run_loop`. `start_digest` marks weights that the run starts from."""
    transform = optimizer(recipe.optimizer, updates)
    run = Run(
        recipe.name, fingerprint(recipe, start_digest), steps,
        start=(model, jax.jit(transform.init)(model)),
        advance=advance(transform.update),
        export=lambda learner, folder: write_folder(folder, learner[0]),
        steps_per_checkpoint=steps_per_checkpoint,
        stride=stride,
    )  # fmt: skip
    return run_loop(run, out, watcher)


def run_loop(run: Run[State], out: Path, watcher: LoopWatcher) -> Finished[State]:
    """Do all steps of `run`; `out` gets checkpoints, the model of the last of them, the curve.

    Where `out` holds a checkpoint of the same run, goes on from it; the result is the same. On
    Ctrl-C the steps done are kept before the interrupt goes on.

    Raises ModelInputError where `out` holds a checkpoint of another run or cannot be written.
    """
    path = out / CHECKPOINT
    done = (run.start, Progress())  # one name, so that Ctrl-C never finds a half of it
    if path.exists():
        done = _restore(path, run)
        watcher.resumed(done[1].step)
    try:
        while done[1].step < run.steps:
            done = _one_stride(run, *done)
            watcher.advanced(done[1].curve[-1], run.steps)
            if done[1].step % run.steps_per_checkpoint == 0:
                _keep(run, path, *done)
    finally:
        if done[1].step:
            _keep(run, path, *done)
    state, progress = done
    write_text(out / CURVE, json.dumps(progress.curve, indent=1) + "\n")
    return Finished(state, tuple(progress.curve), progress.spent_s)


def _restore(path: Path, run: Run[State]) -> tuple[State, Progress]:
    """What the checkpoint at `path` holds; ModelInputError where it is damaged or another run's."""
    if not is_regular_file(path):
        raise ModelInputError(f"{path} is no regular file: choose another folder")
    notes = read_notes(path)
    if notes.get("recipe") != run.fingerprint:
        raise ModelInputError(
            f"{path} is of another recipe than '{run.name}' as it now reads: choose another "
            "folder, or delete it to start again"
        )
    return load_checkpoint(path, run.start), _progress(notes, run, path)


_CURVE = TypeAdapter(list[dict[str, int | FiniteFloat]])


def _progress(notes: Mapping[str, str], run: Run[State], path: Path) -> Progress:
    """How far the notes say a checkpoint is. Raises ModelInputError for notes that no checkpoint
    of `run` has: a point of the curve missing, more steps than there are."""
    try:
        step, spent_s = int(notes["step"]), float(notes["spent_s"])
        curve = _CURVE.validate_json(notes["curve"])
        ends = [min(n * run.stride, run.steps) for n in range(1, len(curve) + 1)]
        if [point["step"] for point in curve] != ends or [step] != ends[-1:]:
            raise ValueError("a curve of other steps")
        if not 0 <= spent_s < math.inf or len(set(ends)) < len(ends):
            raise ValueError("more than all of it")
    except (KeyError, ValueError):  # pydantic's errors are ValueErrors
        raise ModelInputError(
            f"{path} is damaged: its notes (step, curve, spent_s) are not those of a checkpoint of "
            f"'{run.name}'; delete it to train from the start"
        ) from None
    return Progress(step, curve, spent_s)


def _one_stride(run: Run[State], state: State, progress: Progress) -> tuple[State, Progress]:
    """Raises ModelInputError where a figure is not finite: all that follows would be lost."""
    began_s = time.perf_counter()
    state, figures = run.advance(state, progress.step)
    step = min(progress.step + run.stride, run.steps)
    for name, value in figures.items():
        if not math.isfinite(value):
            raise ModelInputError(
                f"'{run.name}' diverged: its {name} is {value} after step {step}; what came before "
                "is kept, so lower the learning rate and give the run another folder"
            )
    spent_s = progress.spent_s + time.perf_counter() - began_s
    return state, Progress(step, [*progress.curve, {"step": step, **figures}], spent_s)


def _keep(run: Run[State], path: Path, state: State, progress: Progress) -> None:
    notes = {
        "recipe": run.fingerprint,
        "step": str(progress.step),
        "curve": json.dumps(progress.curve),
        "spent_s": str(progress.spent_s),
    }
    save_checkpoint(path, state, notes)
    run.export(state, path.parent)
