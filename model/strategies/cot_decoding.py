"""CoT-decoding: thoughts found without asking for them, among the likeliest first tokens."""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np

from ..generation.attempt import Answered, Attempt
from ..generation.engine import Engine, Questions
from ..generation.generate import think_and_answer
from ..generation.session import open_session
from ..generation.stopping import AnswerFormat, Stop
from ..phases import THINK_AND_ANSWER
from ..sampling import Greedy
from .base import BaseStrategy, require
from .voting import answered, by_vote


@dataclass(frozen=True)
class CotDecoding(BaseStrategy):
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
