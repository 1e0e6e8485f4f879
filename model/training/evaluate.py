"""What a trained reasoner gets right: attempts at problems, read back as answers.

Axis letters as in `config`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from ..sampling import Sampler
from ..tasks import Problem
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .data import Rows
from .loss import token_logprobs
from .rollout import Thinking, roll_out

TOGETHER = 100
"""Problems in one batch, so that many attempts fit a small machine."""

ROWS_SCORED = 1600
"""Attempts whose tokens are scored in one pass, for the same reason."""


@dataclass(frozen=True)
class Tried:
    """One attempt at a problem: its answer, whether that is right, and how sure it was."""

    answer: str | None
    right: bool
    mean_logprob: float  # over its own tokens, forced ones left out, at temperature 1


def attempt(
    model: Transformer,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    sampler: Sampler,
    attempts: int,
    think_budget: int,
    seed: int,
) -> list[list[Tried]]:
    """`attempts` at each of `problems`, asked in the notation; a budget of 0 answers at once."""
    thinking = Thinking(sampler, attempts, think_budget)
    tried: list[list[Tried]] = []
    for first in range(0, len(problems), TOGETHER):
        asked = problems[first : first + TOGETHER]
        found = roll_out(model, tokenizer, asked, thinking, seed, first)
        answers = [tokenizer.decode(one.answer) for one in found.said]
        sure = _mean_logprobs(model, found.rows).reshape(found.right.shape)
        for b, problem in enumerate(asked):
            said = answers[b * attempts : (b + 1) * attempts]
            figures = zip(said, found.right[b], sure[b], strict=True)
            tried.append([Tried(problem.extract(a), bool(r), float(s)) for a, r, s in figures])
    return tried


def _mean_logprobs(model: Transformer, rows: Rows) -> np.ndarray:
    """[R] the mean over each attempt's own tokens of log p, read in one further pass."""
    scored = [
        _token_logprobs(model, rows.tokens[first : first + ROWS_SCORED])
        for first in range(0, len(rows.tokens), ROWS_SCORED)
    ]
    total: np.ndarray = (np.concatenate(scored) * rows.taught).sum(axis=1)
    return total / rows.taught.sum(axis=1)


_token_logprobs = jax.jit(token_logprobs)
