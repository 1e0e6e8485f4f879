"""countdown: paths, expressions and the exact checker."""

from fractions import Fraction

import numpy as np
import pytest

from rooflink.model.tasks.countdown import (
    CountdownProblem,
    CountdownTask,
    Step,
    all_paths,
    countdown_problem,
    expression_words,
    find_expression,
    parsed,
)

PROBLEM = countdown_problem((3, 8, 4), (Step(8, "-", 4, 4), Step(4, "*", 3, 12)))


def test_the_paths_of_two_numbers_by_hand() -> None:
    assert {path[0] for path in all_paths((2, 3))} == {
        Step(2, "+", 3, 5), Step(2, "*", 3, 6), Step(3, "-", 2, 1),
    }  # fmt: skip
    assert {path[0] for path in all_paths((3, 6))} == {
        Step(3, "+", 6, 9), Step(3, "*", 6, 18), Step(6, "-", 3, 3), Step(6, "/", 3, 2),
    }  # fmt: skip


@pytest.mark.parametrize("numbers", [(2, 3, 5), (1, 6, 12), (7, 11, 12)])
def test_every_path_is_an_expression_of_its_value_over_all_numbers(
    numbers: tuple[int, ...],
) -> None:
    for path in all_paths(numbers):
        value, used = parsed("".join(expression_words(path))) or (None, ())
        assert value == path[-1].result
        assert sorted(used) == sorted(numbers)
        assert all(1 <= step.result <= 99 for step in path)


def test_the_problem_in_words_and_notation() -> None:
    assert PROBLEM.target == 12
    assert PROBLEM.expected == "(8-4)*3"
    assert PROBLEM.notation == "countdown 3 8 4 12 <think>"
    two = countdown_problem((2, 3), (Step(2, "+", 3, 5),))
    assert two.notation == "countdown 2 3 _ 5 <think>"


@pytest.mark.parametrize(
    "answer",
    ["( 8 - 4 ) * 3", "3*(8-4)", "it is 3 × (8 - 4) = 12.", "(8-4)*3 = 12"],  # noqa: RUF001
)
def test_any_right_expression_counts(answer: str) -> None:
    assert PROBLEM.check(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "12",
        "8+4",
        "(8-4)*3*1",
        "3*4",
        "(8-4)**3",
        "8-4*3",
        "3/(4-4)",
        "",
        "__import__('os')",
        "(((",
    ],
)
def test_wrong_and_malformed_expressions_do_not(answer: str) -> None:
    assert not PROBLEM.check(answer)


def test_fractions_are_exact() -> None:
    assert parsed("8/(3-8/3)") == (Fraction(24), (8, 3, 8, 3))
    assert find_expression("Answer: 8 / (3 - 8/3) of course") == "8/(3-8/3)"


def test_a_very_long_expression_is_refused_quickly() -> None:
    assert parsed("(" * 10_000) is None
    assert parsed("1+" * 99 + "1") == (Fraction(100), (1,) * 100)


def test_traced_paths_are_true_steps_and_the_last_reaches_the_target() -> None:
    task, rng = CountdownTask(3), np.random.default_rng(0)
    for _ in range(100):
        problem = task.draw("train", rng)
        assert isinstance(problem, CountdownProblem)
        words = task.trace(problem, rng).thought
        steps = [words[i : i + 4] for i in range(0, len(words), 4)]
        for left, sign, right, result in steps:
            assert parsed(f"{left}{sign}{right}") == (int(result), (int(left), int(right)))
        results = [int(step[3]) for step in steps[1::2]]
        assert results[-1] == problem.target
        assert problem.target not in results[:-1]
        assert len(results) <= 2


def test_the_guess_rate_is_the_share_of_random_paths_that_are_right() -> None:
    """Guessing as described, on other problems than those the rate was averaged over."""
    task, rng = CountdownTask(3), np.random.default_rng(7)
    right = 0
    for _ in range(2000):
        problem = task.draw("test", rng)
        assert isinstance(problem, CountdownProblem)
        paths = all_paths(tuple(sorted(problem.numbers)))
        right += bool(problem.check("".join(expression_words(paths[rng.integers(len(paths))]))))
    assert abs(right / 2000 - task.guess_rate) < 0.03
