"""The loop of every training that starts from a model: resumable, with the same end.

How far a training has come: kept in its checkpoint's notes, so that a killed one goes on.

Checkpoints: any pytree of arrays in one safetensors file, replaced whole or not at all.

The optimiser of every training: clipped AdamW with warm-up and a cosine, in optax.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..config import ModelInputError
from ..transformer import Transformer
from .model_folder import write_text
from .recipes import AdamW
from .rollout import Rollouts

Tree = TypeVar("Tree")


def save_checkpoint(path: Path, tree: object, notes: dict[str, str]) -> None:
    """Write the arrays of `tree`, named by their place in it, and `notes`; survives a kill."""
    arrays = {name: np.asarray(leaf) for name, leaf in _named(tree)}
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(arrays, scratch, notes)
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            scratch.unlink()
        raise ModelInputError(f"cannot write {path}: {error}") from error


def read_notes(path: Path) -> dict[str, str]:
    """The notes of a checkpoint; ModelInputError if it is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


def load_checkpoint(path: Path, like: Tree) -> Tree:
    """The checkpoint's arrays in a tree of the structure of `like`.

    Raises ModelInputError if it is damaged, or holds arrays of another model.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    wanted = {name: (leaf.shape, leaf.dtype) for name, leaf in _named(like)}
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if wanted != found:
        odd = next(n for n in {**wanted, **found} if wanted.get(n) != found.get(n))
        raise ModelInputError(
            f"{path} is a checkpoint of another model ('{odd}' differs): choose another folder"
        )
    leaves = [jnp.asarray(arrays[name]) for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _named(tree: object) -> list[tuple[str, jax.Array]]:
    return [
        (jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _damaged(path: Path, error: Exception) -> ModelInputError:
    return ModelInputError(f"{path} is damaged ({error}): delete it to train from the start")


CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.json"

Figures = dict[str, float]
"""One point of a learning curve, its `step` among them."""


@dataclass
class Progress:
    """Steps done, the curve so far, and the seconds spent in all."""

    step: int = 0
    curve: list[Figures] = field(default_factory=list)
    spent_s: float = 0.0

    def save(self, path: Path, tree: object, fingerprint: str) -> None:
        """Write a checkpoint of `tree` that says which recipe it is of and how far it is."""
        notes = {
            "recipe": fingerprint,
            "step": str(self.step),
            "curve": json.dumps(self.curve),
            "spent_s": str(self.spent_s),
        }
        save_checkpoint(path, tree, notes)


def restore(path: Path, like: Tree, fingerprint: str, name: str) -> tuple[Tree, Progress]:
    """What the checkpoint at `path` holds, in a tree of the structure of `like`.

    Raises ModelInputError where it is damaged, or of another recipe than the one called `name`.
    """
    notes = read_notes(path)
    if notes.get("recipe") != fingerprint:
        raise ModelInputError(
            f"{path} is of another recipe than '{name}' as it now reads: choose another "
            "folder, or delete it to start again"
        )
    progress = Progress(int(notes["step"]), json.loads(notes["curve"]), float(notes["spent_s"]))
    return load_checkpoint(path, like), progress


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


@cache
def optimizer(settings: AdamW, steps: int) -> optax.GradientTransformation:
    """Clip by global norm, then AdamW; weight decay falls on matrices, not on norm scales.

    One object for equal settings, so that a step compiled for it is compiled once.
    """
    rate = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=settings.learning_rate,
        warmup_steps=min(settings.warmup_steps, steps - 1),
        decay_steps=steps,
    )
    return optax.chain(
        optax.clip_by_global_norm(settings.clip_norm),
        optax.adamw(rate, b2=0.98, weight_decay=settings.weight_decay, mask=decayed),
    )


def decayed(model: Transformer) -> Transformer:
    """For each parameter, whether it decays: all but the scales of norms."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: "norm" not in jax.tree_util.keystr(path), model
    )
