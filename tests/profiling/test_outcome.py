"""Accuracy of a run's attempts, and how sure it is."""

from types import SimpleNamespace

import pytest

from rooflink.model.generation.attempt import Answered, Attempt
from rooflink.model.generation.pass_log import PassLog
from rooflink.model.generation.stopping import Stop
from rooflink.model.tasks import Problem
from rooflink.profiling.outcome import outcome_of

WORDS = {1: "1", 2: "2"}
TOKENIZER = SimpleNamespace(decode=lambda tokens: " ".join(WORDS[t] for t in tokens))


def outcome(problems: list[Problem], answers: list[list[int]]):  # type: ignore[no-untyped-def]
    """Of `answers` [prompt][attempt], each one token."""
    answered = [
        Answered(
            prompt, None, 0,
            tuple(
                Attempt(prompt, place, (), (answer,), Stop.MARKER, text=WORDS[answer])
                for place, answer in enumerate(of_one)
            ),
            PassLog(),
        )
        for prompt, of_one in enumerate(answers)
    ]  # fmt: skip
    plan = SimpleNamespace(request=SimpleNamespace(problems=problems), plain=True)
    return outcome_of(plan, answered, TOKENIZER)  # type: ignore[arg-type]


def test_more_attempts_at_the_same_prompts_make_no_narrower_interval() -> None:
    """All of 4 prompts right: Wilson's lower bound for 4 of 4 is 4 / (4 + 1.96^2) = 0.5101."""
    for attempts in (1, 16):
        found = outcome([Problem("?", "1")] * 4, [[1] * attempts] * 4)
        assert (found.correct, found.accuracy) == (4 * attempts, 1.0)
        assert found.accuracy_low == pytest.approx(0.5101, abs=1e-4)
        assert found.accuracy_high == pytest.approx(1.0)


def test_few_prompts_between_right_and_wrong_are_hardly_known() -> None:
    """1.5 of 3: the 2.5 and 97.5 % quantiles of beta(2, 2), where 3 x^2 - 2 x^3 is those."""
    found = outcome([Problem("?", "1")] * 3, [[1, 1], [1, 2], [2, 2]])
    assert (found.correct, found.accuracy) == (3, 0.5)
    for bound, share in ((found.accuracy_low, 0.025), (found.accuracy_high, 0.975)):
        assert 3 * bound**2 - 2 * bound**3 == pytest.approx(share)


def test_what_cannot_be_checked_has_no_accuracy() -> None:
    found = outcome([Problem("?", "1"), Problem("why?")], [[1, 2], [1, 1]])
    assert (found.attempts, found.correct, found.accuracy) == (4, 1, 0.5)
    nothing = outcome([Problem("why?")], [[1, 2]])
    assert (nothing.correct, nothing.accuracy, nothing.accuracy_low) == (None, None, None)
