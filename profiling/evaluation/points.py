"""What k attempts do and cost, for each k, from the most that were made."""

from collections.abc import Sequence

from ..record.evaluation import (
    AttemptsPoint,
    Estimate,
    QuestionResult,
    SliceCost,
)
from .estimates import best_at, coverage_at, estimate, majority_at


def attempts_of(questions: Sequence[QuestionResult]) -> int:
    """Attempts that every question has."""
    return min((len(question.tried) for question in questions), default=0)


def usable(ks: Sequence[int], questions: Sequence[QuestionResult]) -> list[int]:
    """Those of `ks` that no question has too few attempts for."""
    return [k for k in ks if k <= attempts_of(questions)]


def accuracy_points(questions: Sequence[QuestionResult], ks: Sequence[int]) -> list[AttemptsPoint]:
    """Coverage, majority and best by score at each of `ks`; costs are still to be filled in.

    A majority needs answers, and the best by score needs scores, of some attempt at least.
    """
    everyone = [question.tried for question in questions]
    answered = any(each.answer is not None for tried in everyone for each in tried)
    scored = any(each.score is not None for tried in everyone for each in tried)
    votes = [majority_at(tried, ks) for tried in everyone] if answered and ks else []
    return [
        AttemptsPoint(
            k=k,
            coverage=estimate([coverage_at(tried, k) for tried in everyone]),
            majority=estimate([vote[i] for vote in votes]) if answered else None,
            best=estimate([best_at(tried, k) for tried in everyone]) if scored else None,
            tokens=None,
            flops=None,
            hbm_bytes=None,
            usd=None,
            slices=[],
        )
        for i, k in enumerate(ks)
    ]


def by_level(questions: Sequence[QuestionResult]) -> dict[str, Estimate]:
    """Accuracy for each level; empty where all problems are of one."""
    levels = sorted({q.level for q in questions if q.level is not None})
    if len(levels) < 2:
        return {}
    return {
        str(level): estimate([float(q.right) for q in questions if q.level == level])
        for level in levels
    }


def with_costs(
    point: AttemptsPoint,
    tokens: float,
    flops: float | None,
    hbm_bytes: float | None,
    slices: list[SliceCost],
    usd: float | None = None,
) -> AttemptsPoint:
    """The point with what a query costs."""
    return point.model_copy(
        update={
            "tokens": tokens,
            "flops": flops,
            "hbm_bytes": hbm_bytes,
            "slices": slices,
            "usd": usd,
        }
    )
