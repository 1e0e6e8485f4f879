"""Rollouts: many attempts at problems, sampled with the jitted decoder and checked exactly, and a
model's right answers on test problems.

Axis letters as in `config`; R = B * A rows, one an attempt, T tokens of a row.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from ..config import ModelConfig
from ..generation.attempt import Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import generate
from ..generation.stopping import AnswerFormat, ThoughtRules, require_context, thought_rules
from ..sampling import Greedy, Sampler, Temperature
from ..strategies.voting import leader, tally
from ..tasks import Problem
from ..tasks.parse import parse_generated
from ..tasks.task import END_OF_THOUGHT, GeneratedTask
from ..tokenizer import Tokenizer
from ..transformer import Transformer
from .data import Rows
from .recipes import Distill, Grpo, MethodRecipe, Rejection

PROBLEMS_PER_BATCH = 100
"""Problems sampled in one batch, so that many attempts at each fit a small machine."""

TEST_SEED = 2
"""Of the test problems drawn and of sampling at them."""

ANSWER_BUDGET = 8
"""An expression over three numbers and the end token."""

OnPhase = Callable[[str, float], None]


class Thinking(NamedTuple):
    """How attempts are sampled: by what, how many at each problem, and for how long at most."""

    sampler: Sampler
    attempts: int
    think_budget: int  # tokens; 0 answers at once


@dataclass(frozen=True)
class Rollouts:
    """Attempts at `problems`, ordered by problem; `taught` marks the tokens the model chose."""

    problems: Sequence[Problem]
    prompt_lengths: np.ndarray  # [B] tokens
    attempts: Sequence[Attempt]  # R
    rows: Rows  # [R, T] prompt, thought and answer
    right: np.ndarray  # [B, A] bool, by the exact checker

    @staticmethod
    def joined(parts: "Sequence[Rollouts]") -> "Rollouts":
        """All `parts`, whose rows are equally long, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return Rollouts(
            problems=[problem for part in parts for problem in part.problems],
            prompt_lengths=np.concatenate([part.prompt_lengths for part in parts]),
            attempts=[attempt for part in parts for attempt in part.attempts],
            rows=Rows.joined([part.rows for part in parts]),
            right=np.concatenate([part.right for part in parts]),
        )


def roll_out(
    model: Transformer,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    thinking: Thinking,
    seed: int,
    first_index: int,
    on_phase: OnPhase,
) -> Rollouts:
    """Attempts at `problems`, asked in the notation.

    An attempt's randomness depends on `seed`, its problem's number (from `first_index`) and its
    own alone. `on_phase` is called for prefill, think, answer and reward.
    """
    prompts = [tokenizer.encode(str(problem.notation)) for problem in problems]
    rules = _rules(tokenizer, thinking.think_budget)
    answer_format = AnswerFormat(rules, tokenizer.decode)
    engine = Engine(model, answer_format, seed, observer=PhaseTimer(on_phase), lean=True)
    questions = Questions(prompts, range(first_index, first_index + len(prompts)))
    attempts = generate(engine, questions, thinking.sampler, thinking.attempts)
    began_s = time.perf_counter()
    checked = [problem for problem in problems for _ in range(thinking.attempts)]
    right = [bool(problem.check(one.text)) for problem, one in zip(checked, attempts, strict=True)]
    on_phase("reward", time.perf_counter() - began_s)
    longest = max(map(len, prompts)) + rules.longest_thought + ANSWER_BUDGET
    return Rollouts(
        problems=problems,
        prompt_lengths=np.array([len(prompt) for prompt in prompts]),
        attempts=attempts,
        rows=attempt_rows(
            [prompts[one.question - first_index] for one in attempts], attempts, longest
        ),
        right=np.array(right).reshape(len(problems), thinking.attempts),
    )


def _rules(tokenizer: Tokenizer, think_budget: int) -> ThoughtRules:
    rules = thought_rules(tokenizer, END_OF_THOUGHT, max(think_budget, 1), ANSWER_BUDGET)
    return replace(rules, think_budget=think_budget)


def require_room(
    config: ModelConfig, tokenizer: Tokenizer, task: str, problems: int, think_budget: int
) -> None:
    """Raise ModelInputError, before a training and not after it, where the test split has not so
    many `problems` or an attempt at one does not fit the model's context."""
    drawn = parse_generated(task).problems("test", problems, TEST_SEED)
    longest = max(len(tokenizer.encode(str(problem.notation))) for problem in drawn)
    require_context(config, longest, _rules(tokenizer, think_budget))


def attempt_rows(
    prompts: Sequence[Sequence[int]], attempts: Sequence[Attempt], row_tokens: int
) -> Rows:
    """Each attempt behind its prompt, filled up to `row_tokens`; forced tokens are not taught."""
    tokens = np.zeros((len(attempts), row_tokens), np.int32)
    taught = np.zeros((len(attempts), row_tokens), np.float32)
    for row, (prompt, attempt) in enumerate(zip(prompts, attempts, strict=True)):
        text = [*prompt, *attempt.thought, *attempt.answer]
        thought_end = len(prompt) + len(attempt.thought)
        tokens[row, : len(text)] = text
        taught[row, len(prompt) : thought_end - attempt.forced_tokens] = 1
        taught[row, thought_end : len(text)] = 1
    return Rows(tokens, taught)


