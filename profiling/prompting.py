"""Putting problems to a model: prompts in its own words, and its answer format."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.generation.stopping import (
    AnswerFormat,
    ThoughtRules,
    default_think_end,
    text_format,
    thought_rules,
)
from ..model.tasks import Problem, plain_number
from ..model.tasks.notation import END_OF_THOUGHT, speaks_notation
from ..model.tokenizer import Tokenizer
from .errors import ProfileInputError
from .workload import INSTRUCTION

NOTATION_ANSWER = r"[-\d(][\d ()+*/-]*"
"""A number or an expression, as the embedded reasoner writes them."""


@dataclass(frozen=True)
class PromptedProblems:
    """Problems as one model reads them."""

    prompts: list[list[int]]
    answer_format: AnswerFormat


def ask(
    tokenizer: Tokenizer, problems: Sequence[Problem], think_budget: int, answer_budget: int
) -> PromptedProblems:
    """Problems in the notation for a model that reads it, else as chat with an instruction.

    Raises ProfileInputError for a problem that the notation has no words for; ModelInputError for
    budgets below 1.
    """
    if speaks_notation(tokenizer):
        texts = [_in_notation(problem) for problem in problems]
        rules = thought_rules(tokenizer, END_OF_THOUGHT, think_budget, answer_budget)
    else:
        texts = [tokenizer.chat_prompt(f"{p.question}\n{INSTRUCTION}") for p in problems]
        end = default_think_end(tokenizer)
        rules = thought_rules(tokenizer, end, think_budget, answer_budget)
    answer_format = answer_format_of(tokenizer, rules)
    return PromptedProblems([tokenizer.encode(text) for text in texts], answer_format)


def answer_format_of(tokenizer: Tokenizer | None, rules: ThoughtRules) -> AnswerFormat:
    """What strategies must know of the language that a model speaks by `tokenizer`; without one
    its answers say nothing."""
    if tokenizer is None:
        return AnswerFormat(rules, decode=lambda tokens: "")
    if speaks_notation(tokenizer):
        return _notation_format(tokenizer, rules)
    return text_format(tokenizer, rules)


def _in_notation(problem: Problem) -> str:
    if problem.notation is None:
        raise ProfileInputError(
            "this model reads nothing but its notation, which has no words for "
            f"'{problem.question[:60]}': take a task such as chain:k=8 or sum:n=8, or another "
            "--model"
        )
    return problem.notation


def _notation_format(tokenizer: Tokenizer, rules: ThoughtRules) -> AnswerFormat:
    """Words of the notation; it has none for 'Wait' and none that end a step."""
    return AnswerFormat(
        rules=rules,
        decode=tokenizer.decode,
        answer_pattern=NOTATION_ANSWER,
        canonical=_canonical,
    )


def _canonical(text: str) -> str:
    words = "".join(text.split())
    return plain_number(words) if words.isdigit() else words
