"""Options: every way to answer that the cells hold, question by question.

A cell is one; where it has several attempts a question, so are the majority and the best by score
of k of them, whose FLOPs are exactly linear in k beyond the prompt's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..record.evaluation import Cell, QuestionResult
from .estimates import best_at, majority_at

Family = Literal["cell", "majority", "best"]
PROMPT_PHASE = "prefill"


@dataclass(frozen=True)
class AnswerOption:
    """A way to answer: how likely it is right, and its FLOPs, for each question [Q]."""

    label: str
    family: Family
    right: np.ndarray
    flops: np.ndarray
    cell: Cell
    k: int | None  # attempts; None: as the cell ran


def options_of(cells: Sequence[Cell]) -> list[AnswerOption]:
    """All options of the cells whose FLOPs are known."""
    found = []
    for cell in cells:
        if any(question.ledger is None for question in cell.questions):
            continue
        right = np.array([float(question.right) for question in cell.questions])
        flops = np.array([_flops(question) for question in cell.questions])
        found.append(AnswerOption(cell.label, "cell", right, flops, cell, None))
        found += _of_attempts(cell)
    return found


def _of_attempts(cell: Cell) -> list[AnswerOption]:
    """Votes and bests over k attempts; k = 1 is one sample, whichever of them."""
    ks = [point.k for point in cell.attempts]
    everyone = [question.tried for question in cell.questions]
    votes = np.array([majority_at(tried, ks) for tried in everyone]) if ks else np.empty((0, 0))
    found = []
    for i, (k, point) in enumerate(zip(ks, cell.attempts, strict=True)):
        flops = np.array([_flops(question, k) for question in cell.questions])
        budget = "" if cell.budget is None else f" @{cell.budget}"
        if point.majority is not None and k > 2:
            found.append(
                AnswerOption(f"majority of {k}{budget}", "majority", votes[:, i], flops, cell, k)
            )
        if point.best is not None:
            best = np.array([best_at(tried, k) for tried in everyone])
            name = f"best of {k}{budget}" if k > 1 else f"one sample{budget}"
            found.append(AnswerOption(name, "best", best, flops, cell, k))
    return found


def _flops(question: QuestionResult, k: int | None = None) -> float:
    """Of the question as it ran, or expected with `k` of its attempts."""
    assert question.ledger is not None
    share = 1.0 if k is None else k / len(question.tried)
    return sum(
        entry.flops * (1.0 if entry.phase == PROMPT_PHASE else share)
        for entry in question.ledger.entries
    )
