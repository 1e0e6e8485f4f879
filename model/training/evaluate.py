"""What a trained reasoner gets right: attempts at problems, read back as answers.

Axis letters as in `config`.

What a training measures on its way: greedy accuracy on problems of the test split.

The embedded reasoner's figures: what its model card states and tests measure again.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp

import jax
import numpy as np
from scipy.stats import binomtest

from ..sampling import Greedy, Sampler, Temperature
from ..tasks import Problem, parse_task
from ..tasks.base import GeneratedTask
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .data import Rows
from .loop import Figures
from .loss import token_logprobs
from .recipes import HeldOut
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


PROBLEMS = 400
VOTES = (4, 8, 16, 32)
AMPLE_BUDGET = 20
"""Tokens: more than any whole thought."""

RAMP = (0, 2, 4, 6, 8, 10, 12)
"""Budgets at which mixed chains are answered; each operation takes one token."""

GREEDY = Greedy()

SHARPNESS = 4
"""A vote weighs its attempt's mean probability a token to this power."""

SEED = 2
"""Of the test problems drawn and of sampling; `SHARPNESS` was chosen on others."""


@dataclass(frozen=True)
class Figure:
    """How many of `n` test problems came out right."""

    what: str
    right: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the share that is right."""
        found = binomtest(self.right, self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


def thinking_figures(model: Transformer, tokenizer: Tokenizer, problems: int) -> list[Figure]:
    """Greedy accuracy on chains: fixed lengths with and without thought, and mixed by budget."""

    def figure(what: str, task: str, budget: int) -> Figure:
        tested = parse_task(task).problems("test", problems, SEED)
        tried = attempt(model, tokenizer, tested, GREEDY, 1, budget, SEED)
        return Figure(what, sum(of_one[0].right for of_one in tried), problems)

    fixed = [
        figure(f"chain:k={k}, {how}", f"chain:k={k}", budget)
        for k in (4, 8, 12)
        for how, budget in (("thinking", AMPLE_BUDGET), ("direct", 0))
    ]
    ramp = [figure(f"chain:k=2-12, budget {b}", "chain:k=2-12", b) for b in RAMP]
    return fixed + ramp


def voting_figures(model: Transformer, tokenizer: Tokenizer, problems: int) -> list[Figure]:
    """Sums of 8 numbers at temperature 1: one sample, votes over several, and whether any is right.

    Fewer attempts are the first of the many.
    """
    tested = parse_task("sum:n=8").problems("test", problems, SEED)
    tried = attempt(model, tokenizer, tested, Temperature(1.0), max(VOTES), AMPLE_BUDGET, SEED)

    def figure(what: str, right: Callable[[list[Tried]], bool]) -> Figure:
        return Figure(f"sum:n=8, {what}", sum(map(right, tried)), problems)

    found = [figure("one sample", lambda of_one: of_one[0].right)]
    for n in VOTES:
        found += [
            figure(f"majority of {n}", partial(_first_voted, n=n, weight=lambda _: 1.0)),
            figure(f"weighted vote of {n}", partial(_first_voted, n=n, weight=confidence)),
            figure(f"any of {n}", partial(_any_of_first, n=n)),
        ]
    return found


def search_figures(model: Transformer, tokenizer: Tokenizer, problems: int) -> list[Figure]:
    """countdown with 3 numbers: greedy with and without thought, and any of several samples."""
    tested = parse_task("countdown:n=3").problems("test", problems, SEED)

    def tried(sampler: Sampler, attempts: int, budget: int) -> list[list[Tried]]:
        return attempt(model, tokenizer, tested, sampler, attempts, budget, SEED)

    def figure(what: str, found: list[list[Tried]], n: int) -> Figure:
        return Figure(
            f"countdown:n=3, {what}", sum(_any_of_first(of_one, n) for of_one in found), problems
        )

    sampled = tried(Temperature(1.0), max(VOTES), AMPLE_BUDGET)
    return [
        figure("thinking", tried(GREEDY, 1, AMPLE_BUDGET), 1),
        figure("direct", tried(GREEDY, 1, 0), 1),
        figure("one sample", sampled, 1),
        *[figure(f"any of {n}", sampled, n) for n in VOTES],
    ]


def _first_voted(tried: list[Tried], n: int, weight: Callable[[Tried], float]) -> bool:
    return voted(tried[:n], weight)


def _any_of_first(tried: list[Tried], n: int) -> bool:
    return any(one.right for one in tried[:n])


def voted(tried: Sequence[Tried], weight: Callable[[Tried], float]) -> bool:
    """Whether the answer with the most weight is right; the first said wins a tie."""
    votes: dict[str, float] = defaultdict(float)
    right: dict[str, bool] = {}
    for one in tried:
        if one.answer is not None:
            votes[one.answer] += weight(one)
            right[one.answer] = one.right
    return bool(votes) and right[max(votes, key=lambda answer: votes[answer])]


def confidence(one: Tried) -> float:
    """The geometric mean of the probabilities of the attempt's own tokens, to `SHARPNESS`."""
    return exp(SHARPNESS * one.mean_logprob)


TOGETHER_TESTED = 250
"""Problems answered in one batch."""


def drawn(task: GeneratedTask, problems: int, seed: int, step: int) -> list[Problem]:
    """Problems of the train split for step number `step`: they depend on it and the seed alone."""
    rng = np.random.default_rng([seed, step])
    return [task.draw("train", rng) for _ in range(problems)]


def right_of(
    model: Transformer, tokenizer: Tokenizer, task: GeneratedTask, problems: int, sampler: Sampler,
    think_budget: int,
) -> Figure:  # fmt: skip
    """One attempt at each of `problems` of the test split."""
    asked = task.problems("test", problems, SEED)
    right = 0
    for first in range(0, problems, TOGETHER_TESTED):
        some = asked[first : first + TOGETHER_TESTED]
        thinking = Thinking(sampler, 1, think_budget)
        right += int(roll_out(model, tokenizer, some, thinking, SEED, first).right.sum())
    return Figure(f"{task.name}, {sampler.describe()}", right, problems)


def tested_figures(
    tested: HeldOut, step: int, steps: int, model: Transformer, tokenizer: Tokenizer,
    task: GeneratedTask, think_budget: int,
) -> Figures:  # fmt: skip
    """Greedy accuracy where step number `step` (from 0) is one to be tested, or nothing."""
    if (step + 1) % tested.every and step + 1 != steps:
        return {}
    found = right_of(model, tokenizer, task, tested.problems, Greedy(), think_budget)
    return {"test_right": found.right, "test_problems": found.n}
