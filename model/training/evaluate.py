"""What a trained reasoner gets right: attempts at problems, read back as answers.

Axis letters as in `config`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from ..generate import Attempt, Batch, generate
from ..sampling import Sampler
from ..tasks import Problem
from ..tasks.notation import END_OF_THOUGHT
from ..thought_rules import thought_rules
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .loss import token_logprobs

ANSWER_BUDGET = 8
"""An expression over three numbers and the end token."""

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
    prompts = [tokenizer.encode(str(problem.notation)) for problem in problems]
    rules = thought_rules(tokenizer, END_OF_THOUGHT, max(think_budget, 1), ANSWER_BUDGET)
    rules = replace(rules, think_budget=think_budget)
    slots = max(len(prompt) for prompt in prompts)
    said = [
        one
        for first in range(0, len(prompts), TOGETHER)
        for one in generate(
            model, Batch(prompts[first : first + TOGETHER], first), rules, sampler, attempts, seed,
            prompt_slots=slots,
        )
    ]  # fmt: skip
    tried: list[list[Tried]] = [[] for _ in problems]
    sure = _mean_logprobs(model, [prompts[one.prompt] for one in said], said)
    for one, logprob in zip(said, sure, strict=True):
        problem, text = problems[one.prompt], tokenizer.decode(one.answer)
        found = Tried(problem.extract(text), bool(problem.check(text)), logprob)
        tried[one.prompt].append(found)
    return tried


def _mean_logprobs(
    model: Transformer, prompts: list[list[int]], said: Sequence[Attempt]
) -> list[float]:
    """The mean over each attempt's own tokens of log p, read in one further pass."""
    texts = [
        [*prompt, *one.thought, *one.answer] for prompt, one in zip(prompts, said, strict=True)
    ]
    longest = max(map(len, texts))
    tokens = np.zeros((len(said), longest), np.int32)
    own = np.zeros((len(said), longest), np.float32)
    for row, (prompt, one) in enumerate(zip(prompts, said, strict=True)):
        thought_end = len(prompt) + len(one.thought)
        tokens[row, : len(texts[row])] = texts[row]
        own[row, len(prompt) : thought_end - one.forced_tokens] = 1
        own[row, thought_end : len(texts[row])] = 1
    scored = [
        _token_logprobs(model, tokens[first : first + ROWS_SCORED])
        for first in range(0, len(said), ROWS_SCORED)
    ]
    total = (np.concatenate(scored) * own).sum(axis=1)
    return [float(mean) for mean in total / own.sum(axis=1)]


_token_logprobs = jax.jit(token_logprobs)
