"""Strategy: a way to spend compute on a question. What all of them share."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

from ..config import ModelInputError
from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..sampling import Greedy, Sampler, sampler


class Strategy(Protocol):
    """Answers questions on an engine. A frozen dataclass whose fields are its settings."""

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for --help

    @property
    def phases(self) -> tuple[str, ...]:
        """Every phase that its passes may have, in the order in which they first come."""

    @property
    def rows(self) -> int:
        """Attempts at a prompt that run together."""

    @property
    def sampler(self) -> Sampler:
        """How its attempts choose tokens."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Every setting by its name."""

    @property
    def independent(self) -> bool:
        """Whether its attempts are independent samples, of which any k can be estimated."""

    @property
    def reads_figures(self) -> bool:
        """Whether it reads how likely each token was, which takes work for each of them."""

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        """An answer to each of `questions`, in order, with one log for the batch."""


@dataclass(frozen=True)
class BaseStrategy:
    """What most strategies are: one greedy attempt, chosen as it is."""

    @property
    def rows(self) -> int:
        return 1

    @property
    def sampler(self) -> Sampler:
        return Greedy()

    @property
    def settings(self) -> Mapping[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def independent(self) -> bool:
        return False

    @property
    def reads_figures(self) -> bool:
        return False


@dataclass(frozen=True)
class Sampling(BaseStrategy):
    """Settings of strategies that sample: temperature 0 is greedy."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        sampler(self.temperature, self.top_k, self.top_p)  # refuses what no sampler takes

    @property
    def sampler(self) -> Sampler:
        return sampler(self.temperature, self.top_k, self.top_p)


@dataclass(frozen=True)
class Several(Sampling):
    """Settings of strategies that sample `n` attempts at each question, all of them together."""

    name: ClassVar[str]
    n: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n >= 1, self.name, "n", self.n, "at least 1")

    @property
    def rows(self) -> int:
        return self.n


def require(holds: bool, strategy: str, setting: str, value: object, wanted: str) -> None:
    """Raise ModelInputError unless the setting `holds`."""
    if not holds:
        raise ModelInputError(f"{strategy}: {setting} must be {wanted}, got {value}")
