"""Self time by phase and named scope."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..record import UNATTRIBUTED, ScopeTime
from .places import NOWHERE, Places
from .space import PS_PER_S, Plane
from .work import Work

PHASE_STAT = "phase"
"""Stat of the annotations that `capture` puts around phases: its value is the phase's name."""


@dataclass(frozen=True)
class Windows:
    """When each phase ran: (start, end, phase), one after another."""

    stretches: Sequence[tuple[int, int, str]] = ()

    def phase_at(self, time_ps: int) -> str | None:
        """The phase under way, or None between phases."""
        index = bisect_right(self.stretches, time_ps, key=lambda stretch: stretch[0]) - 1
        if index < 0 or time_ps >= self.stretches[index][1]:
            return None
        return self.stretches[index][2]


def read_windows(host: Plane) -> Windows:
    """The phases' annotations on a host's plane."""
    found = [
        (event.start_ps, event.end_ps, str(event.stats[PHASE_STAT]))
        for _, events in host.lines()
        for event in events
        if PHASE_STAT in event.stats
    ]
    return Windows(sorted(found))


def scope_times(
    lines: Iterable[Iterable[Work]], places: Places, windows: Windows
) -> tuple[list[ScopeTime], float]:
    """Self times, largest first, and the seconds of them that XLA's executor and loops took.

    The phase is that whose annotation is around the work, for all work has finished where an
    annotation ends; without one, that of the instruction's own scopes.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    dispatch_ps = 0
    for line in lines:
        for work in line:
            place = places.of(work.op) if work.op else NOWHERE
            phase = windows.phase_at(work.start_ps) or place.phase
            sums[phase, place.scope] += work.self_ps
            if (work.op is None or place.container) and place.scope == UNATTRIBUTED:
                dispatch_ps += work.self_ps
    rows = [
        ScopeTime(phase=phase, scope=scope, self_time_s=time_ps / PS_PER_S)
        for (phase, scope), time_ps in sums.items()
    ]
    return sorted(rows, key=lambda row: -row.self_time_s), dispatch_ps / PS_PER_S
