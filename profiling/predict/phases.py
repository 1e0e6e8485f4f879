"""Phases of a reasoning query, as sums of steps: prefill, think, answer.

As in decoding here, every pass reads the pending token and emits the next one: prefill emits the
first token, and the last token of a thought is read by the first step of the answer.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from .lengths import LengthDistribution, SameLength, Steps
from .load import Load, Widths, prefill_load
from .shape import ModelShape, Number
from .work import Spread, Work, step_work

PHASES = ("prefill", "think", "answer")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Lengths:
    """Tokens and sequences of a batch of queries; each a number or an array."""

    prompts: Number
    attempts: Number  # for each prompt; they share its KV
    prompt_tokens: Number
    think_tokens: Number  # mean of an attempt
    answer_tokens: Number

    @property
    def sequences(self) -> Number:
        """Attempts of all prompts."""
        return self.prompts * self.attempts

    @property
    def longest_context(self) -> Number:
        """Cached positions of an attempt at its end: all its tokens but the last one emitted."""
        return self.prompt_tokens + self.think_tokens + self.answer_tokens - 1


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PhaseSteps:
    """Work of each group of like steps (last axis), and how many steps each stands for."""

    work: Work  # of one step
    steps: Number


@jax.jit
def phase_steps(
    shape: ModelShape,
    lengths: Lengths,
    widths: Widths,
    spread: Spread,
    tile: Number = 1.0,
    distribution: LengthDistribution | None = None,
) -> dict[str, PhaseSteps]:
    """The steps of each of `PHASES`, by name. `distribution` is of thought lengths; answers are all
    of one length."""
    thoughts = distribution or SameLength()
    prefill = step_work(
        shape, prefill_load(lengths.prompts, lengths.prompt_tokens), widths, spread, tile
    )
    thinking = jnp.maximum(lengths.think_tokens - 1.0, 0.0)
    emitted = jnp.where(jnp.asarray(lengths.think_tokens) >= 1.0, 0.0, 1.0)
    answering = jnp.maximum(lengths.answer_tokens - emitted, 0.0)
    parts = {
        "think": (thoughts.steps(thinking, lengths.sequences), 0.0),
        "answer": (SameLength().steps(answering, lengths.sequences), thinking),
    }
    decode = {
        name: _decode(shape, lengths, widths, spread, tile, steps, before)
        for name, (steps, before) in parts.items()
    }
    return {"prefill": PhaseSteps(_last_axis(prefill), jnp.ones(1))} | decode


def _decode(
    shape: ModelShape,
    lengths: Lengths,
    widths: Widths,
    spread: Spread,
    tile: Number,
    steps: Steps,
    before: Number,
) -> PhaseSteps:
    shape, lengths, widths, spread, tile, before = (
        _last_axis(x) for x in (shape, lengths, widths, spread, tile, before)
    )
    load = Load(
        sequences=steps.sequences,
        new_tokens=1.0,
        own_context=before + steps.position,
        shared_context=lengths.prompt_tokens,
        sharers=lengths.attempts,
        head_positions=1.0,
    )
    return PhaseSteps(step_work(shape, load, widths, spread, tile), steps.steps)


def _last_axis(tree):  # type: ignore[no-untyped-def]
    """Every array with a last axis of size one, to meet the groups of steps."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., None], tree)
