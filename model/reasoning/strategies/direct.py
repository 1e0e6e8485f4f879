"""Direct answer: the cue stands where the thought would begin."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...sampling import Greedy
from ..attempt import Answered, Stop
from ..choose import answered
from ..engine import Engine, Questions
from ..opening import open_session
from ..phases import answer, attempts_of


@dataclass(frozen=True)
class Direct:
    """No thought: the cue is read with the prompt, in one pass, and the answer is greedy."""

    name: ClassVar[str] = "direct"
    summary: ClassVar[str] = "no thought: the answer at once"
    phases: ClassVar[tuple[str, ...]] = ("prefill", "answer")

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, 1, forced=engine.wording.rules.cue)
        thought = session.trace.length.copy()
        answer(session, Greedy())
        found = attempts_of(session, thought, np.full_like(thought, Stop.BUDGET))
        return [answered(attempts, 0, session.log) for attempts in found]
