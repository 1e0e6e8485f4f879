"""chain: modular operations one after the other."""

import numpy as np
import pytest

from rooflink.model.tasks.modular import ChainTask, chain_problem, values_along


def test_a_chain_worked_by_hand() -> None:
    # 5 + 3 = 8;  8 * 4 = 32 = 15 mod 17;  15 - 16 = -1 = 16 mod 17
    assert values_along(5, ("+3", "*4", "-16")) == [8, 15, 16]
    problem = chain_problem(5, ("+3", "*4", "-16"))
    assert problem.expected == "16"
    assert problem.level == 3
    assert problem.notation == "chain 5 +3 *4 -16 _ _ _ _ _ _ _ _ _ <think>"
    assert "Start with 5. In this order, add 3, then multiply by 4, then subtract 16." in (
        problem.question
    )


def test_each_step_stands_at_a_constant_distance_from_its_operation() -> None:
    task, rng = ChainTask(1, 12), np.random.default_rng(0)
    for _ in range(100):
        problem = task.draw("train", rng)
        thought = task.trace(problem, rng).thought
        said = [*str(problem.notation).split(), *thought]
        values = values_along(int(said[1]), tuple(said[2 : 2 + len(thought)]))
        assert [str(value) for value in values] == said[15:] == list(thought)


def test_last_values_are_equally_likely() -> None:
    problems = ChainTask(3, 3).problems("train", 3400)
    counts = np.bincount([int(str(problem.expected)) for problem in problems], minlength=17)
    assert counts.sum() == 3400
    assert ChainTask(3, 3).guess_rate == 1 / 17
    # 200 expected in each of 17 bins: chi-square, 16 degrees of freedom, 99.9 % quantile 39.3.
    assert ((counts - 200) ** 2 / 200).sum() < 39.3


@pytest.mark.parametrize("answer", ["16", "16.0", " 16 ", "16 is the last value", "sixteen"])
def test_answers_that_count(answer: str) -> None:
    assert chain_problem(5, ("+3", "*4", "-16")).check(answer) is True


@pytest.mark.parametrize("answer", ["-1", "33", "", "six", "1.6"])
def test_answers_that_do_not_count(answer: str) -> None:
    assert chain_problem(5, ("+3", "*4", "-16")).check(answer) is False
