"""Every worked problem: solved and set against its answer, or left out with the reason."""

from dataclasses import dataclass

from ...predicted.cases import LeftOut
from . import scaling_book as book
from . import scaling_book_inference as book_inference
from .problems import Problem, Solution, problems

SOLUTIONS: dict[str, Solution] = {
    **book.SOLUTIONS,
    **book.SOLUTIONS_TPUS,
    **book.SOLUTIONS_SHARDING,
    **book.SOLUTIONS_TRANSFORMERS,
    **book_inference.SOLUTIONS,
    **book_inference.SOLUTIONS_APPLIED,
    **book.SOLUTIONS_GPUS,
    **book_inference.SOLUTIONS_POPE,
}

LEFT_OUT = {
    "A6": "divides given figures; with our own step of A5 (17.36 ms, not the book's rounded 17) "
    "it is 230",
    "A11": "the book's 67 does not follow from its own rows; from them it is 43.7",
    "A14": "its batch of 161 needs more than the slice's memory at the page's own KV size",
}
NO_ANSWER = "no answer was published"
NOT_EXPRESSED = "no function of ours expresses it"


@dataclass(frozen=True)
class Solved:
    """A problem with our answer to it."""

    problem: Problem
    value: float

    @property
    def error_percent(self) -> float:
        """Of the published answer."""
        assert self.problem.answer is not None
        return 100 * (self.value / self.problem.answer - 1)

    @property
    def agrees(self) -> bool:
        """Whether it is within the problem's tolerance."""
        return self.problem.agrees(self.value)


def solve(problem: Problem) -> Solved | LeftOut:
    """Our answer, or why there is none."""
    if problem.answer is None:
        return LeftOut(problem.id, problem.section, NO_ANSWER)
    solution = SOLUTIONS.get(problem.id)
    if solution is None:
        reason = LEFT_OUT.get(problem.id, NOT_EXPRESSED)
        return LeftOut(problem.id, problem.section, reason)
    return Solved(problem, float(solution()))


def solve_all() -> tuple[list[Solved], list[LeftOut]]:
    """All problems of the file, in its order."""
    outcomes = [solve(problem) for problem in problems()]
    solved = [outcome for outcome in outcomes if isinstance(outcome, Solved)]
    return solved, [outcome for outcome in outcomes if isinstance(outcome, LeftOut)]
