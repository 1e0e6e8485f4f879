"""Strategies that compare nothing: a direct answer, greedy chain of thought, plain sampling."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..config import ModelInputError
from ..generation.attempt import Answered, answered
from ..generation.engine import Engine, Questions
from ..generation.generate import answer, attempts_of, think_and_answer
from ..generation.session import open_session
from ..generation.stopping import Stop
from ..phases import ANSWER, PREFILL, THINK_AND_ANSWER
from ..sampling import Greedy as GreedySampler
from ..sampling import Sampler, Temperature
from .base import Several, Strategy


@dataclass(frozen=True)
class Direct(Strategy):
    """No thought: the cue is read with the prompt, in one pass, and the answer is greedy."""

    name: ClassVar[str] = "direct"
    summary: ClassVar[str] = "no thought: the answer at once"
    phases: ClassVar[tuple[str, ...]] = (PREFILL, ANSWER)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1, forced=engine.rules.cue)
        thought = session.trace.length.copy()
        answer(session, GreedySampler())
        tried = attempts_of(session, thought, np.full_like(thought, Stop.BUDGET))
        return [answered(attempts, 0, session.log) for attempts in tried]


@dataclass(frozen=True)
class Greedy(Strategy):
    """Chain of thought with the likeliest token at every step (Wei et al. 2022, 2201.11903)."""

    name: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "one thought of likeliest tokens, then the answer"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1)
        tried = think_and_answer(session, self.sampler)
        return [answered(attempts, 0, session.log) for attempts in tried]


@dataclass(frozen=True)
class Sample(Several):
    """`n` attempts, the first of which answers, for pass@k; what a profile runs where no strategy
    is named."""

    name: ClassVar[str] = "sample"
    summary: ClassVar[str] = "n sampled attempts; the first answers, all count for pass@k"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    n: int = 1

    @property
    def independent(self) -> bool:
        return self.temperature > 0

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n)
        tried = think_and_answer(session, self.sampler)
        return [answered(attempts, 0, session.log) for attempts in tried]


def plain_strategy(attempts: int, sampler: Sampler) -> Sample:
    """`attempts` by `sampler`, each for itself: what is run where no strategy is named."""
    match sampler:
        case Temperature(temperature, top_k, top_p):
            return Sample(temperature, top_k, top_p, attempts)
        case GreedySampler():
            return Sample(temperature=0.0, n=attempts)
    raise ModelInputError(f"no strategy samples by '{sampler.describe()}'")
