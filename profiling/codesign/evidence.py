"""Evidence: what profiles that were run say of quality where just one thing differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ..record import Profile
from ..record.codesign import Quality

NOT_MEASURED = "cost only, quality not measured"
Setting = Literal["think_budget", "attempts"]


@dataclass(frozen=True)
class Run:
    """A profile whose answers were checked."""

    name: str
    model: str
    task: str
    think_budget: int
    attempts: int
    accuracy: float
    low: float
    high: float
    checked: int


def checked_runs(profiles: Sequence[Profile]) -> list[Run]:
    """Those of the profiles that were run on a task with an answer to check, attempt by attempt."""
    found = []
    for profile in profiles:
        outcome, task = profile.outcome, profile.workload.task
        if outcome is None or task is None or outcome.accuracy is None:
            continue
        if profile.workload.strategy is not None:
            continue  # its accuracy is of answers that it chose, not of attempts
        assert outcome.accuracy_low is not None
        assert outcome.accuracy_high is not None
        found.append(
            Run(
                name=profile.name,
                model=profile.model.name,
                task=task,
                think_budget=profile.workload.think_budget,
                attempts=profile.workload.attempts,
                accuracy=outcome.accuracy,
                low=outcome.accuracy_low,
                high=outcome.accuracy_high,
                checked=outcome.attempts,
            )
        )
    return found


def measured_effect(runs: Sequence[Run], what: Setting) -> tuple[Quality, str]:
    """What a change of `think_budget` or `attempts` did between two runs alike in all else."""
    other: Setting = "attempts" if what == "think_budget" else "think_budget"
    for one, two in combinations(sorted(runs, key=lambda run: -getattr(run, what)), 2):
        alike = one.model == two.model and one.task == two.task
        if alike and getattr(one, other) == getattr(two, other):
            if getattr(one, what) == getattr(two, what):
                continue
            said = (
                f"measured: {one.task} accuracy of an attempt {one.accuracy:.0%} "
                f"[{one.low:.0%}, {one.high:.0%}] at {what.replace('_', ' ')} "
                f"{getattr(one, what)}, {two.accuracy:.0%} [{two.low:.0%}, {two.high:.0%}] at "
                f"{getattr(two, what)} (profiles {one.name}, {two.name})"
            )
            return "measured", said
    return "not measured", NOT_MEASURED
