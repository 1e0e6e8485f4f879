"""The workload in tokens: prompts, budgets and sampling, ready for a model to run or be costed."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.decode import ThoughtRules
from ..model.generate import Batch, require_context
from ..model.generation.stopping import budget_rules, default_think_end, thought_rules
from ..model.sampling import Greedy, Sampler
from ..model.tasks import Problem
from ..model.tasks.notation import speaks_notation
from ..model.tokenizer import Tokenizer
from .errors import ProfileInputError
from .model_spec import Subject
from .strategy.asked import AskedStrategy

INSTRUCTION = "Think step by step, then finish with 'The answer is' and the number."
"""Follows each question of a task; plain prompts are sent as they are."""

GREEDY = Greedy()

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
    strategy: AskedStrategy | None = None  # its rows are the `attempts`, its sampler its own


@dataclass(frozen=True)
class Plan:
    """A request in the ids of one model's tokenizer."""

    request: Request
    prompts: list[list[int]]
    rules: ThoughtRules
    think_end: str
    batches: list[Batch]

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
    require_context(subject.config, max(len(prompt) for prompt in prompts), rules)
    size = request.batch or len(prompts)
    batches = [Batch(prompts[i : i + size], i) for i in range(0, len(prompts), size)]
    return Plan(request, prompts, rules, think_end, batches)


def _encoded(tokenizer: Tokenizer, problems: Sequence[Problem]) -> list[list[int]]:
    """Prompts in ids: the notation for a model that reads no words, else words and a request."""
    if not speaks_notation(tokenizer):
        return [tokenizer.encode(tokenizer.chat_prompt(_words(problem))) for problem in problems]
    for problem in problems:
        if problem.notation is None:
            raise ProfileInputError(
                f"the embedded reasoner cannot read '{problem.question[:40]}': it knows only its "
                "own tasks, --task chain:k=8, sum:n=8 or countdown:n=3; choose --model smollm2-135m"
            )
    return [tokenizer.encode(problem.notation) for problem in problems if problem.notation]


def _words(problem: Problem) -> str:
    if problem.expected is None:
        return problem.question
    return f"{problem.question}\n{INSTRUCTION}"


def _require_counts(request: Request) -> None:
    if not request.problems:
        raise ProfileInputError("there are no prompts: give --prompts a text or a file with lines")
    counts = {
        "--attempts": request.attempts,
        "--batch": request.batch if request.batch is not None else 1,
        "--prompt-tokens": request.prompt_tokens,
    }
    for option, value in counts.items():
        if value < 1:
            raise ProfileInputError(f"{option} must be at least 1, got {value}")
