"""Rejection sampling: fine-tuning on a model's own attempts that the checker found right.

Rounds of it are expert iteration (Anthony et al. 2017, arXiv 1705.08439; STaR, Zelikman et al.
2022, arXiv 2203.14465). Axis letters as in `config`; N kept rows, T tokens of a row.
"""

import numpy as np

from .data import Rows
from .rollout import Rollouts


def keep_right(found: Rollouts, per_problem: int) -> np.ndarray:
    """[N] attempts to train on: of each problem the first `per_problem` that are right, differ,
    and ended by themselves (a thought whose end was forced teaches nothing about ending it)."""
    B, A = found.right.shape
    kept = []
    for problem in range(B):
        seen: set[tuple[int, ...]] = set()
        for row in range(problem * A, (problem + 1) * A):
            one = found.said[row]
            said = (*one.thought, *one.answer)
            fresh = found.right[problem, row % A] and not one.forced_tokens and said not in seen
            if fresh and len(seen) < per_problem:
                seen.add(said)
                kept.append(row)
    return np.array(kept, np.int64)


def joined(parts: list[Rows]) -> Rows:
    """The rows of all `parts`, which are equally long, one after the other."""
    return Rows(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.taught for part in parts]),
    )


def chosen(rows: Rows, which: np.ndarray) -> Rows:
    """The rows of these indices."""
    return Rows(rows.tokens[which], rows.taught[which])
