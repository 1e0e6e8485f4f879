"""Attempts in batches, and votes over their answers."""

from collections.abc import Sequence

import numpy as np
import pytest

from rooflink.model.sampling import Temperature
from rooflink.model.tasks.parse import parse_generated
from rooflink.model.training import rollout
from rooflink.model.training.model_folder import open_start
from rooflink.model.training.rollout import (
    Rollouts,
    ScoredAnswer,
    Thinking,
    right_by_vote,
    sample_batches,
)


def answers(texts: Sequence[str | None], right: str) -> list[ScoredAnswer]:
    return [ScoredAnswer(text, text == right, 0.0) for text in texts]


@pytest.mark.parametrize(
    ("texts", "weights", "wins"),
    [
        (["7", "3", "3"], [1, 1, 1], True),
        (["7", "3"], [1, 1], False),  # of equals the one given first
        (["3", "7"], [1, 1], True),
        (["7", "3", "3"], [3, 1, 1], False),
        ([None, None, "3"], [1, 1, 1], True),  # no answer is no vote
        ([None], [1], False),
    ],
)
def test_the_answer_with_the_most_weight(
    texts: list[str | None], weights: list[float], wins: bool
) -> None:
    assert right_by_vote(answers(texts, right="3"), weights) == wins


def test_batches_make_the_attempts_that_one_batch_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    start = open_start("reasoner")
    problems = parse_generated("sum:n=2").problems("test", 5)
    thinking = Thinking(Temperature(1.0), attempts=2, think_budget=6)
    whole = list(sample_batches(start.model, start.tokenizer, problems, thinking, seed=3))
    monkeypatch.setattr(rollout, "PROBLEMS_PER_BATCH", 2)
    parts = list(sample_batches(start.model, start.tokenizer, problems, thinking, seed=3))
    assert [len(part.problems) for part in parts] == [2, 2, 1]
    joined = Rollouts.joined(parts)
    assert list(joined.problems) == list(problems)
    np.testing.assert_array_equal(joined.rows.tokens, whole[0].rows.tokens)
    np.testing.assert_array_equal(joined.right, whole[0].right)
    np.testing.assert_array_equal(joined.prompt_lengths, whole[0].prompt_lengths)
