"""Work on a TPU's cores: the operations that the device itself timed.

Planes and lines are named as XProf reads them. Tested on sessions that `compile --xprof` writes;
no TPU was at hand to trace.
"""

import re
from collections.abc import Sequence

from .nesting import Span, nested
from .space import Plane
from .work import Op, Work

_PLANE = re.compile(r"/device:TPU:\d+$")
_LINE = "XLA Ops"


def cores_work(planes: Sequence[Plane]) -> list[list[Work]]:
    """The work of each core that did any; a loop's operations are inside its own event."""
    lines = [
        nested(Span(event.start_ps, event.end_ps, _op(event.stats, event.name)) for event in events)
        for plane in planes
        if _PLANE.match(plane.name)
        for name, events in plane.lines()
        if name == _LINE
    ]
    found = [
        [Work(span.start_ps, span.self_ps, span.kind) for span in spans if span.self_ps > 0]
        for spans in lines
    ]
    return [work for work in found if work]


def _op(stats: dict[str, object], name: str) -> Op | None:
    """The event's name is the whole instruction, '%fusion.1 = ...'; its short one is apart."""
    program = stats.get("program_id")
    return Op(program, str(stats.get("display_name", name))) if isinstance(program, int) else None
