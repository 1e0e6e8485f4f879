"""Many attempts at a question and a choice among them: by majority (self-consistency, also ended
once it is as good as decided), by a verifier's scores (best of N), or by how sure the greedy paths
from the likeliest first tokens are of their answers (CoT-decoding).
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np

from ..generation.attempt import Answered, Attempt, answered
from ..generation.engine import Engine, Questions
from ..generation.generate import think_and_answer
from ..generation.session import open_session
from ..generation.stopping import AnswerFormat, Stop
from ..phases import THINK_AND_ANSWER
from ..sampling import Greedy
from .base import Several, Strategy, require
from .verifiers import CONFIDENCE, Verifier
from .voting import by_score, by_vote, tally


@dataclass(frozen=True)
class SelfConsistency(Several):
    """Majority over the extracted answers of `n` attempts (Wang et al. 2023, arXiv 2203.11171).

    `weighted` weighs each vote by the attempt's confidence, the geometric mean of its tokens'
    probabilities (equation 1 there; DeepConf, arXiv 2508.15260, votes so too).
    """

    name: ClassVar[str] = "self-consistency"
    summary: ClassVar[str] = "majority of n sampled answers, or weighted by confidence"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    weighted: bool = False

    @property
    def reads_figures(self) -> bool:
        return self.weighted

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n, figures=self.weighted)
        tried = think_and_answer(session, self.sampler)
        if not self.weighted:
            return [by_vote(attempts, session.log) for attempts in tried]
        weights = CONFIDENCE.scores(session, session.alive)
        return [
            by_vote(attempts, session.log, row.tolist())
            for attempts, row in zip(tried, weights, strict=True)
        ]


@dataclass(frozen=True)
class BestOfN(Several):
    """The attempt of `n` that `verifier` scores highest (Cobbe et al. 2021, arXiv 2110.14168), or,
    `weighted`, the answer with the largest sum of scores."""

    name: ClassVar[str] = "best-of-n"
    summary: ClassVar[str] = "the verifier's favourite of n sampled attempts, or scores as votes"
    verifier: Verifier = CONFIDENCE
    weighted: bool = False

    @property
    def reads_figures(self) -> bool:
        return self.verifier.reads_figures

    @property
    def phases(self) -> tuple[str, ...]:
        return (*THINK_AND_ANSWER, *self.verifier.phases)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n, figures=self.reads_figures)
        tried = think_and_answer(session, self.sampler)
        scores = self.verifier.scores(session, session.alive)
        return [
            by_score(attempts, row.tolist(), session.log, self.weighted)
            for attempts, row in zip(tried, scores, strict=True)
        ]


@dataclass(frozen=True)
class AdaptiveConsistency(Several):
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
        require(self.round >= 1, self.name, "round", self.round, "at least 1")
        require(0 < self.sure < 1, self.name, "sure", self.sure, "between 0 and 1")

    @property
    def rows(self) -> int:
        return min(self.round, self.n)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        width = self.rows
        session = open_session(engine, questions, width)
        tried: list[list[Attempt]] = [[] for _ in questions.prompts]
        for first in range(0, self.n, width):
            if first:
                undecided = np.array([leads(attempts) <= self.sure for attempts in tried])
                taking_part = np.arange(width) < min(width, self.n - first)
                session.restart(first, undecided[:, None] & taking_part)
            if not session.open.any():
                break
            session.alive &= session.open
            for attempts, more in zip(tried, think_and_answer(session, self.sampler), strict=True):
                attempts += more
        return [by_vote(attempts, session.log) for attempts in tried]


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


@dataclass(frozen=True)
class CotDecoding(Strategy):
    """`k` paths from the likeliest first tokens, each greedy from there; the answer of most
    confidence (Wang & Zhou 2024, arXiv 2402.10200).

    A path's delta is the mean over its answer's own tokens of p(top 1) - p(top 2). `aggregate`
    takes the answer with the largest sum of deltas over the paths that share it, else the path
    with the largest delta. Where a path ends without saying its answer, the cue ('The answer is')
    is continued and what it gives is looked up in the path (section 2.2); its own tokens stand in
    where the path does not hold it.
    """

    name: ClassVar[str] = "cot-decoding"
    summary: ClassVar[str] = "k greedy paths from the likeliest first tokens; the surest answer"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    k: int = 10
    aggregate: bool = True

    @property
    def rows(self) -> int:
        return self.k

    @property
    def reads_figures(self) -> bool:
        return True

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        vocabulary = engine.model.config.vocab_size
        require(1 <= self.k <= vocabulary, self.name, "k", self.k, f"from 1 to {vocabulary}")
        session = open_session(engine, questions, self.k, figures=True)
        first = np.asarray(jax.lax.top_k(session.prompt_logits[:, 0], self.k)[1])
        tried = think_and_answer(session, Greedy(), given=first)
        log = session.log
        chosen = []
        for attempts in tried:
            paths = [aligned(attempt, engine.answer_format) for attempt in attempts]
            deltas = [path.answer_margin for path in paths]
            paths = [replace(p, score=delta) for p, delta in zip(paths, deltas, strict=True)]
            best = max(range(len(paths)), key=deltas.__getitem__)
            vote = by_vote(paths, log, deltas)
            chosen.append(vote if self.aggregate else answered(paths, best, log, dict(vote.votes)))
        return chosen


def aligned(attempt: Attempt, answer_format: AnswerFormat) -> Attempt:
    """`attempt` with its answer's span in its own thought, where a cue had to ask for it."""
    if attempt.stop is Stop.MARKER or attempt.extracted is None:
        return attempt
    own = attempt.thought[: int((~attempt.forced[: len(attempt.thought)]).sum())]
    return replace(attempt, span=answer_format.align(own, attempt.extracted) or attempt.span)
