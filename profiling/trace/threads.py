"""Work on a CPU's threads, from XLA's host events.

On a line (thread) of the plane '/host:CPU' these events matter, and all others are left out:

- a thunk, an event with the stat `hlo_op`: one instruction of a compiled program;
- 'ThunkExecutor::Execute': the executor that goes from thunk to thunk, in its own right at the
  outermost level and for a loop or call inside one;
- 'ThreadpoolListener::StartRegion' and '...::StopRegion': the ends of a task that the thread took
  from its pool. The task's stat `_c` is the `_p` of the 'ThreadpoolListener::Record' that handed it
  to the pool: what a thunk hands over is the thunk's work on another thread;
- waits, 'ThunkExecutor::Execute (wait for completion)' and '...::Await': idle, never counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from .nesting import Span, nested, outwards
from .space import Event, Plane
from .work import Op, Work

PLANE = "/host:CPU"
_RECORD, _START, _STOP = (f"ThreadpoolListener::{what}" for what in
                          ("Record", "StartRegion", "StopRegion"))  # fmt: skip
_EXECUTOR = "ThunkExecutor::Execute"
_WAITS = ("(wait for completion)", "::Await")

What = Literal["thunk", "executor", "task", "wait", "record"]


@dataclass(frozen=True)
class _Kind:
    what: What
    op: Op | None = None  # of a thunk
    key: int | None = None  # that a record and its task share


def threads_work(host: Plane) -> list[list[Work]]:
    """The work of each thread that did any."""
    lines = [nested(_spans(events)) for _, events in host.lines()]
    givers = {
        span.kind.key: span.outer for spans in lines for span in spans if span.kind.what == "record"
    }
    found = [list(_work(spans, givers)) for spans in lines]
    return [work for work in found if work]


def _spans(events: Iterable[Event]) -> list[Span[_Kind]]:
    """Tasks first: one holds all that begins and ends with it."""
    begun: list[tuple[int, int | None]] = []  # tasks that have not ended yet
    tasks, others = [], []
    for event in sorted(events, key=lambda event: event.start_ps):
        kind = _kind(event)
        if event.name == _START:
            begun.append((event.start_ps, event.stats.get("_c")))
        elif event.name == _STOP and begun:
            start, key = begun.pop()
            tasks.append(Span(start, event.end_ps, _Kind("task", key=key)))
        elif kind is not None:
            others.append(Span(event.start_ps, event.end_ps, kind))
    return tasks + others


def _kind(event: Event) -> _Kind | None:
    name, stats = event.name, event.stats
    if name == _RECORD:
        return _Kind("record", key=stats.get("_p"))
    if name.endswith(_WAITS):
        return _Kind("wait")
    if name == _EXECUTOR:
        return _Kind("executor")
    if "hlo_op" in stats and "program_id" in stats:
        return _Kind("thunk", op=Op(stats["program_id"], stats["hlo_op"]))
    return None


def _work(spans: list[Span[_Kind]], givers: dict[int | None, Span[_Kind] | None]) -> Iterator[Work]:
    for span in spans:
        if span.kind.what in ("thunk", "executor", "task") and span.self_ps > 0:
            yield Work(span.start_ps, span.self_ps, _op(span, givers))


def _op(span: Span[_Kind], givers: dict[int | None, Span[_Kind] | None]) -> Op | None:
    """The thunk that the span is in; for a task's own time, the thunk that handed it over.

    A task may hand over another, so the way may lead over several threads; `seen` ends it where
    a file's numbers lead in a circle.
    """
    seen = set()
    while span.kind.what == "task" and span.kind.key not in seen:
        seen.add(span.kind.key)
        giver = givers.get(span.kind.key)
        if giver is None:
            return None
        span = giver
    if span.kind.what == "executor":
        inside = (outer.kind.op for outer in outwards(span.outer) if outer.kind.what == "thunk")
        return next(inside, None)
    return span.kind.op
