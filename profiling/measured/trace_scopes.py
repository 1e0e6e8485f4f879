"""Self time by phase and named scope.

A trace carries the optimized HLO of every program that ran in it, each under its own number, so
that an instruction's phase and scope are those of the very program that was timed. They are read
as the compiled lens reads them.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..compiled.hlo.proto import parse_module
from ..compiled.traffic.walk import module_traffic
from ..errors import ProfileInputError
from ..records import UNATTRIBUTED, ScopeTime
from .trace_events import PS_PER_S, Op, Plane, Work

PLANE = "/host:metadata"
_STAT = "Hlo Proto"
_NUMBER = re.compile(r"\((\d{1,20})\)$")  # 'jit_think(32)'

CONTAINERS = frozenset({"while", "call", "conditional"})
"""Opcodes whose own time, without what is inside them, is XLA's and no scope's."""


@dataclass(frozen=True)
class OpPlace:
    """Phase and scope of an instruction; `container` if it only runs others."""

    phase: str = UNATTRIBUTED
    scope: str = UNATTRIBUTED
    container: bool = False


NOWHERE = OpPlace()
_CONTAINER = OpPlace(container=True)


def read_places(planes: Iterable[Plane], wanted: set[int]) -> dict[Op, OpPlace]:
    """Places of the instructions of the programs with the numbers `wanted`; what cannot be read is
    left out."""
    places: dict[Op, OpPlace] = {}
    for plane in planes:
        if plane.name != PLANE:
            continue
        for title, stats in plane.kinds():
            number, proto = _NUMBER.search(title), stats.get(_STAT)
            if number and int(number[1]) in wanted and isinstance(proto, bytes):
                places.update(_of_program(int(number[1]), title, proto))
    return places


def _of_program(number: int, title: str, hlo_proto: bytes) -> dict[Op, OpPlace]:
    try:
        module = parse_module(hlo_proto, title)
    except ProfileInputError:
        return {}
    places = {
        Op(number, one.name): _CONTAINER
        for one in module.instructions()
        if one.opcode in CONTAINERS
    }
    for row in module_traffic(module).rows:
        places[Op(number, row.name)] = OpPlace(row.phase, row.scope, row.opcode in CONTAINERS)
    return places


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
    windows = [
        (event.start_ps, event.end_ps, str(event.stats[PHASE_STAT]))
        for _, events in host.lines()
        for event in events
        if PHASE_STAT in event.stats
    ]
    return Windows(sorted(windows))


def scope_times(
    lines: Iterable[Iterable[Work]], places: Mapping[Op, OpPlace], windows: Windows
) -> tuple[list[ScopeTime], float]:
    """Self times, largest first, and the seconds of them that XLA's executor and loops took.

    The phase is that whose annotation is around the work, for all work has finished where an
    annotation ends; without one, that of the instruction's own scopes.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    dispatch_ps = 0
    for line in lines:
        for work in line:
            place = places.get(work.op, NOWHERE) if work.op else NOWHERE
            phase = windows.phase_at(work.start_ps) or place.phase
            sums[phase, place.scope] += work.self_ps
            if (work.op is None or place.container) and place.scope == UNATTRIBUTED:
                dispatch_ps += work.self_ps
    rows = [
        ScopeTime(phase=phase, scope=scope, self_time_s=time_ps / PS_PER_S)
        for (phase, scope), time_ps in sums.items()
    ]
    return sorted(rows, key=lambda row: -row.self_time_s), dispatch_ps / PS_PER_S
