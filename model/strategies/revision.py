"""Sequential revision: each attempt reads the ones before it and tries again."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..generation.attempt import Answered, Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import think_and_answer
from ..generation.pass_log import PassLog
from ..generation.session import open_session
from ..phases import RE_PREFILL, REVISE, THINK_AND_ANSWER
from .base import Sampling, require
from .voting import answered, by_vote


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
