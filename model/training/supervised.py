"""Supervised training on worked examples, resumable at any moment with the same end."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import jax
import optax
from jax import Array

from ..transformer import Transformer
from .data import batch_at, initial_transformer
from .loop import CHECKPOINT, CURVE, Progress, optimizer, restore
from .loss import cross_entropy
from .model_folder import write_folder, write_text
from .recipes import Recipe

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
    """Train by `recipe`; `out` gets checkpoints with the model of each, at the end its `CURVE`.

    Where `out` holds a checkpoint of the same recipe, goes on from it; the result is the same.

    Raises ModelInputError where `out` holds a checkpoint of another recipe or cannot be written.
    """
    path = out / CHECKPOINT
    model = initial_transformer(recipe.trunk.config(recipe.name), recipe.seed)
    transform = optimizer(recipe.optimizer, recipe.steps)
    state = jax.jit(transform.init)(model)
    done = Progress()
    if path.exists():
        (model, state), done = restore(path, (model, state), recipe.fingerprint, recipe.name)
        watcher.resumed(done.step)

    began_s, losses = time.perf_counter() - done.spent_s, []
    while done.step < recipe.steps:
        rows = batch_at(recipe, done.step)
        model, state, loss = update(model, state, rows.tokens, rows.taught, transform.update)
        losses.append(loss)
        done.step += 1
        if done.step % STEPS_PER_REPORT == 0 or done.step == recipe.steps:
            point = CurvePoint(done.step, float(sum(losses)) / len(losses))
            done.curve.append(asdict(point))
            losses = []
            watcher.advanced(point, recipe.steps)
            if len(done.curve) % REPORTS_PER_CHECKPOINT == 0 or done.step == recipe.steps:
                done.spent_s = time.perf_counter() - began_s
                done.save(path, (model, state), recipe.fingerprint)
                write_folder(out, model)
    write_folder(out, model)
    write_text(out / CURVE, json.dumps(done.curve, indent=1) + "\n")
    curve = (CurvePoint(int(point["step"]), point["loss"]) for point in done.curve)
    return Trained(model, tuple(curve), done.spent_s)


def _update(  # type: ignore[no-untyped-def]
    model: Transformer, state: optax.OptState, tokens: Array, taught: Array, apply
) -> tuple[Transformer, optax.OptState, Array]:
    """One step of the optimiser whose `apply` this is, and the loss before it."""
    loss, gradient = jax.value_and_grad(cross_entropy)(model, tokens, taught)
    change, state = apply(gradient, state, model)
    return optax.apply_updates(model, change), state, loss


update = jax.jit(_update, static_argnames="apply", donate_argnames=("model", "state"))
kept_update = jax.jit(_update, static_argnames="apply")
"""As `update`, where the model and state before it are still wanted."""
