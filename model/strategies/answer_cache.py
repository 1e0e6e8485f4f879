"""An answer cache: a question that was answered before costs nothing again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..sampling import Sampler
from .base import Strategy


@dataclass(frozen=True)
class Cached:
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
    def independent(self) -> bool:
        return False

    @property
    def reads_figures(self) -> bool:
        return self.strategy.reads_figures

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
