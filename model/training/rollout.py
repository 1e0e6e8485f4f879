"""Rollouts: many attempts at problems, sampled with the jitted decoder and checked exactly.

Axis letters as in `config`; R = B * A rows, one an attempt, T tokens of a row.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..generation.attempt import Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import generate
from ..generation.stopping import AnswerFormat, thought_rules
from ..sampling import Sampler
from ..tasks import Problem
from ..tasks.notation import END_OF_THOUGHT
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .data import Rows

ANSWER_BUDGET = 8
"""An expression over three numbers and the end token."""

Heard = Callable[[str, float], None]
"""Hears of a phase and the seconds that it took."""


@dataclass(frozen=True)
class Thinking:
    """How attempts are sampled: by what, how many at each problem, and for how long at most."""

    sampler: Sampler
    attempts: int
    think_budget: int  # tokens; 0 answers at once


@dataclass(frozen=True)
class Rollouts:
    """Attempts at `problems`, ordered by problem; `taught` marks the tokens the model chose."""

    problems: Sequence[Problem]
    prompt_lengths: np.ndarray  # [B] tokens
    said: Sequence[Attempt]  # R
    rows: Rows  # [R, T] prompt, thought and answer
    right: np.ndarray  # [B, A] bool, by the exact checker


def roll_out(
    model: Transformer,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    thinking: Thinking,
    seed: int,
    first_index: int = 0,
    heard: Heard = lambda phase, time_s: None,
) -> Rollouts:
    """Attempts at `problems`, asked in the notation.

    An attempt's randomness depends on `seed`, its problem's number (from `first_index`) and its
    own alone. `heard` is told of prefill, think, answer and reward.
    """
    prompts = [tokenizer.encode(str(problem.notation)) for problem in problems]
    rules = thought_rules(tokenizer, END_OF_THOUGHT, max(thinking.think_budget, 1), ANSWER_BUDGET)
    rules = replace(rules, think_budget=thinking.think_budget)
    answer_format = AnswerFormat(rules, tokenizer.decode)
    engine = Engine(model, answer_format, seed, observer=PhaseTimer(heard), lean=True)
    questions = Questions(prompts, range(first_index, first_index + len(prompts)))
    said = generate(engine, questions, thinking.sampler, thinking.attempts)
    began_s = time.perf_counter()
    texts = [one.text for one in said]
    asked = [problem for problem in problems for _ in range(thinking.attempts)]
    right = [bool(problem.check(text)) for problem, text in zip(asked, texts, strict=True)]
    heard("reward", time.perf_counter() - began_s)
    longest = max(map(len, prompts)) + rules.longest_thought + ANSWER_BUDGET
    return Rollouts(
        problems=problems,
        prompt_lengths=np.array([len(prompt) for prompt in prompts]),
        said=said,
        rows=said_rows([prompts[one.question - first_index] for one in said], said, longest),
        right=np.array(right).reshape(len(problems), thinking.attempts),
    )


def said_rows(prompts: Sequence[Sequence[int]], said: Sequence[Attempt], row_tokens: int) -> Rows:
    """Each attempt behind its prompt, filled up to `row_tokens`; forced tokens are not taught."""
    tokens = np.zeros((len(said), row_tokens), np.int32)
    taught = np.zeros((len(said), row_tokens), np.float32)
    for row, (prompt, one) in enumerate(zip(prompts, said, strict=True)):
        text = [*prompt, *one.thought, *one.answer]
        thought_end = len(prompt) + len(one.thought)
        tokens[row, : len(text)] = text
        taught[row, len(prompt) : thought_end - one.forced_tokens] = 1
        taught[row, thought_end : len(text)] = 1
    return Rows(tokens, taught)


class PhaseTimer:
    """Tells `heard` how long each phase of a generation took."""

    def __init__(self, heard: Heard) -> None:
        self._heard, self._began_s = heard, 0.0

    def begins(self, phase: str) -> None:
        self._began_s = time.perf_counter()

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """A phase's time is all that counts."""

    def ends(self, phase: str) -> None:
        self._heard(phase, time.perf_counter() - self._began_s)
