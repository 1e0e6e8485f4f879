"""Choosing among attempts: votes over extracted answers, and the best by a score."""

from collections.abc import Sequence
from dataclasses import replace

from .attempt import Answered, Attempt, Fate
from .passes import PassLog


def tally(attempts: Sequence[Attempt], weights: Sequence[float]) -> dict[str, float]:
    """The weight behind each extracted answer, in the order in which answers were first given.

    Attempts without an answer have no vote (Wang et al. 2023, arXiv 2203.11171).
    """
    votes: dict[str, float] = {}
    for attempt, weight in zip(attempts, weights, strict=True):
        if attempt.extracted is not None:
            votes[attempt.extracted] = votes.get(attempt.extracted, 0.0) + weight
    return votes


def by_vote(
    attempts: Sequence[Attempt], log: PassLog, weights: Sequence[float] | None = None
) -> Answered:
    """The answer with the largest weight (1 a vote by default); of equals, the one given first.

    The chosen attempt is the one of the largest weight among those that gave it.
    """
    given = [1.0] * len(attempts) if weights is None else list(weights)
    votes = tally(attempts, given)
    winner = max(votes, key=lambda answer: votes[answer], default=None)
    backers = [i for i, attempt in enumerate(attempts) if attempt.extracted == winner]
    return answered(attempts, max(backers, key=lambda i: given[i]), log, votes)


def by_score(
    attempts: Sequence[Attempt], scores: Sequence[float], log: PassLog, weighted: bool = False
) -> Answered:
    """The attempt of the highest score, or the answer with the largest sum of scores.

    Plain: Cobbe et al. 2021 (arXiv 2110.14168); weighted: Li et al. 2023 (arXiv 2206.02336).
    """
    scored = [replace(a, score=float(s)) for a, s in zip(attempts, scores, strict=True)]
    if weighted:
        return by_vote(scored, log, scores)
    best = max(range(len(scored)), key=lambda i: scores[i])
    return answered(scored, best, log, tally(scored, [1.0] * len(scored)))


def answered(
    attempts: Sequence[Attempt],
    chosen: int,
    log: PassLog,
    votes: dict[str, float] | None = None,
) -> Answered:
    """The answer of attempt number `chosen`."""
    marked = [*attempts]
    marked[chosen] = replace(marked[chosen], fate=Fate.CHOSEN)
    return Answered(
        question=marked[chosen].question,
        answer=marked[chosen].extracted,
        chosen=chosen,
        attempts=tuple(marked),
        log=log,
        votes=votes or {},
    )
