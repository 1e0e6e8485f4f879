"""Rejection sampling keeps right attempts alone, and counts them."""

from collections.abc import Sequence

import numpy as np

from rooflink.model.generation.attempt import Attempt
from rooflink.model.generation.stopping import Stop
from rooflink.model.tasks import Problem
from rooflink.model.training.data import Rows
from rooflink.model.training.rejection import chosen, joined, keep_right
from rooflink.model.training.rollout import Rollouts, said_rows


def said(thought: Sequence[int], forced: int = 0) -> Attempt:
    stop = Stop.BUDGET if forced else Stop.MARKER
    marks = np.arange(len(thought) + 2) < forced
    return Attempt(0, 0, tuple(thought), (9, 0), stop, forced=marks)


ATTEMPTS = [
    said([1]), said([2]), said([2]), said([3]),  # right but the first; the third says it again
    said([4]), said([5], forced=1), said([6]), said([7]),  # right but the first two; one forced
]  # fmt: skip
FOUND = Rollouts(
    problems=[Problem("?", "1")] * 2,
    prompt_lengths=np.array([3, 3]),
    said=ATTEMPTS,
    rows=said_rows([[8, 8, 8]] * 8, ATTEMPTS, 10),
    right=np.array([[False, True, True, True], [False, True, True, True]]),
)


def test_right_different_attempts_that_ended_by_themselves() -> None:
    assert keep_right(FOUND, per_problem=4).tolist() == [1, 3, 6, 7]


def test_at_most_so_many_a_problem() -> None:
    assert keep_right(FOUND, per_problem=1).tolist() == [1, 6]


def test_where_nothing_is_right_nothing_is_kept() -> None:
    wrong = Rollouts(
        FOUND.problems, FOUND.prompt_lengths, FOUND.said, FOUND.rows, np.zeros((2, 4), bool)
    )
    kept = chosen(FOUND.rows, keep_right(wrong, 4))
    assert kept.tokens.shape == (0, 10)


def test_the_model_is_taught_its_own_tokens_and_no_forced_ones() -> None:
    rows = FOUND.rows
    assert rows.tokens[0].tolist() == [8, 8, 8, 1, 9, 0, 0, 0, 0, 0]
    assert rows.taught[0].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert rows.taught[5].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert rows.lengths.tolist() == [6] * 8


def test_rows_are_joined_in_order() -> None:
    rows = FOUND.rows
    one = Rows(rows.tokens[:3], rows.taught[:3])
    two = Rows(rows.tokens[3:], rows.taught[3:])
    np.testing.assert_array_equal(joined([one, two]).tokens, rows.tokens)
    np.testing.assert_array_equal(joined([one, two]).taught, rows.taught)
