"""The workload in tokens: prompts in a model's own words, budgets, sampling and answer format."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..model.config import ModelConfig
from ..model.generation.engine import Questions
from ..model.generation.pass_log import ROOT, PassLog, PassRecord
from ..model.generation.stopping import (
    AnswerFormat,
    ThoughtRules,
    budget_rules,
    default_think_end,
    require_context,
    text_format,
    thought_rules,
)
from ..model.phases import ANSWER, PREFILL, THINK
from ..model.sampling import Greedy, Sampler
from ..model.strategies.base import MOST_ATTEMPTS, Strategy, draft_configs
from ..model.strategies.sampling import plain_strategy
from ..model.tasks import Problem
from ..model.tasks.answers import Found
from ..model.tasks.task import END_OF_THOUGHT, speaks_notation
from ..model.tokenizer import Tokenizer
from ..model.weights.host_memory import require_memory
from .errors import ProfileInputError
from .model_spec import Subject

if TYPE_CHECKING:  # a plain profile needs no other strategy
    from ..model.reward_model import TrainedVerifier
    from ..model.strategies.verifiers import Verifier
    from ..model.transformer import Transformer
    from .strategy_request import StrategyRequest

INSTRUCTION = "Think step by step, then finish with 'The answer is' and the number."
"""Follows each question of a task; plain prompts are sent as they are."""

GREEDY = Greedy()

BYTES_OF_A_PASS = 64
"""Of one row of a pass record, its arrays and those made of them."""

SYNTHETIC = "(the whole budget)"
"""What ends a thought where there are no words."""


@dataclass(frozen=True)
class Request:
    """What to ask of a model. Lengths are in tokens."""

    problems: Sequence[Problem]
    attempts: int = 4
    think_budget: int = 128
    answer_budget: int = 16
    sampler: Sampler = GREEDY
    batch: int | None = None  # prompts that run together; None for all of them
    think_end: str | None = None  # None for the model's own
    prompt_tokens: int = 128  # length of a prompt where there is no tokenizer
    task: str | None = None
    seed: int = 0
    strategy: "StrategyRequest | None" = None  # its rows are the `attempts`, its sampler its own

    def new_strategy(self, verifiers: "Mapping[str, Verifier] | None" = None) -> Strategy:
        """The strategy that answers; by default each attempt answers for itself."""
        if self.strategy is None:
            return plain_strategy(self.attempts, self.sampler)
        return self.strategy.parsed(verifiers)


@dataclass(frozen=True)
class Plan:
    """A request in the ids of one model's tokenizer."""

    request: Request
    prompts: list[list[int]]
    rules: ThoughtRules
    think_end: str
    batches: list[Questions]
    strategy: Strategy  # for its settings: `Request.new_strategy` makes those that run

    @property
    def plain(self) -> bool:
        """Whether no strategy was named: a lean engine runs, and each attempt is an answer."""
        return self.request.strategy is None

    @property
    def verifier(self) -> "TrainedVerifier | None":
        """The trained verifier that the strategy may ask."""
        return self.request.strategy.verifier if self.request.strategy else None

    @property
    def drafts(self) -> "Mapping[str, Transformer]":
        """The models that draft for the strategy, as they are asked for."""
        return self.request.strategy.drafts if self.request.strategy else {}

    def draft_configs(self, model: ModelConfig) -> dict[str, ModelConfig]:
        """The model that drafts for `model`, by its name in pass records, if one does."""
        return draft_configs([self.strategy], model, self.drafts)

    @property
    def prompt_slots(self) -> int:
        """One padded length for all batches, so that they share one compiled program."""
        return max(len(prompt) for prompt in self.prompts)


def plan(subject: Subject, request: Request) -> Plan:
    """Tokenise `request` for `subject`; without a tokenizer, prompts are ids without meaning.

    Raises ModelInputError or ProfileInputError for counts below 1, no prompts, or prompts that
    do not fit the model's context with their thoughts.
    """
    _require_counts(request)
    tokenizer = subject.tokenizer
    if tokenizer is None:
        length = request.prompt_tokens
        vocabulary = subject.config.vocab_size
        prompts = [[(7 * i + 1) % vocabulary for i in range(length)] for _ in request.problems]
        rules = budget_rules(request.think_budget, request.answer_budget)
        think_end = SYNTHETIC
    else:
        prompts = _encoded(tokenizer, request.problems)
        think_end = request.think_end or default_think_end(tokenizer)
        rules = thought_rules(tokenizer, think_end, request.think_budget, request.answer_budget)
    _require_room(subject, request, rules, len(prompts))
    require_context(subject.config, max(len(prompt) for prompt in prompts), rules)
    size = request.batch or len(prompts)
    chunks = [range(len(prompts))[i : i + size] for i in range(0, len(prompts), size)]
    batches = [Questions([prompts[i] for i in chunk], chunk) for chunk in chunks]
    return Plan(request, prompts, rules, think_end, batches, request.new_strategy())


MOST_POSITIONS = 20_000_000
"""Tokens of a batch whose passes are written down, which takes about 50 bytes of each."""


