"""Beam search over steps of thought, guided by a verifier's scores."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..generation.attempt import Answered, Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import answer, attempt_of, attempts_of, conclude, think
from ..generation.session import Session, open_session
from ..generation.session_edits import branch
from ..generation.stopping import Stop
from ..phases import ANSWER, BRANCH, PREFILL, THINK
from .base import Several, require
from .verifiers import CONFIDENCE, Verifier
from .voting import by_score


@dataclass(frozen=True)
class BeamSearch(Several):
    """`n` rows sample a step each; the n / `width` of the best scores go on, copied `width` times
    (Snell et al. 2024, arXiv 2408.03314, section 5.2). The best finished attempt answers.

    A step ends at one of the wording's step ends or after `step` tokens; thoughts that have ended
    keep their score and their place. Copies are of the rows' own cache, noted as 'branch'.
    """

    name: ClassVar[str] = "beam"
    summary: ClassVar[str] = "step by step, the n / width best of n rows go on, copied width times"
    n: int = 8
    width: int = 4
    step: int = 16
    verifier: Verifier = CONFIDENCE
    weighted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.width >= 1, self.name, "width", self.width, "at least 1")
        require(self.step >= 1, self.name, "step", self.step, "at least 1")

    @property
    def reads_figures(self) -> bool:
        return self.verifier.reads_figures

    @property
    def phases(self) -> tuple[str, ...]:
        return (PREFILL, THINK, *self.verifier.phases, BRANCH, ANSWER)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n, figures=self.reads_figures)
        beam = _Beam(session, self.verifier)
        while (beam.thinking & session.open).any():
            beam.step(think(session, self.sampler, beam.thinking, self.step, steps=True))
            if not (beam.thinking & session.open).any():
                break
            beam.select(max(1, self.n // self.width), self.width)
        stop = np.where(beam.thinking, Stop.LIMIT, beam.stop)
        conclude(session, stop)
        thought = session.trace.length.copy()
        answer(session, self.sampler)
        finished = attempts_of(session, thought, stop)
        scores = self.verifier.scores(session, session.alive)
        return [
            _with_pruned(by_score(attempts, score[alive], session.log, self.weighted), pruned)
            for attempts, score, alive, pruned in zip(
                finished, scores, session.alive, beam.pruned, strict=True
            )
        ]


class _Beam:
    """Rows of a search: which of them think, their scores, and what was pruned."""

    def __init__(self, session: Session, verifier: Verifier):
        self.session, self.verifier = session, verifier
        self.thinking = session.open
        self.stop = np.full(session.alive.shape, Stop.LIMIT)
        self.scores = np.zeros(session.alive.shape)
        self.pruned: list[list[Attempt]] = [[] for _ in session.alive]

    def step(self, now: np.ndarray) -> None:
        """Take in what stopped each row's step."""
        thinking, session = self.thinking, self.session
        spent = session.trace.length >= session.engine.rules.think_budget
        paused = thinking & (now == Stop.BUDGET) & ~spent
        self.stop = np.where(thinking & ~paused, now, self.stop)
        scores = self.verifier.scores(session, thinking)
        self.scores = np.where(thinking, scores, self.scores)
        self.thinking = paused

    def select(self, keep: int, width: int) -> None:
        """Keep the `keep` best rows of each question that still thinks; copy them to `width`."""
        session = self.session
        alive = session.alive.copy()
        parents = np.tile(np.arange(alive.shape[1]), (len(alive), 1))
        for b in map(int, np.flatnonzero((self.thinking & session.open).any(axis=1))):
            best = np.argsort(np.where(alive[b], -self.scores[b], np.inf), kind="stable")
            kept = best[: min(keep, alive[b].sum())]
            for a in map(int, np.flatnonzero(alive[b] & ~np.isin(parents[b], kept))):
                length = int(session.trace.length[b, a])
                self.pruned[b].append(attempt_of(session, b, a, length, Stop.PRUNED))
            copies = np.repeat(kept[self.thinking[b, kept]], width - 1)
            free = np.flatnonzero(~np.isin(parents[b], kept))[: len(copies)]
            parents[b, free] = copies[: len(free)]
            alive[b] = np.isin(np.arange(len(alive[b])), [*kept, *free])
        branch(session, parents, alive)
        self.stop = np.take_along_axis(self.stop, parents, axis=1)
        self.scores = np.take_along_axis(self.scores, parents, axis=1)
        self.thinking = np.take_along_axis(self.thinking, parents, axis=1) & alive


def _with_pruned(answered: Answered, pruned: list[Attempt]) -> Answered:
    """`answered` with the attempts that the search gave up, after those that it finished."""
    return replace(answered, attempts=(*answered.attempts, *pruned))
