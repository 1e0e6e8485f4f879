"""Strategy: a way to spend compute on a question. What all of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ..config import ModelInputError
from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..sampling import Sampler, sampler

THINK_AND_ANSWER = ("prefill", "think", "answer")


class Strategy(Protocol):
    """Answers questions on an engine. A frozen dataclass whose fields are its settings."""

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for --help

    @property
    def phases(self) -> tuple[str, ...]:
        """Every phase that its passes may have, in the order in which they first come."""

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        """An answer to each of `questions`, in order, with one log for the batch."""


@dataclass(frozen=True)
class Sampling:
    """Settings of strategies that sample: temperature 0 is greedy."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        _ = self.sampler  # refuses settings that no sampler takes

    @property
    def sampler(self) -> Sampler:
        return sampler(self.temperature, self.top_k, self.top_p)


def require(holds: bool, strategy: str, setting: str, value: object, wanted: str) -> None:
    """Raise ModelInputError unless the setting `holds`."""
    if not holds:
        raise ModelInputError(f"{strategy}: {setting} must be {wanted}, got {value}")


def answer_all(
    strategy: Strategy, engine: Engine, prompts: Sequence[Sequence[int]], batch: int | None = None
) -> list[Answered]:
    """Answers to all `prompts` [token ids], `batch` of them at a time (default: all).

    Answers do not depend on `batch`. Give the engine `prompt_slots` to compile for one length.
    """
    size = batch or max(len(prompts), 1)
    return [
        answered
        for first in range(0, len(prompts), size)
        for answered in strategy.run(engine, _questions(prompts[first : first + size], first))
    ]


def _questions(prompts: Sequence[Sequence[int]], first: int) -> Questions:
    return Questions(prompts, range(first, first + len(prompts)))