class PhaseTimer:
    """Calls `on_phase` with how long each phase of a generation took."""

    def __init__(self, on_phase: OnPhase) -> None:
        self._on_phase, self._began_s = on_phase, 0.0

    def begins(self, phase: str) -> None:
        self._began_s = time.perf_counter()

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """A phase's time is all that counts."""

    def ends(self, phase: str) -> None:
        self._on_phase(phase, time.perf_counter() - self._began_s)


class SampleWatcher(Protocol):
    """Hears what work sampling does."""

    def phase(self, name: str, time_s: float) -> None:
        """A phase (prefill, think, answer, reward, reference, update) took so long."""

    def sampled(self, rollouts: Rollouts) -> None:
        """These attempts were generated and checked."""


def sample_batches(
    model: Transformer,
    tokenizer: Tokenizer,
    problems: Sequence[Problem],
    thinking: Thinking,
    seed: int,
    first_index: int = 0,
    watcher: SampleWatcher | None = None,
) -> Iterator[Rollouts]:
    """Attempts at `problems`, `PROBLEMS_PER_BATCH` of them at a time; see `roll_out`."""
    on_phase = watcher.phase if watcher else lambda phase, time_s: None
    for first in range(0, len(problems), PROBLEMS_PER_BATCH):
        some = problems[first : first + PROBLEMS_PER_BATCH]
        rollouts = roll_out(model, tokenizer, some, thinking, seed, first_index + first, on_phase)
        if watcher:
            watcher.sampled(rollouts)
        yield rollouts


def training_rollouts(
    recipe: MethodRecipe, model: Transformer, tokenizer: Tokenizer, watcher: SampleWatcher,
    step: int = 0,
) -> Iterator[Rollouts]:  # fmt: skip
    """Attempts at the recipe's problems for step number `step`, drawn from the train split: the
    problems depend on the step and the recipe's seed alone."""
    sampling, task = recipe.sampling, parse_generated(recipe.task)
    rng = np.random.default_rng([recipe.seed, step])
    problems = [task.draw("train", rng) for _ in range(sampling.problems)]
    thinking = Thinking(Temperature(sampling.temperature), sampling.attempts, sampling.think_budget)
    first = step * sampling.problems
    return sample_batches(model, tokenizer, problems, thinking, recipe.seed, first, watcher)


class ScoredAnswer(NamedTuple):
    """An attempt's answer, whether it is right, and a score of the attempt."""

    answer: str | None
    right: bool
    score: float


def scored_answers(
    rollouts: Rollouts, tokenizer: Tokenizer, scores: np.ndarray
) -> list[list[ScoredAnswer]]:
    """The answers of `rollouts`, problem by problem, with their `scores` [B, A]."""
    answers = iter([tokenizer.decode(attempt.answer) for attempt in rollouts.attempts])
    return [
        [
            ScoredAnswer(problem.extract(next(answers)), bool(right), float(score))
            for right, score in zip(rollouts.right[b], scores[b], strict=True)
        ]
        for b, problem in enumerate(rollouts.problems)
    ]


def right_by_vote(answers: Sequence[ScoredAnswer], weights: Sequence[float]) -> bool:
    """Whether the answer with the most weight is right; the one given first wins a tie."""
    winner = leader(tally([one.answer for one in answers], weights))
    return any(one.right for one in answers if one.answer == winner and winner is not None)


class Figure(NamedTuple):
    what: str
    right: int
    n: int


def held_out_figure(
    model: Transformer, tokenizer: Tokenizer, task: GeneratedTask, problems: int, sampler: Sampler,
    think_budget: int,
) -> Figure:  # fmt: skip
    """One attempt at each of `problems` of the test split."""
    drawn = task.problems("test", problems, TEST_SEED)
    batches = sample_batches(model, tokenizer, drawn, Thinking(sampler, 1, think_budget), TEST_SEED)
    right = sum(int(rollouts.right.sum()) for rollouts in batches)
    return Figure(f"{task.name}, {sampler.describe()}", right, problems)


def tested_figures(
    recipe: Grpo | Rejection | Distill, step: int, steps: int, model: Transformer,
    tokenizer: Tokenizer,
) -> dict[str, float]:  # fmt: skip
    """Greedy accuracy where step number `step` (from 0) is one to be tested, or nothing."""
    if (step + 1) % recipe.tested.every and step + 1 != steps:
        return {}
    figure = held_out_figure(
        model, tokenizer, parse_generated(recipe.task), recipe.tested.problems, Greedy(),
        recipe.sampling.think_budget,
    )  # fmt: skip
    return {"test_right": figure.right, "test_problems": figure.n}
