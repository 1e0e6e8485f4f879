"""Every worked problem: solved and set against its answer, or left out with the reason."""

from ...predicted.cases import LeftOut
from ...records.validation import WorkedRow
from . import scaling_book as book
from . import scaling_book_inference as book_inference
from .problems import Problem, Solution, problems

SOLUTIONS: dict[str, Solution] = {**book.SOLUTIONS, **book_inference.SOLUTIONS}

LEFT_OUT = {
    "A6": "divides given figures; with our own step of A5 (17.36 ms, not the book's rounded 17) "
    "it is 230",
    "A11": "the book's 67 does not follow from its own rows; from them it is 43.7",
    "A14": "its batch of 161 needs more than the slice's memory at the page's own KV size",
}
NO_ANSWER = "no answer was published"
NOT_EXPRESSED = "no function of ours expresses it"


def solve(problem: Problem) -> WorkedRow | LeftOut:
    """Our answer, or why there is none."""
    if problem.answer is None:
        return LeftOut(problem.id, problem.section, NO_ANSWER)
    solution = SOLUTIONS.get(problem.id)
    if solution is None:
        reason = LEFT_OUT.get(problem.id, NOT_EXPRESSED)
        return LeftOut(problem.id, problem.section, reason)
    value = float(solution())
    return WorkedRow(
        id=problem.id,
        section=problem.section,
        question=problem.question,
        unit=problem.unit,
        published=problem.answer,
        value=value,
        error_percent=100 * (value / problem.answer - 1),
        tolerance_percent=problem.tolerance_percent,
        agrees=problem.agrees(value),
    )


def solve_all() -> tuple[list[WorkedRow], list[LeftOut]]:
    """All problems of the file, in its order."""
    outcomes = [solve(problem) for problem in problems()]
    solved = [outcome for outcome in outcomes if isinstance(outcome, WorkedRow)]
    return solved, [outcome for outcome in outcomes if isinstance(outcome, LeftOut)]
