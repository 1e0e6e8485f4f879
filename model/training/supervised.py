"""Supervised training on worked examples, resumable at any moment with the same end."""

import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import jax
import optax
from jax import Array

from ..errors import ModelInputError
from ..transformer import Transformer
from .checkpoint import load_checkpoint, read_notes, save_checkpoint
from .data import batch_at
from .export import write_folder, write_text
from .initial import initial_transformer
from .loss import cross_entropy
from .optimizer import optimizer
from .recipe import Recipe

CHECKPOINT = "checkpoint.safetensors"
CURVE = "curve.json"
STEPS_PER_REPORT = 50
REPORTS_PER_CHECKPOINT = 4


@dataclass(frozen=True)
class CurvePoint:
    """The mean loss, in nats a taught token, of the updates up to `step` since the last point."""

    step: int
    loss: float


class TrainingWatcher(Protocol):
    """Hears how a training goes on."""

    def resumed(self, step: int) -> None:
        """A checkpoint was found; `step` updates are already done."""

    def advanced(self, point: CurvePoint, steps: int) -> None:
        """`point.step` of `steps` updates are done."""


@dataclass(frozen=True)
class Trained:
    """A finished training: the model, its learning curve, and the time it took in all."""

    model: Transformer
    curve: tuple[CurvePoint, ...]
    train_s: float


def train_supervised(recipe: Recipe, out: Path, watcher: TrainingWatcher) -> Trained:
    """Train by `recipe`; the folder `out` gets checkpoints, then the model and its `CURVE`.

    Where `out` holds a checkpoint of the same recipe, goes on from it; the result is the same.

    Raises ModelInputError where `out` holds a checkpoint of another recipe or cannot be written.
    """
    path = out / CHECKPOINT
    model = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    transform = optimizer(recipe.optimizer, recipe.steps)
    state = jax.jit(transform.init)(model)
    curve: list[CurvePoint] = []
    step, spent_s = 0, 0.0
    if path.exists():
        step, curve, spent_s = _progress(path, recipe)
        model, state = load_checkpoint(path, (model, state))
        watcher.resumed(step)

    began_s, losses = time.perf_counter() - spent_s, []
    while step < recipe.steps:
        rows = batch_at(recipe, step)
        model, state, loss = update(model, state, rows.tokens, rows.taught, transform.update)
        losses.append(loss)
        step += 1
        if step % STEPS_PER_REPORT == 0 or step == recipe.steps:
            curve.append(CurvePoint(step, float(sum(losses)) / len(losses)))
            losses = []
            watcher.advanced(curve[-1], recipe.steps)
            if len(curve) % REPORTS_PER_CHECKPOINT == 0 or step == recipe.steps:
                spent_s = time.perf_counter() - began_s
                save_checkpoint(path, (model, state), _notes(recipe, step, curve, spent_s))
    write_folder(out, model)
    write_text(out / CURVE, json.dumps([asdict(point) for point in curve], indent=1) + "\n")
    return Trained(model, tuple(curve), spent_s)


@partial(jax.jit, static_argnames="apply", donate_argnames=("model", "state"))
def update(  # type: ignore[no-untyped-def]
    model: Transformer, state: optax.OptState, tokens: Array, taught: Array, apply
) -> tuple[Transformer, optax.OptState, Array]:
    """One step of the optimiser whose `apply` this is, and the loss before it."""
    loss, gradient = jax.value_and_grad(cross_entropy)(model, tokens, taught)
    change, state = apply(gradient, state, model)
    return optax.apply_updates(model, change), state, loss


def _notes(recipe: Recipe, step: int, curve: list[CurvePoint], spent_s: float) -> dict[str, str]:
    return {
        "recipe": recipe.fingerprint,
        "step": str(step),
        "curve": json.dumps([asdict(point) for point in curve]),
        "spent_s": str(spent_s),
    }


def _progress(path: Path, recipe: Recipe) -> tuple[int, list[CurvePoint], float]:
    """Steps done, the curve so far and the seconds spent, of the checkpoint at `path`."""
    notes = read_notes(path)
    if notes.get("recipe") != recipe.fingerprint:
        raise ModelInputError(
            f"{path} is of another recipe than '{recipe.name}' as it now reads: choose another "
            "folder, or delete it to start again"
        )
    curve = [CurvePoint(**point) for point in json.loads(notes["curve"])]
    return int(notes["step"]), curve, float(notes["spent_s"])
