"""Worked problems: every one that we solve within its tolerance, every other with a reason."""

import pytest

from rooflink.profiling.records.validation import UnpredictedRow
from rooflink.profiling.validation.validate import (
    LEFT_OUT,
    NOT_EXPRESSED,
    Problem,
    problems,
    solve,
)
from rooflink.profiling.validation.worked_problems import SOLUTIONS

BY_ID = {problem.id: problem for problem in problems()}


def problem(printed: str, tolerance: float) -> Problem:
    return Problem("X", "a section", "a question", "ms", printed, tolerance)


@pytest.mark.parametrize("name", sorted(SOLUTIONS))
def test_our_functions_find_the_published_answer(name: str) -> None:
    solved = solve(BY_ID[name])
    assert not isinstance(solved, UnpredictedRow)
    assert solved.agrees, f"{solved.value} for {solved.published}"


def test_every_problem_is_solved_or_left_out_for_a_reason_of_its_own() -> None:
    for each in problems():
        found = solve(each)
        if isinstance(found, UnpredictedRow):
            assert each.answer is None or each.id in LEFT_OUT
            assert found.reason != NOT_EXPRESSED


def test_no_solution_is_of_an_unknown_problem() -> None:
    assert set(SOLUTIONS) | set(LEFT_OUT) <= set(BY_ID)
    assert not set(SOLUTIONS) & set(LEFT_OUT)


def test_a_tolerance_is_of_the_published_answer() -> None:
    assert problem("200", 1).agrees(201.9)
    assert not problem("200", 1).agrees(202.1)


def test_tolerance_zero_means_the_printed_digits() -> None:
    assert problem("8.75", 0).agrees(8.7549)
    assert not problem("8.75", 0).agrees(8.7551)
    assert problem("360000.0", 0).agrees(360000.4)
    assert not problem("32", 0).agrees(33)


def test_a_solution_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOLUTIONS, "G1", lambda: 300.0)
    solved = solve(BY_ID["G1"])
    assert not isinstance(solved, UnpredictedRow)
    assert not solved.agrees
    assert solved.error_percent == pytest.approx(100 * (300 / 281 - 1))
