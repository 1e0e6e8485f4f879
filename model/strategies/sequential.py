"""Strategies that spend more on one attempt after the other: a thought made longer (budget forcing)
or ended once it is sure (early stop), and attempts that read the earlier ones (revision)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..config import ModelInputError
from ..generation.attempt import Answered, Attempt, answered
from ..generation.engine import Engine, Questions
from ..generation.generate import (
    answer,
    attempt_of,
    attempts_of,
    conclude,
    emitted_ending,
    think,
    think_and_answer,
)
from ..generation.pass_log import PassLog
from ..generation.session import Session, open_session
from ..generation.session_edits import drop, feed, new_branches, restore, snapshot
from ..generation.stopping import Stop
from ..phases import ANSWER, PREFILL, PROBE, RE_PREFILL, REVISE, THINK, THINK_AND_ANSWER
from ..sampling import Greedy
from .base import Sampling, require
from .voting import by_vote


@dataclass(frozen=True)
class BudgetForcing(Sampling):
    """s1 (Muennighoff et al. 2025, arXiv 2501.19393): up to `extend` times the end of a thought is
    taken back and 'Wait' said instead. The budget bounds the whole thought, 'Wait' included."""

    name: ClassVar[str] = "budget-forcing"
    summary: ClassVar[str] = "cut at the budget; 'Wait' instead of an early end, up to extend times"
    phases: ClassVar[tuple[str, ...]] = THINK_AND_ANSWER
    temperature: float = 0.0
    extend: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.extend >= 0, self.name, "extend", self.extend, "at least 0")

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        if self.extend and not engine.answer_format.wait:
            raise ModelInputError(
                f"{self.name} extends a thought by 'Wait', which this model has no token for: "
                "use extend=0"
            )
        session = open_session(engine, questions, 1)
        stop = think(session, self.sampler)
        for _ in range(self.extend):
            markers = emitted_ending(session, engine.rules.markers)
            markers = np.where(stop == Stop.MARKER, markers, 0)
            early = self._ended_early(session, stop, session.trace.length - markers)
            if not early.any():
                break
            drop(session, np.where(early, markers, 0))
            feed(session, engine.answer_format.wait, "think", early)
            stop = np.where(early, think(session, self.sampler, early), stop)
        conclude(session, stop)
        thought = session.trace.length.copy()
        answer(session, self.sampler)
        tried = attempts_of(session, thought, stop)
        return [answered(attempts, 0, session.log) for attempts in tried]

    def _ended_early(self, session: Session, stop: np.ndarray, length: np.ndarray) -> np.ndarray:
        """Rows that ended by themselves after `length` tokens, with room for 'Wait' and more."""
        answer_format = session.engine.answer_format
        ended = (stop == Stop.MARKER) | (stop == Stop.END_OF_SEQUENCE)
        room = answer_format.rules.think_budget - length > len(answer_format.wait)
        return ended & room & session.open


@dataclass(frozen=True)
class EarlyStop(Sampling):
    """Every `every` thought tokens the cue is forced and a greedy answer read off; it is taken if
    the mean margin of its tokens reaches `sure`, else the thought goes on as if nothing had been
    asked (probing as in Certaindex, Fu et al. 2024, arXiv 2412.20993; the margin is
    CoT-decoding's). Probes are passes of a phase of their own, discarded where not taken."""

    name: ClassVar[str] = "early-stop"
    summary: ClassVar[str] = "a thought that ends once a probe for its answer is sure"
    phases: ClassVar[tuple[str, ...]] = (PREFILL, THINK, PROBE, ANSWER)
    temperature: float = 0.0
    every: int = 8
    sure: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.every >= 1, self.name, "every", self.every, "at least 1")

    @property
    def reads_figures(self) -> bool:
        return True

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1, figures=True)
        thinking, stop = session.open, np.full((len(questions.prompts), 1), Stop.LIMIT)
        thought = np.zeros(stop.shape, np.int64)
        while (thinking & session.open).any():
            now = think(session, self.sampler, thinking, budget=self.every)
            spent = session.trace.length >= engine.rules.think_budget
            paused = thinking & (now == Stop.BUDGET) & ~spent
            stop = np.where(thinking & ~paused, now, stop)
            length, sure = self._probe(session, paused & session.open)
            thought = np.where(sure, length, thought)
            stop = np.where(sure, Stop.CONFIDENT, stop)
            thinking = paused & ~sure
        unanswered = stop != Stop.CONFIDENT
        conclude(session, np.where(unanswered, stop, Stop.MARKER))
        thought = np.where(unanswered, session.trace.length, thought)
        answer(session, self.sampler, unanswered)
        tried = attempts_of(session, thought, stop)
        return [answered(attempts, 0, session.log) for attempts in tried]

    def _probe(self, session: Session, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ask `rows` for their answers; the length of thought with its cue, and who is sure."""
        place = snapshot(session)
        new_branches(session, rows)
        feed(session, session.engine.rules.cue, PROBE, rows)
        length = session.trace.length.copy()
        answer(session, Greedy(), rows, PROBE)
        sure = np.zeros(rows.shape, bool)
        for b, a in zip(*np.nonzero(rows), strict=True):
            probed = attempt_of(session, b, a, int(length[b, a]), Stop.CONFIDENT)
            sure[b, a] = probed.answer_margin >= self.sure
        restore(session, place, rows & ~sure)
        return length, sure


@dataclass(frozen=True)
class Revision(Sampling):
    """`revisions` further attempts, one after the other, whose prompts hold all earlier ones (Snell
    et al. 2024, arXiv 2408.03314, section 6). The last answers, or, with `vote`, the majority.

    A question whose attempts no longer fit the context is not revised again: limit 'context'.
    """

    name: ClassVar[str] = "revision"
    summary: ClassVar[str] = "attempts in sequence, each of which reads the earlier ones"
    phases: ClassVar[tuple[str, ...]] = (*THINK_AND_ANSWER, RE_PREFILL, REVISE)
    temperature: float = 0.0
    revisions: int = 2
    vote: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.revisions >= 0, self.name, "revisions", self.revisions, "at least 0")

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1)
        log, attempts = session.log, think_and_answer(session, self.sampler)
        numbers = session.questions
        for number in range(1, self.revisions + 1):
            prompts = [list(prompt) for prompt in questions.prompts]
            present = ~np.isin(numbers, list(log.hits))
            for b in map(int, np.flatnonzero(present)):
                earlier = [attempt.emitted for attempt in attempts[b]]
                longer = engine.answer_format.revision(questions.prompts[b], earlier)
                present[b] = engine.fits(len(longer))
                if present[b]:
                    prompts[b] = longer
                else:
                    log.hits[int(numbers[b])] = "context"
            if not present.any():
                break
            revising = Questions(prompts, questions.numbers)
            session = open_session(
                engine, revising, 1, log, number, phase=RE_PREFILL, present=present
            )
            revised = think_and_answer(session, self.sampler, phase=REVISE)
            for tried, more in zip(attempts, revised, strict=True):
                tried += more
        return [self._choose(tried, log) for tried in attempts]

    def _choose(self, attempts: list[Attempt], log: PassLog) -> Answered:
        return by_vote(attempts, log) if self.vote else answered(attempts, len(attempts) - 1, log)
