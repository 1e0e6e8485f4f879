"""Self-consistency: many sampled thoughts, one vote each over what they answered."""

from dataclasses import dataclass
from typing import ClassVar

from ..attempt import Answered
from ..choose import by_vote
from ..engine import Engine, Questions
from ..opening import open_session
from ..phases import think_and_answer
from ..strategy import THINK_AND_ANSWER, Sampling, require
from ..verifier import CONFIDENCE


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

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.n)
        found = think_and_answer(session, self.sampler)
        weights = CONFIDENCE.scores(session, session.alive)
        return [
            by_vote(attempts, session.log, row.tolist() if self.weighted else None)
            for attempts, row in zip(found, weights, strict=True)
        ]
