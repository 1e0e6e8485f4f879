"""Attempts logs: other people's runs, one JSON object a line.

    {"problem": "gsm8k-17", "answer": "42", "correct": true,
     "prompt_tokens": 110, "completion_tokens": 96, "think_tokens": 80,
     "strategy": "cot", "score": 0.83, "usd": 0.0021, "requests": 1, "level": 3,
     "joint": false}

`problem` is required, and `correct` or both `answer` and `expected` (numbers are compared as
numbers). `completion_tokens` are all that were generated, thought included, `think_tokens` of
those the thought. Attempts of one request share its prompt: each has its share of `requests` and
of the tokens that were read. `joint` attempts come out of one search, and cannot be had apart.
What is left out is unknown, and no cost is made up for it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...model.tasks import extract_number, plain_number
from ..errors import ProfileInputError

PLAIN = "attempts"


class LoggedAttempt(BaseModel):
    """One attempt; tokens, dollars and requests may be shares of what several attempts had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problem: str
    strategy: str = PLAIN
    answer: str | None = None
    expected: str | None = None
    correct: bool | None = None
    prompt_tokens: float | None = Field(default=None, ge=0)
    completion_tokens: float | None = Field(default=None, ge=0)
    think_tokens: float = Field(default=0.0, ge=0)
    score: float | None = None
    usd: float | None = Field(default=None, ge=0)
    requests: float = Field(default=1.0, gt=0)
    level: int | None = None
    joint: bool = False

    @model_validator(mode="after")
    def _checkable(self) -> "LoggedAttempt":
        if self.correct is None and (self.answer is None or self.expected is None):
            raise ValueError("has neither 'correct' nor both 'answer' and 'expected'")
        if self.think_tokens > (self.completion_tokens or 0.0):
            raise ValueError("has more think_tokens than completion_tokens, which hold them")
        return self

    @property
    def right(self) -> bool:
        """What the log says, else whether the answer is the expected one."""
        if self.correct is not None:
            return self.correct
        return spelled(self.answer) == spelled(self.expected)


@dataclass(frozen=True)
class AttemptsLog:
    """The attempts of one file, and what its reader must know of them."""

    attempts: Sequence[LoggedAttempt]
    notes: Sequence[str] = ()

    @property
    def strategies(self) -> list[str]:
        """In the order of their first attempt."""
        return list(dict.fromkeys(attempt.strategy for attempt in self.attempts))


def spelled(answer: str | None) -> str | None:
    """An answer in the one spelling that votes compare: a number where it is one."""
    if answer is None:
        return None
    text = answer.strip()
    found = extract_number(text)
    return plain_number(found) if found is not None and _is_number(text) else text


def _is_number(text: str) -> bool:
    return bool(text) and all(c.isdigit() or c in "-$,." for c in text)


def read_jsonl(path: Path, lines: Sequence[str]) -> AttemptsLog:
    """A log in the format above. Raises ProfileInputError naming the line that is not."""
    return AttemptsLog(list(_attempts(path, lines)))


def _attempts(path: Path, lines: Sequence[str]) -> Iterator[LoggedAttempt]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield LoggedAttempt.model_validate(json.loads(line))
        except json.JSONDecodeError as error:
            raise ProfileInputError(f"{path}, line {number} is not JSON: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            said = first["msg"].removeprefix("Value error, ")
            raise ProfileInputError(f"{path}, line {number}: {where}: {said}") from None
