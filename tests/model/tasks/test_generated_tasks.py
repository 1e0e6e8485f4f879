"""What holds for every generated task: splits, seeds, traces and vocabulary."""

import numpy as np
import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.tasks import GeneratedTask, Problem, parse_generated, parse_task
from rooflink.model.tasks.task import WORDS, notation_parts

NAMES = ["chain:k=1", "chain:k=2-12", "sum:n=3", "sum:n=2-8", "countdown:n=2", "countdown:n=3"]


@pytest.mark.parametrize(
    ("text", "limit", "message"),
    [
        ("chain:k=1", 100_000, r"has only \d+ test problems to give, not 100000: ask for fewer"),
        ("chain:k=8", 10**12, "gives 1 to 100000 problems, not 1000000000000"),
        ("sum:n=2", 0, "gives 1 to 100000"),
    ],
)
def test_a_limit_is_looked_at_before_problems_are_drawn(
    text: str, limit: int, message: str
) -> None:
    with pytest.raises(ModelInputError, match=message):
        parse_generated(text).problems("test", limit)


@pytest.fixture(params=NAMES)
def task(request: pytest.FixtureRequest) -> GeneratedTask:
    return parse_generated(request.param)


def identity(problem: Problem) -> tuple[str, ...]:
    """The problem, whatever order its numbers are given in (a chain's order is the problem)."""
    said = notation_parts(str(problem.notation))
    if str(problem.notation).startswith("chain"):
        return said
    given = said if str(problem.notation).startswith("sum") else said[:-1]
    return (*sorted(given), *said[len(given) :])


def test_a_name_reads_back_as_its_task(task: GeneratedTask) -> None:
    assert parse_task(task.name) == task


def test_no_problem_is_in_both_splits(task: GeneratedTask) -> None:
    rng = np.random.default_rng(0)
    train = {identity(task.draw("train", rng)) for _ in range(2000)}
    test = {identity(task.draw("test", rng)) for _ in range(2000)}
    assert train
    assert test
    assert not train & test


def test_one_seed_gives_the_same_problems(task: GeneratedTask) -> None:
    ten = task.problems("test", 10, seed=3)
    assert task.problems("test", 10, seed=3) == ten
    assert task.problems("test", 5, seed=3) == ten[:5]
    assert task.problems("test", 10, seed=4) != ten
    assert len(set(ten)) == 10


def test_a_trace_ends_in_the_checked_answer(task: GeneratedTask) -> None:
    rng = np.random.default_rng(1)
    for problem in task.problems("train", 50):
        trace = task.trace(problem, rng)
        assert problem.check(" ".join(trace.answer)) is True
        assert problem.check("no idea") is False
        assert problem.expected is not None
        assert problem.check(problem.expected) is True


def test_notation_and_traces_keep_to_the_vocabulary(task: GeneratedTask) -> None:
    rng = np.random.default_rng(2)
    for problem in task.problems("train", 50):
        trace = task.trace(problem, rng)
        said = {*str(problem.notation).split(), *trace.thought, *trace.answer}
        assert said <= set(WORDS)


def test_all_prompts_of_a_task_are_of_one_length(task: GeneratedTask) -> None:
    lengths = {len(str(problem.notation).split()) for problem in task.problems("test", 30)}
    assert len(lengths) == 1


def test_levels_cover_the_range_asked_for() -> None:
    levels = {problem.level for problem in parse_task("chain:k=2-5").problems("test", 200)}
    assert levels == {2, 3, 4, 5}


def test_a_split_that_is_used_up_is_named() -> None:
    with pytest.raises(ModelInputError, match=r"chain:k=1 has only \d+ test problems"):
        parse_task("chain:k=1").problems("test", 500)


def test_words_of_the_vocabulary_are_all_different() -> None:
    assert len(set(WORDS)) == len(WORDS)
