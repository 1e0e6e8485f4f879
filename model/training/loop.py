"""The loop of every training that starts from a model: resumable, with the same end."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from .export import write_text
from .progress import CHECKPOINT, CURVE, Figures, Progress, restore
from .rollout import Rollouts

State = TypeVar("State")


class LoopWatcher(Protocol):
    """Hears how a training goes on and what work its phases do."""

    def resumed(self, step: int) -> None:
        """A checkpoint was found; `step` steps are already done."""

    def advanced(self, figures: Figures, steps: int) -> None:
        """Step number figures['step'] of `steps` is done."""

    def phase(self, name: str, time_s: float) -> None:
        """A phase (prefill, think, answer, reward, reference, update) took so long."""

    def sampled(self, rollouts: Rollouts) -> None:
        """These attempts were generated and checked."""

    def scored(self, lengths: list[int], models: int) -> None:
        """Rows of these lengths were read in one forward pass under each of `models`."""

    def updated(self, lengths: list[int]) -> None:
        """One update was made on rows of these lengths."""


@dataclass(frozen=True)
class Run(Generic[State]):
    """What a method brings to the loop.

    `advance` takes a state through step number n (from 0), which depends on the state and n
    alone; `export` writes the model of a state as a folder that opens.
    """

    name: str
    fingerprint: str
    steps: int
    start: State
    advance: Callable[[State, int], tuple[State, Figures]]
    export: Callable[[State, Path], None]
    steps_per_checkpoint: int


@dataclass(frozen=True)
class Finished(Generic[State]):
    """A finished run: its last state, its curve, and the time it took in all."""

    state: State
    curve: tuple[Figures, ...]
    train_s: float


def run_loop(run: Run[State], out: Path, watcher: LoopWatcher) -> Finished[State]:
    """Do all steps of `run`; `out` gets checkpoints, the model of the last of them, the curve.

    Where `out` holds a checkpoint of the same run, goes on from it; the result is the same. On
    Ctrl-C the steps done are kept before the interrupt goes on.

    Raises ModelInputError where `out` holds a checkpoint of another run or cannot be written.
    """
    path = out / CHECKPOINT
    done = (run.start, Progress())  # one name, so that Ctrl-C never finds a half of it
    if path.exists():
        done = restore(path, run.start, run.fingerprint, run.name)
        watcher.resumed(done[1].step)
    try:
        while done[1].step < run.steps:
            done = _one_step(run, *done)
            watcher.advanced(done[1].curve[-1], run.steps)
            if done[1].step % run.steps_per_checkpoint == 0:
                _keep(run, path, *done)
    finally:
        if done[1].step:
            _keep(run, path, *done)
    state, progress = done
    write_text(out / CURVE, json.dumps(progress.curve, indent=1) + "\n")
    return Finished(state, tuple(progress.curve), progress.spent_s)


def _one_step(run: Run[State], state: State, progress: Progress) -> tuple[State, Progress]:
    began_s = time.perf_counter()
    state, figures = run.advance(state, progress.step)
    step = progress.step + 1
    spent_s = progress.spent_s + time.perf_counter() - began_s
    return state, Progress(step, [*progress.curve, {"step": step, **figures}], spent_s)


def _keep(run: Run[State], path: Path, state: State, progress: Progress) -> None:
    progress.save(path, state, run.fingerprint)
    run.export(state, path.parent)
