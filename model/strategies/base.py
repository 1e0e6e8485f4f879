"""Strategy: a way to spend compute on a question. What all of them share, and the answer cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar

from ..config import ModelConfig, ModelInputError
from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..sampling import Greedy, Sampler, sampler
from ..transformer import Transformer

MOST_ATTEMPTS = 10_000
"""At one question, as in the largest published studies (Brown et al. 2024, arXiv 2407.21787)."""


@dataclass(frozen=True)
class Strategy:
    """Answers questions on an engine. A frozen dataclass whose fields are its settings; here those
    of one greedy attempt, chosen as it is."""

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for --help

    @property
    def phases(self) -> tuple[str, ...]:
        """Every phase that its passes may have, in the order in which they first come."""
        raise NotImplementedError

    @property
    def rows(self) -> int:
        """Attempts at a prompt that run together."""
        return 1

    @property
    def sampler(self) -> Sampler:
        """How its attempts choose tokens."""
        return Greedy()

    @property
    def settings(self) -> Mapping[str, object]:
        """Every setting by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def independent(self) -> bool:
        """Whether its attempts are independent samples, of which any k can be estimated."""
        return False

    @property
    def reads_figures(self) -> bool:
        """Whether it reads how likely each token was, which takes work for each of them."""
        return False

    @property
    def draft_model(self) -> str | None:
        """The model that must be opened to draft for it (`Engine.drafts`), as it is asked for."""
        return None

    def draft_config(
        self, model: ModelConfig, drafts: Mapping[str, Transformer]
    ) -> tuple[str, ModelConfig] | None:
        """What pass records call the model that drafts for `model`, and its sizes; None without
        one. ModelInputError where there cannot be such a draft."""
        return None

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        """An answer to each of `questions`, in order, with one log for the batch."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sampling(Strategy):
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

    n: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.n <= MOST_ATTEMPTS, self.name, "n", self.n, f"from 1 to {MOST_ATTEMPTS}")

    @property
    def rows(self) -> int:
        return self.n


@dataclass(frozen=True)
class Cached(Strategy):
    """`strategy`, asked only for prompts that it has not answered before, token for token.

    Within a batch, too, a prompt is answered once. A repeated question gets the first one's
    answer and attempts, and no passes: `Answered.cached`.
    """

    name: ClassVar[str] = "cached"
    summary: ClassVar[str] = "cached+STRATEGY: a repeated question gets its first answer for free"
    strategy: Strategy
    answers: dict[tuple[int, ...], Answered] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def phases(self) -> tuple[str, ...]:
        return self.strategy.phases

    @property
    def rows(self) -> int:
        return self.strategy.rows

    @property
    def sampler(self) -> Sampler:
        return self.strategy.sampler

    @property
    def settings(self) -> Mapping[str, object]:
        return self.strategy.settings

    @property
    def reads_figures(self) -> bool:
        return self.strategy.reads_figures

    @property
    def draft_model(self) -> str | None:
        return self.strategy.draft_model

    def draft_config(
        self, model: ModelConfig, drafts: Mapping[str, Transformer]
    ) -> tuple[str, ModelConfig] | None:
        return self.strategy.draft_config(model, drafts)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        prompts = [tuple(prompt) for prompt in questions.prompts]
        first: dict[tuple[int, ...], int] = {}
        for prompt, number in zip(prompts, questions.numbers, strict=True):
            if prompt not in self.answers:
                first.setdefault(prompt, number)
        if first:
            new = Questions(list(first), list(first.values()))
            self.answers.update(zip(first, self.strategy.run(engine, new), strict=True))
        return [
            self.answers[prompt]
            if first.get(prompt) == number
            else replace(self.answers[prompt], question=number, cached=True)
            for prompt, number in zip(prompts, questions.numbers, strict=True)
        ]


def draft_configs(
    strategies: Sequence[Strategy], model: ModelConfig, drafts: Mapping[str, Transformer]
) -> dict[str, ModelConfig]:
    """The models that draft for any of `strategies`, by their names in pass records."""
    found = (strategy.draft_config(model, drafts) for strategy in strategies)
    return dict(one for one in found if one is not None)


def require(holds: bool, strategy: str, setting: str, value: object, wanted: str) -> None:
    """Raise ModelInputError unless the setting `holds`."""
    if not holds:
        raise ModelInputError(f"{strategy}: {setting} must be {wanted}, got {value}")
