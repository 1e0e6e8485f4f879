"""Votes and scores over hand-made attempts."""

import numpy as np
import pytest

from rooflink.model.generation.attempt import Attempt, Fate, Stop
from rooflink.model.generation.pass_log import PassLog
from rooflink.model.strategies.voting import by_score, by_vote


def attempt(index: int, extracted: str | None) -> Attempt:
    """An attempt of one thought token and one answer token, of figures -1 and 0.5 each."""
    return Attempt(
        0, index, (1,), (2,), Stop.MARKER, extracted or "", extracted,
        (1, 2) if extracted else None, np.array([-1.0, -3.0]), np.array([0.1, 0.5]),
        np.array([True, False]),
    )  # fmt: skip


FIVE = [attempt(i, answer) for i, answer in enumerate(["7", "5", None, "5", "7"])]


def test_of_equal_votes_the_first_given_wins() -> None:
    found = by_vote(FIVE, PassLog())
    assert (found.answer, found.chosen, dict(found.votes)) == ("7", 0, {"7": 2.0, "5": 2.0})
    assert [a.fate for a in found.attempts] == [Fate.CHOSEN, *[Fate.KEPT] * 4]


def test_weights_decide() -> None:
    found = by_vote(FIVE, PassLog(), [0.1, 0.2, 9.0, 0.4, 0.3])
    assert (found.answer, found.chosen) == ("5", 3)
    assert found.votes == pytest.approx({"7": 0.4, "5": 0.6})


def test_without_answers_there_is_none() -> None:
    found = by_vote([attempt(0, None), attempt(1, None)], PassLog())
    assert (found.answer, found.chosen, found.votes) == (None, 0, {})


def test_best_and_weighted_scores_may_differ() -> None:
    """The best single score is 7's; 5 has the larger sum."""
    scores = [0.9, 0.6, 0.0, 0.5, 0.1]
    assert by_score(FIVE, scores, PassLog()).answer == "7"
    weighted = by_score(FIVE, scores, PassLog(), weighted=True)
    assert (weighted.answer, weighted.chosen) == ("5", 1)
    assert [a.score for a in weighted.attempts] == scores


def test_figures_leave_out_what_was_given() -> None:
    """The mean log-probability is of chosen tokens, the margin of the answer's own."""
    assert FIVE[0].mean_logprob == -3.0
    assert FIVE[0].answer_margin == 0.5
    assert FIVE[2].answer_margin == 0.0
