"""Direct answer: the cue stands where the thought would begin.

One attempt or several, none of them compared: greedy chain of thought and plain sampling.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..config import ModelInputError
from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..generation.generate import answer, attempts_of, think_and_answer
from ..generation.session import open_session
from ..generation.stopping import Stop
from ..phases import ANSWER, PREFILL, THINK_AND_ANSWER
from ..sampling import Greedy as GreedySampler
from ..sampling import Sampler, Temperature
from .base import BaseStrategy, Sampling, require
from .voting import answered


@dataclass(frozen=True)
class Direct(BaseStrategy):
    """No thought: the cue is read with the prompt, in one pass, and the answer is greedy."""

    name: ClassVar[str] = "direct"
    summary: ClassVar[str] = "no thought: the answer at once"
    phases: ClassVar[tuple[str, ...]] = (PREFILL, ANSWER)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1, forced=engine.rules.cue)
        thought = session.trace.length.copy()
        answer(session, GreedySampler())
        per_question = attempts_of(session, thought, np.full_like(thought, Stop.BUDGET))
        return [answered(attempts, 0, session.log) for attempts in per_question]


@dataclass(frozen=True)
class Greedy(BaseStrategy):
    """Chain of thought with the likeliest token at every step (Wei et al. 2022, 2201.11903)."""

    name: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "one thought of likeliest tokens, then the answer"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1)
        per_question = think_and_answer(session, GreedySampler())
        return [answered(attempts, 0, session.log) for attempts in per_question]


@dataclass(frozen=True)
class Sample(Sampling):
    """`n` attempts, the first of which answers, for pass@k; what a profile runs where no strategy
    is named."""

    name: ClassVar[str] = "sample"
    summary: ClassVar[str] = "n sampled attempts; the first answers, all count for pass@k"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    n: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n >= 1, self.name, "n", self.n, "at least 1")

    @property
    def rows(self) -> int:
        return self.n

    @property
    def independent(self) -> bool:
        return self.temperature > 0

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n)
        per_question = think_and_answer(session, self.sampler)
        return [answered(attempts, 0, session.log) for attempts in per_question]


def plain_strategy(attempts: int, sampler: Sampler) -> Sample:
    """`attempts` by `sampler`, each for itself: what is run where no strategy is named."""
    match sampler:
        case Temperature(temperature, top_k, top_p):
            return Sample(temperature, top_k, top_p, attempts)
        case GreedySampler():
            return Sample(temperature=0.0, n=attempts)
    raise ModelInputError(f"no strategy samples by '{sampler.describe()}'")
