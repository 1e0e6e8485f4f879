"""Power over time: batches that go through prefill, thinking and answering, together or not."""

from dataclasses import dataclass

import numpy as np

from ..record.codesign_center import PowerTrace, Smoothing

PERIODS = 2
SAMPLES = 240
MOST_SLICES = 512
"""Slices that are simulated; more of them are taken as so many copies."""
STORAGE_LOSS = 0.1
"""Share of what passes through a battery or capacitor that is lost; a judgement."""
_PHASES = ("prefill", "think", "answer")


@dataclass(frozen=True)
class Cycle:
    """One batch on one slice: seconds and watts of its phases, in order."""

    seconds: np.ndarray
    watts: np.ndarray

    @property
    def period_s(self) -> float:
        """Of one batch."""
        return float(self.seconds.sum())

    @property
    def mean_w(self) -> float:
        """Over one batch."""
        return float((self.seconds * self.watts).sum() / self.period_s)

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """Watts at times, batches following each other."""
        ends = np.cumsum(self.seconds)
        phase = np.searchsorted(ends, np.mod(time_s, self.period_s), side="right")
        return self.watts[np.minimum(phase, len(self.watts) - 1)]


def synchronised(cycle: Cycle, slices: int) -> PowerTrace:
    """All slices in the same phase: the corners of the steps, two batches long."""
    times, watts, phases, now = [], [], [], 0.0
    for _ in range(PERIODS):
        for phase, seconds, power in zip(_PHASES, cycle.seconds, cycle.watts, strict=True):
            if seconds > 0:
                times += [now, now + float(seconds)]
                watts += [float(power) * slices] * 2
                phases += [phase] * 2
                now += float(seconds)
    return PowerTrace(
        label="synchronised",
        time_s=times,
        watts=watts,
        phase=phases,
        mean_w=cycle.mean_w * slices,
        peak_w=max(watts),
        low_w=min(watts),
    )


def unsynchronised(cycle: Cycle, slices: int) -> PowerTrace:
    """Slices that start at random: the sum of as many cycles, each shifted."""
    simulated = min(slices, MOST_SLICES)
    shifts = np.random.default_rng(0).uniform(0, cycle.period_s, simulated)
    times = np.linspace(0, PERIODS * cycle.period_s, SAMPLES)
    watts = cycle.at(times[:, None] + shifts).mean(1) * slices
    return PowerTrace(
        label="unsynchronised",
        time_s=times.tolist(),
        watts=watts.tolist(),
        phase=[],
        mean_w=cycle.mean_w * slices,
        peak_w=float(watts.max()),
        low_w=float(watts.min()),
    )


def smoothing(cycle: Cycle, together: PowerTrace, apart: PowerTrace, chips: int) -> list[Smoothing]:
    """Ways to make synchronised power even: starting apart, storing energy, burning the rest.

    `chips` are those of one slice.
    """
    above = np.maximum(cycle.watts - cycle.mean_w, 0.0) * cycle.seconds
    stored = float(above.sum()) / chips
    share = float(above.sum()) / (cycle.mean_w * cycle.period_s)
    burnt = together.peak_w / together.mean_w - 1
    return [
        Smoothing(
            way="start batches at different times",
            remaining_swing=apart.swing,
            extra_energy=0.0,
            stored_j_per_chip=0.0,
            sentence=f"Batches that start apart swing by {apart.swing:.1%} of the mean instead of "
            f"{together.swing:.1%}, and cost nothing.",
        ),
        Smoothing(
            way="store energy",
            remaining_swing=0.0,
            extra_energy=share * STORAGE_LOSS,
            stored_j_per_chip=stored,
            sentence=f"A store of {stored:.0f} J a chip makes it even; at {STORAGE_LOSS:.0%} loss "
            f"it takes {share * STORAGE_LOSS:.2%} more energy.",
        ),
        Smoothing(
            way="burn the difference to the peak",
            remaining_swing=0.0,
            extra_energy=burnt,
            stored_j_per_chip=0.0,
            sentence=f"Burning the difference to the peak takes {burnt:.1%} more energy.",
        ),
    ]
