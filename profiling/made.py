"""Made: what a workload made, however it was run: the parts of a profile that follow from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .measured.run import Runs
from .predicted.slices import Predictions
from .records import CountedCost, MachineLimits, MeasuredCost, Outcome, Phase, ThoughtPoint, Trace

THOUGHT_POINTS = 64


@dataclass(frozen=True)
class Made:
    """The phases, and what they came to."""

    phases: list[Phase]
    thought: list[ThoughtPoint]
    outcome: Outcome | None
    machine: MachineLimits | None
    resident_bytes: int  # weights, and the largest KV cache
    predicted: Predictions
    interrupted: bool = False
    traced: Trace | None = None


def evenly(points: list[ThoughtPoint]) -> list[ThoughtPoint]:
    """At most `THOUGHT_POINTS` of them, evenly spread, the first and the last included."""
    chosen = np.unique(np.linspace(0, max(len(points) - 1, 0), THOUGHT_POINTS).astype(int))
    return [points[index] for index in chosen if index < len(points)]


def measured_cost(name: str, tokens: int, counted: CountedCost, runs: Runs[Any]) -> MeasuredCost:
    """A phase's time in `runs`, beside what it counted."""
    return MeasuredCost.of(counted, tokens, runs.time_s(name), runs.limits)
