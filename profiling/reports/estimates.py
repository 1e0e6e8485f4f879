"""Accuracies with their intervals, random guesses, and costs of a frontier, in words."""

from ..records.base import Interval
from ..records.evaluation import Estimate, Frontier
from . import units
from .terms import COUNTED, PREDICTED

LOGGED = "logged"
"""The lens of what a log says that was paid."""


def interval_of(estimate: Estimate | None) -> Interval | None:
    """An accuracy as a value with bounds: its 95 % interval over problems."""
    if estimate is None:
        return None
    return Interval(median=estimate.value, low=estimate.low, high=estimate.high)


def accuracy_text(estimate: Estimate | None) -> str:
    """'82.5 % (68.1 to 91.3 %)'."""
    return "" if estimate is None else units.with_bounds(interval_of(estimate), units.percent)


def guessed(guess_rate: float, k: int) -> float:
    """Probability that any of k independent random guesses is right."""
    return 1 - (1 - guess_rate) ** k


def frontier_text(frontier: Frontier) -> str:
    """'FLOPs', 'dollars on v5e:2x2', 'dollars as logged'."""
    if frontier.kind == "flops":
        return "FLOPs"
    return f"dollars on {frontier.slice}" if frontier.slice else f"dollars as {LOGGED}"


def cost_lens(frontier: Frontier) -> str:
    """Where its costs come from: counted, predicted, or what a log says."""
    if frontier.kind == "flops":
        return COUNTED
    return PREDICTED if frontier.slice else LOGGED


def cost_unit(frontier: Frontier) -> units.Unit:
    """What writes its costs."""
    return units.flops if frontier.kind == "flops" else units.usd
