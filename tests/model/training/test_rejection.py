"""Rejection sampling keeps right attempts alone, and counts them."""

from collections.abc import Sequence

import numpy as np

from rooflink.model.generation.attempt import Attempt
from rooflink.model.generation.stopping import Stop
from rooflink.model.tasks import Problem
from rooflink.model.training.data import Rows
from rooflink.model.training.imitation import keep_right
from rooflink.model.training.rollout import Rollouts, attempt_rows


def attempt(thought: Sequence[int], forced: int = 0) -> Attempt:
    stop = Stop.BUDGET if forced else Stop.MARKER
    marks = np.arange(len(thought) + 2) < forced
    return Attempt(0, 0, tuple(thought), (9, 0), stop, forced=marks)


ATTEMPTS = [
    attempt([1]), attempt([2]), attempt([2]), attempt([3]),  # right but the first; one says 2 again
    attempt([4]), attempt([5], forced=1), attempt([6]), attempt([7]),  # right but the first
]  # fmt: skip
ROLLOUTS = Rollouts(
    problems=[Problem("?", "1")] * 2,
    prompt_lengths=np.array([3, 3]),
    attempts=ATTEMPTS,
    rows=attempt_rows([[8, 8, 8]] * 8, ATTEMPTS, 10),
    right=np.array([[False, True, True, True], [False, True, True, True]]),
)


def test_right_different_attempts_that_ended_by_themselves() -> None:
    assert keep_right(ROLLOUTS, per_problem=4).tolist() == [1, 3, 6, 7]


def test_at_most_so_many_a_problem() -> None:
    assert keep_right(ROLLOUTS, per_problem=1).tolist() == [1, 6]


def test_where_nothing_is_right_nothing_is_kept() -> None:
    wrong = Rollouts(
        ROLLOUTS.problems,
        ROLLOUTS.prompt_lengths,
        ROLLOUTS.attempts,
        ROLLOUTS.rows,
        np.zeros((2, 4), bool),
    )
    kept = ROLLOUTS.rows.take(keep_right(wrong, 4))
    assert kept.tokens.shape == (0, 10)


def test_the_model_is_taught_its_own_tokens_and_no_forced_ones() -> None:
    rows = ROLLOUTS.rows
    assert rows.tokens[0].tolist() == [8, 8, 8, 1, 9, 0, 0, 0, 0, 0]
    assert rows.taught[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert rows.taught[5].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert rows.lengths.tolist() == [6] * 8


def test_rows_are_joined_in_order() -> None:
    rows = ROLLOUTS.rows
    one = Rows(rows.tokens[:3], rows.taught[:3])
    two = Rows(rows.tokens[3:], rows.taught[3:])
    np.testing.assert_array_equal(Rows.joined([one, two]).tokens, rows.tokens)
    np.testing.assert_array_equal(Rows.joined([one, two]).taught, rows.taught)
