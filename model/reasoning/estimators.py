"""What k attempts would do, estimated without bias from n >= k that were made."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import comb

import numpy as np


def pass_at_k(attempts: int, correct: int, k: int) -> float:
    """Probability that k of `attempts`, drawn without replacement, hold one of the `correct`.

    1 - C(n - c, k) / C(n, k): Chen et al. 2021 (arXiv 2107.03374), equation 1. Exact in integers.
    """
    _require_enough(attempts, k)
    return 1.0 - comb(attempts - correct, k) / comb(attempts, k)


def majority_at_k(
    answers: Sequence[str | None], correct: Collection[str], ks: Sequence[int]
) -> list[float]:
    """Probability that the majority of k of the `answers` is a `correct` one, for each k.

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
    for answer in set(correct) & set(counts):
        others = [count for other, count in counts.items() if other != answer]
        for m in range(1, min(counts[answer], max(ks)) + 1):
            rest = _ways_below(others, silent, m, max(ks) - m)
            ways[m:] += comb(counts[answer], m) * rest
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
