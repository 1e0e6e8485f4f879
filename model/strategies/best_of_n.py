"""Best of N: a verifier scores sampled attempts; the best one answers, or scores vote."""

from dataclasses import dataclass
from typing import ClassVar

from ..generation.attempt import Answered
from ..generation.engine import Engine, Questions
from ..generation.generate import think_and_answer
from ..generation.session import open_session
from ..phases import THINK_AND_ANSWER
from .base import Sampling, require
from .verifiers import CONFIDENCE, Verifier
from .voting import by_score


@dataclass(frozen=True)
class BestOfN(Sampling):
    """The attempt of `n` that `verifier` scores highest (Cobbe et al. 2021, arXiv 2110.14168), or,
    `weighted`, the answer with the largest sum of scores."""

    name: ClassVar[str] = "best-of-n"
    summary: ClassVar[str] = "the verifier's favourite of n sampled attempts, or scores as votes"
    n: int = 16
    verifier: Verifier = CONFIDENCE
    weighted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.n >= 1, self.name, "n", self.n, "at least 1")

    @property
    def rows(self) -> int:
        return self.n

    @property
    def reads_figures(self) -> bool:
        return self.verifier.reads_figures

    @property
    def phases(self) -> tuple[str, ...]:
        return (*THINK_AND_ANSWER, *self.verifier.phases)

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n, figures=self.reads_figures)
        per_question = think_and_answer(session, self.sampler)
        scores = self.verifier.scores(session, session.alive)
        return [
            by_score(attempts, row.tolist(), session.log, self.weighted)
            for attempts, row in zip(per_question, scores, strict=True)
        ]
