"""The embedded reasoner's figures, measured again: what its model card states."""

from collections.abc import Callable, Sequence
from math import exp

import jax
import numpy as np

from rooflink.model.sampling import Greedy, Sampler, Temperature
from rooflink.model.tasks import Problem, parse_task
from rooflink.model.tokenizer import Tokenizer
from rooflink.model.training.data import Rows
from rooflink.model.training.methods import AMPLE_BUDGET
from rooflink.model.training.rollout import (
    TEST_SEED,
    Figure,
    ScoredAnswer,
    Thinking,
    right_by_vote,
    sample_batches,
    scored_answers,
)
from rooflink.model.training.updates import token_logprobs
from rooflink.model.transformer import Transformer

ROWS_SCORED = 1600
"""Attempts whose tokens are scored in one pass, so that they fit a small machine."""

PROBLEMS = 400
VOTES = (4, 8, 16, 32)

RAMP = (0, 2, 4, 6, 8, 10, 12)
"""Budgets at which mixed chains are answered; each operation takes one token."""

SHARPNESS = 4
"""A vote weighs its attempt's mean probability a token to this power; chosen on other seeds."""

Attempts = list[ScoredAnswer]
"""At one problem; an attempt's score is its mean log p a token, at temperature 1."""


def attempt(
    model: Transformer, tokenizer: Tokenizer, problems: Sequence[Problem], sampler: Sampler,
    attempts: int, think_budget: int, seed: int,
) -> list[Attempts]:  # fmt: skip
    """`attempts` at each of `problems`; a budget of 0 answers at once."""
    thinking = Thinking(sampler, attempts, think_budget)
    answers: list[Attempts] = []
    for rollouts in sample_batches(model, tokenizer, problems, thinking, seed):
        scores = _mean_logprobs(model, rollouts.rows).reshape(rollouts.right.shape)
        answers += scored_answers(rollouts, tokenizer, scores)
    return answers


def _mean_logprobs(model: Transformer, rows: Rows) -> np.ndarray:
    """[R] the mean over each attempt's own tokens of log p, read in one further pass."""
    scored = [
        _token_logprobs(model, rows.tokens[first : first + ROWS_SCORED])
        for first in range(0, len(rows.tokens), ROWS_SCORED)
    ]
    total: np.ndarray = (np.concatenate(scored) * rows.taught).sum(axis=1)
    return total / rows.taught.sum(axis=1)


_token_logprobs = jax.jit(token_logprobs)


def thinking_figures(model: Transformer, tokenizer: Tokenizer) -> list[Figure]:
    """Greedy accuracy on chains: fixed lengths with and without thought, and mixed by budget."""

    def figure(what: str, task: str, budget: int) -> Figure:
        tested = parse_task(task).problems("test", PROBLEMS, TEST_SEED)
        tried = attempt(model, tokenizer, tested, Greedy(), 1, budget, TEST_SEED)
        return Figure(what, sum(attempts[0].right for attempts in tried), PROBLEMS)

    fixed = [
        figure(f"chain:k={k}, {how}", f"chain:k={k}", budget)
        for k in (4, 8, 12)
        for how, budget in (("thinking", AMPLE_BUDGET), ("direct", 0))
    ]
    ramp = [figure(f"chain:k=2-12, budget {b}", "chain:k=2-12", b) for b in RAMP]
    return fixed + ramp


def voting_figures(model: Transformer, tokenizer: Tokenizer) -> list[Figure]:
    """Sums of 8 numbers at temperature 1: one sample, votes over several, and whether any is right.

    Fewer attempts are the first of the many.
    """
    tested = parse_task("sum:n=8").problems("test", PROBLEMS, TEST_SEED)
    sampler = Temperature(1.0)
    tried = attempt(model, tokenizer, tested, sampler, max(VOTES), AMPLE_BUDGET, TEST_SEED)

    def figure(what: str, n: int, right: Callable[[Attempts], bool]) -> Figure:
        return Figure(f"sum:n=8, {what}", sum(right(few[:n]) for few in tried), PROBLEMS)

    figures = [figure("one sample", 1, _any_right)]
    for n in VOTES:
        figures += [
            figure(f"majority of {n}", n, lambda few: right_by_vote(few, [1.0] * len(few))),
            figure(f"weighted vote of {n}", n, lambda few: right_by_vote(few, confidences(few))),
            figure(f"any of {n}", n, _any_right),
        ]
    return figures


def search_figures(model: Transformer, tokenizer: Tokenizer) -> list[Figure]:
    """countdown with 3 numbers: greedy with and without thought, and any of several samples."""
    tested = parse_task("countdown:n=3").problems("test", PROBLEMS, TEST_SEED)

    def tried(sampler: Sampler, attempts: int, budget: int) -> list[Attempts]:
        return attempt(model, tokenizer, tested, sampler, attempts, budget, TEST_SEED)

    def figure(what: str, answers: list[Attempts], n: int) -> Figure:
        return Figure(
            f"countdown:n=3, {what}", sum(_any_right(few[:n]) for few in answers), PROBLEMS
        )

    sampled = tried(Temperature(1.0), max(VOTES), AMPLE_BUDGET)
    return [
        figure("thinking", tried(Greedy(), 1, AMPLE_BUDGET), 1),
        figure("direct", tried(Greedy(), 1, 0), 1),
        figure("one sample", sampled, 1),
        *[figure(f"any of {n}", sampled, n) for n in VOTES],
    ]


def _any_right(attempts: Attempts) -> bool:
    return any(one.right for one in attempts)


def confidences(attempts: Attempts) -> list[float]:
    """The geometric mean of the probabilities of each attempt's own tokens, to `SHARPNESS`."""
    return [exp(SHARPNESS * one.score) for one in attempts]
