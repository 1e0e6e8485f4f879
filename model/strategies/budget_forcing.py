"""Budget forcing: a thought is cut at its budget, and made longer where it would end early."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..config import ModelInputError
from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..generation.generate import answer, attempts_of, conclude, emitted_ending, think
from ..generation.session import Session, open_session
from ..generation.session_edits import drop, feed
from ..generation.stopping import Stop
from ..phases import THINK_AND_ANSWER
from .base import Sampling, require
from .voting import answered


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
