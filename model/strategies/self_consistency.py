"""Self-consistency: many sampled thoughts, one vote each over what they answered.

Adaptive consistency: sampling stops when the vote is as good as decided.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..generation.attempt import Answered, Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import think_and_answer
from ..generation.session import open_session
from ..phases import THINK_AND_ANSWER
from .base import Sampling, require
from .verifiers import CONFIDENCE
from .voting import by_vote, tally


@dataclass(frozen=True)
class SelfConsistency(Sampling):
    """Majority over the extracted answers of `n` attempts (Wang et al. 2023, arXiv 2203.11171).

    `weighted` weighs each vote by the attempt's confidence, the geometric mean of its tokens'
    probabilities (equation 1 there; DeepConf, arXiv 2508.15260, votes so too).
    """

    name: ClassVar[str] = "self-consistency"
    summary: ClassVar[str] = "majority of n sampled answers, or weighted by confidence"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    n: int = 16
    weighted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n >= 1, self.name, "n", self.n, "at least 1")

    @property
    def rows(self) -> int:
        return self.n

    @property
    def reads_figures(self) -> bool:
        return self.weighted

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n, figures=self.weighted)
        per_question = think_and_answer(session, self.sampler)
        if not self.weighted:
            return [by_vote(attempts, session.log) for attempts in per_question]
        weights = CONFIDENCE.scores(session, session.alive)
        return [
            by_vote(attempts, session.log, row.tolist())
            for attempts, row in zip(per_question, weights, strict=True)
        ]


@dataclass(frozen=True)
class AdaptiveConsistency(Sampling):
    """Self-consistency of at most `n` attempts, `round` at a time, that ends for a question once
    its leading answer wins with a posterior above `sure` (Aggarwal et al. 2023, arXiv 2305.11860,
    the Beta criterion; one attempt at a time there). Each further round reads the prompt's cache
    again, not the prompt."""

    name: ClassVar[str] = "adaptive-consistency"
    summary: ClassVar[str] = "majority that stops sampling once the leader is sure to win"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    n: int = 40
    round: int = 4
    sure: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n >= 1, self.name, "n", self.n, "at least 1")
        require(self.round >= 1, self.name, "round", self.round, "at least 1")
        require(0 < self.sure < 1, self.name, "sure", self.sure, "between 0 and 1")

    @property
    def rows(self) -> int:
        return min(self.round, self.n)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        width = self.rows
        session = open_session(engine, questions, width)
        per_question: list[list[Attempt]] = [[] for _ in questions.prompts]
        for first in range(0, self.n, width):
            if first:
                undecided = np.array([leads(tried) <= self.sure for tried in per_question])
                rows = session_rows(undecided, min(width, self.n - first), width)
                session.restart(first, rows)
            if not session.open.any():
                break
            session.alive &= session.open
            further = think_and_answer(session, self.sampler)
            for tried, more in zip(per_question, further, strict=True):
                tried += more
        return [by_vote(tried, session.log) for tried in per_question]


def session_rows(questions: np.ndarray, attempts: int, width: int) -> np.ndarray:
    """[B, width] mask of the first `attempts` rows of the chosen `questions` [B]."""
    return questions[:, None] & (np.arange(width) < attempts)


def leads(attempts: list[Attempt]) -> float:
    """Posterior probability that the leading answer is the likelier of the first two.

    With v1 and v2 votes and a uniform prior their share follows Beta(v1 + 1, v2 + 1); this is its
    mass above one half.
    """
    from scipy.special import betainc  # scipy is heavy, and few runs come here

    answers = [attempt.extracted for attempt in attempts]
    votes = sorted(tally(answers, [1.0] * len(answers)).values(), reverse=True)
    first, second, *_ = [*votes, 0.0, 0.0]
    return float(betainc(second + 1, first + 1, 0.5))
