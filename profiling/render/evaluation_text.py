"""Cells of an evaluation's tables as text: accuracy with interval, amounts that may be unknown."""

from collections.abc import Callable, Sequence

from ..records.base import Interval
from ..records.evaluation import Estimate
from . import amounts


def accuracy_text(estimate: Estimate | None) -> str:
    """'82.5 % (68.1 to 91.3)'."""
    if estimate is None:
        return ""
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:.1f} % ({low:.1f} to {high:.1f})"


def guessed(guess_rate: float, k: int) -> float:
    """Probability that any of k independent random guesses is right."""
    return 1 - (1 - guess_rate) ** k


def each_text(values: Sequence[float | None], said: Callable[[float], str]) -> list[str]:
    return ["" if value is None else said(value) for value in values]


def median_text(values: Sequence[Interval | None], said: Callable[[float], str]) -> list[str]:
    return ["" if value is None else said(value.median) for value in values]


def bounded_text(values: Sequence[Interval | None], said: Callable[[float], str]) -> list[str]:
    return ["" if value is None else amounts.with_bounds(value, said) for value in values]
