"""Speculative drafting: a small model drafts, the target checks all of it in one pass.

Leviathan et al. 2023 (arXiv:2211.17192), equation 1: with acceptance a and g tokens drafted, one
round yields (1 - a^(g + 1)) / (1 - a) tokens in expectation. Output follows the target's
distribution exactly (their theorem in appendix A.1).
"""

import jax
import jax.numpy as jnp

from ..predict.lengths import SameLength, Steps
from ..predict.load import Load
from ..predict.phases import PhaseSteps
from ..predict.shape import Number
from ..predict.work import step_work
from .point import Point, Speculation


def expected_tokens(acceptance: Number, drafted: Number) -> Number:
    """Tokens that one round of `drafted` tokens yields; `drafted` + 1 where all are accepted."""
    a = jnp.minimum(acceptance, 1 - 1e-6)
    return (1 - a ** (drafted + 1)) / (1 - a)


def speculated(steps: dict[str, PhaseSteps], point: Point) -> dict[str, PhaseSteps]:
    """Thinking and answering in rounds. A round is one pass over drafted + 1 positions, and its
    drafting `cost` of a plain step for each token. Attempts of a batch are taken to advance alike.
    """
    known = point.speculation
    assert known is not None, "asked for with a speculation"
    lengths = point.lengths
    thinking = jnp.maximum(lengths.think_tokens - 1.0, 0.0)
    answering = jnp.maximum(lengths.answer_tokens - (1.0 * (lengths.think_tokens < 1.0)), 0.0)
    thought = point.distribution.steps(thinking, lengths.sequences)
    answer = SameLength().steps(answering, lengths.sequences)
    return {
        "prefill": steps["prefill"],
        "think": _rounds(steps["think"], thought, 0.0, point, known),
        "answer": _rounds(steps["answer"], answer, thinking, point, known),
    }


def _rounds(
    plain: PhaseSteps, steps: Steps, before: Number, point: Point, known: Speculation
) -> PhaseSteps:
    checked = Load(
        sequences=steps.sequences,
        new_tokens=known.tokens + 1.0,
        own_context=before + jnp.maximum(steps.position, 0.0),
        shared_context=point.lengths.prompt_tokens,
        sharers=point.lengths.attempts,
        head_positions=known.tokens + 1.0,
    )
    verify = step_work(point.shape, checked, point.widths, point.spread, point.hardware.tile)
    draft = plain.work * (known.tokens * known.cost)
    rounds = steps.steps / expected_tokens(known.acceptance, known.tokens)
    work = jax.tree.map(jnp.asarray, verify + draft)
    return PhaseSteps(jax.tree.map(lambda leaf: leaf + 0.0 * steps.steps, work), rounds)
