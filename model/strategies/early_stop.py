"""Early stop: the thought is probed for its answer as it goes, and ends once that is sure."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..generation.generate import answer, attempt_of, attempts_of, conclude, think
from ..generation.session import Session, open_session
from ..generation.session_edits import feed, new_branches, restore, snapshot
from ..generation.stopping import Stop
from ..phases import ANSWER, PREFILL, PROBE, THINK
from ..sampling import Greedy
from .base import Sampling, require
from .voting import answered


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