def assumed_log(planned: Plan, batch: Questions) -> PassLog:
    """The passes that a lean engine makes of a batch whose every attempt uses its whole budgets.

    A thought of n tokens is n - 1 think passes, because its first token comes from prefill; an
    answer of m tokens is m passes, the first of which reads the last token of the thought.
    """
    rules, log = planned.rules, PassLog()
    rows = len(batch.prompts) * planned.strategy.rows
    if rows * rules.longest > MOST_POSITIONS:
        raise ProfileInputError(
            f"{rows} attempts of {rules.longest} tokens are more than are counted at once: "
            "lower --attempts, --think-budget or --batch"
        )
    roots = log.new_branches(np.full((len(batch.prompts), 1), ROOT))
    branches = log.new_branches(np.repeat(roots, planned.strategy.rows, axis=1))
    log.keep(branches.ravel())
    lengths = np.array([len(prompt) for prompt in batch.prompts])
    none = np.zeros_like(lengths)
    thought = rules.longest_thought - 1
    log.records += [
        _assumed(PREFILL, batch, none, roots, 0, lengths[None, :, None], planned.prompt_slots),
        _assumed(THINK, batch, lengths, branches, 0, _ones(thought, branches), 1, len(rules.cue)),
        _assumed(ANSWER, batch, lengths, branches, thought, _ones(rules.answer_budget, branches)),
    ]
    return log


def _require_room(subject: Subject, request: Request, rules: ThoughtRules, prompts: int) -> None:
    """Refuse attempts of which the passes alone, without any work, would not fit in memory."""
    passes = rules.longest_thought + rules.answer_budget
    rows = request.new_strategy().rows
    needed_bytes = BYTES_OF_A_PASS * passes * prompts * rows
    require_memory(needed_bytes, f"counting {rows} attempts at each of {prompts} prompts")


def _ones(passes: int, branches: np.ndarray) -> np.ndarray:
    """A token of each row in each of `passes`; one pass without any where there are none."""
    return np.full((max(passes, 1), *branches.shape), min(passes, 1), np.int64)


def _assumed(
    phase: str,
    batch: Questions,
    prompt: np.ndarray,
    branches: np.ndarray,
    before: int,
    tokens: np.ndarray,
    slots: int = 1,
    cue: int = 0,
) -> PassRecord:
    """Passes of `tokens` [N, B, A] after `before` of each row's own; the last ones say a cue."""
    step = np.arange(len(tokens))[:, None, None]
    forced = np.where(step == 0, max(cue - len(tokens) + 1, 1), 1) * (step >= len(tokens) - cue)
    none = np.zeros_like(tokens)
    return PassRecord.of(
        phase,
        prompt,
        own=none + before + step,
        tokens=tokens,
        forced=none + forced,
        questions=np.array(batch.numbers),
        branches=branches,
        slots=slots,
    )


def _encoded(tokenizer: Tokenizer, problems: Sequence[Problem]) -> list[list[int]]:
    """Prompts in ids: the notation for a model that reads it, else words as chat."""
    if speaks_notation(tokenizer):
        return [tokenizer.encode(_in_notation(problem)) for problem in problems]
    return [tokenizer.chat_ids(_in_words(problem)) for problem in problems]


def _in_words(problem: Problem) -> str:
    """The question, of one that can be checked with the instruction how to answer."""
    instruction = "" if problem.expected is None else f"\n{INSTRUCTION}"
    return f"{problem.question}{instruction}"


def _in_notation(problem: Problem) -> str:
    if problem.notation is None:
        raise ProfileInputError(
            "this model reads nothing but its notation, which has no words for "
            f"'{problem.question[:60]}': give it a --task such as chain:k=8, sum:n=8 or "
            "countdown:n=3, or choose another --model such as smollm2-135m"
        )
    return problem.notation


def _require_counts(request: Request) -> None:
    if not request.problems:
        raise ProfileInputError("there are no prompts: give --prompts a text or a file with lines")
    if request.attempts > MOST_ATTEMPTS:
        raise ProfileInputError(f"--attempts is at most {MOST_ATTEMPTS}, got {request.attempts}")
    counts = {
        "--attempts": request.attempts,
        "--batch": request.batch if request.batch is not None else 1,
        "--prompt-tokens": request.prompt_tokens,
    }
    for option, value in counts.items():
        if value < 1:
            raise ProfileInputError(f"{option} must be at least 1, got {value}")


NOTATION_ANSWER = r"[-\d(][\d ()+*/-]*"
"""A number or an expression, as the embedded reasoner writes them."""


@dataclass(frozen=True)
class PromptedProblems:
    """Problems as one model reads them."""

    prompts: list[list[int]]
    answer_format: AnswerFormat


def prompted(
    tokenizer: Tokenizer, problems: Sequence[Problem], think_budget: int, answer_budget: int
) -> PromptedProblems:
    """Problems in the notation for a model that reads it, else as chat with an instruction.

    Raises ProfileInputError for a problem that the notation has no words for; ModelInputError for
    budgets below 1.
    """
    think_end = END_OF_THOUGHT if speaks_notation(tokenizer) else default_think_end(tokenizer)
    rules = thought_rules(tokenizer, think_end, think_budget, answer_budget)
    return PromptedProblems(_encoded(tokenizer, problems), answer_format_of(tokenizer, rules))


def answer_format_of(tokenizer: Tokenizer | None, rules: ThoughtRules) -> AnswerFormat:
    """What strategies must know of the language that a model speaks by `tokenizer`; without one
    its answers say nothing."""
    if tokenizer is None:
        return AnswerFormat(rules, decode=lambda tokens: "")
    if speaks_notation(tokenizer):
        return _notation_format(tokenizer, rules)
    return text_format(tokenizer, rules)


def _notation_format(tokenizer: Tokenizer, rules: ThoughtRules) -> AnswerFormat:
    """Words of the notation; it has none for 'Wait' and none that end a step."""
    return AnswerFormat(
        rules=rules,
        decode=tokenizer.decode,
        in_notation=_answers_in_notation,
    )


def _answers_in_notation(text: str) -> list[Found]:
    """Numbers and expressions, without blanks."""
    found = []
    for match in re.finditer(NOTATION_ANSWER, text):
        words = "".join(match[0].split())
        found.append(Found(*match.span(), (words.lstrip("0") or "0") if words.isdigit() else words))
    return found
