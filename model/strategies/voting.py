"""Choosing among attempts: votes over extracted answers, and the best by a score.

What k attempts would do, estimated without bias from n >= k that were made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb

import numpy as np

from ..generation.attempt import Answered, Attempt, answered
from ..generation.pass_log import PassLog


def tally(answers: Sequence[str | None], weights: Sequence[float]) -> dict[str, float]:
    """The weight behind each answer, in the order in which answers were first given.

    Attempts without an answer have no vote (Wang et al. 2023, arXiv 2203.11171).
    """
    votes: dict[str, float] = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer is not None:
            votes[answer] = votes.get(answer, 0.0) + weight
    return votes


def leader(votes: Mapping[str, float]) -> str | None:
    """The answer with the most weight; of equals, the one given first. None without votes."""
    return max(votes, key=lambda answer: votes[answer], default=None)


def by_vote(
    attempts: Sequence[Attempt], log: PassLog, weights: Sequence[float] | None = None
) -> Answered:
    """The answer with the largest weight (1 a vote by default); of equals, the one given first.

    The chosen attempt is the one of the largest weight among those that gave it.
    """
    given = [1.0] * len(attempts) if weights is None else list(weights)
    votes = tally([attempt.extracted for attempt in attempts], given)
    winner = leader(votes)
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
    return answered(
        scored, best, log, tally([attempt.extracted for attempt in scored], [1.0] * len(scored))
    )


def pass_at_k(attempts: int, correct: int, k: int) -> float:
    """Probability that k of `attempts`, drawn without replacement, hold one of the `correct`.

    1 - C(n - c, k) / C(n, k): Chen et al. 2021 (arXiv 2107.03374), equation 1. Exact in integers.
    """
    _require_enough(attempts, k)
    return 1.0 - comb(attempts - correct, k) / comb(attempts, k)


def majority_at_k(
    answers: Sequence[str | None], correct: Mapping[str, float], ks: Sequence[int]
) -> list[float]:
    """Probability that the majority of k of the `answers` is correct, for each k. `correct` has the
    probability that an answer is: below 1 where verdicts on it differ.

    The exact expectation over all subsets of k, ties broken evenly (which is what the first answer
    among equals wins, over all orders). Answers that are None have no vote.

    For each count m of an answer in the subset, a polynomial counts the ways to fill the rest so
    that no other answer passes m: degree is the size of the subset, row t the answers tied at m.
    """
    for k in ks:
        _require_enough(len(answers), k)
    counts = Counter(answer for answer in answers if answer is not None)
    silent = len(answers) - counts.total()
    ways = np.zeros(max(ks) + 1)
    for answer, share in ((a, share) for a, share in correct.items() if a in counts):
        others = [count for other, count in counts.items() if other != answer]
        for m in range(1, min(counts[answer], max(ks)) + 1):
            rest = _ways_below(others, silent, m, max(ks) - m)
            ways[m:] += share * comb(counts[answer], m) * rest
    return [float(ways[k] / comb(len(answers), k)) for k in ks]


def _ways_below(others: Sequence[int], silent: int, m: int, size: int) -> np.ndarray:
    """[size + 1] ways to choose so many votes, none of `others` above m; each way counted as
    1 / (1 + the answers that tie at m), and `silent` ones chosen freely."""
    ties = np.zeros((size // m + 1, size + 1))
    ties[0] = [comb(silent, j) for j in range(size + 1)]
    for count in others:
        chosen = np.zeros_like(ties)
        for j in range(min(count, m - 1, size) + 1):
            chosen[:, j:] += comb(count, j) * ties[:, : size + 1 - j]
        if m <= min(count, size):
            chosen[1:, m:] += comb(count, m) * ties[:-1, : size + 1 - m]
        ties = chosen
    shares: np.ndarray = (ties / (1 + np.arange(len(ties)))[:, None]).sum(axis=0)
    return shares


def _require_enough(attempts: int, k: int) -> None:
    if not 1 <= k <= attempts:
        raise ValueError(f"k must be from 1 to the {attempts} attempts that were made, got {k}")
