"""The events of a profiler's session, and the work of CPU threads and TPU cores that they show.

On a line (thread) of the plane '/host:CPU' these events matter, and all others are left out:

- a thunk, an event with the stat `hlo_op`: one instruction of a compiled program;
- 'ThunkExecutor::Execute': the executor that goes from thunk to thunk, in its own right at the
  outermost level and for a loop or call inside one;
- 'ThreadpoolListener::StartRegion' and '...::StopRegion': the ends of a task that the thread took
  from its pool. The task's stat `_c` is the `_p` of the 'ThreadpoolListener::Record' that handed it
  to the pool: what a thunk hands over is the thunk's work on another thread;
- waits, 'ThunkExecutor::Execute (wait for completion)' and '...::Await': idle, never counted.

Events of one line lie inside each other; each has the time that its inner events leave (self time).

A TPU's cores time their operations themselves. Planes and lines are named as XProf reads them.
Tested on sessions that `compile --xprof` writes; no TPU was at hand to trace.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, Literal, TypeVar

from google.protobuf.message import DecodeError

from ...model.input_files import MiB, read_bytes
from ..compiled.protobuf import Message
from ..compiled.xprof.xplane import XSpace
from ..errors import ProfileInputError

Stat = str | int | float | bytes | None
Stats = dict[str, Stat]

PS_PER_S = 10**12
_PS_PER_NS = 1000


@dataclass(frozen=True)
class Event:
    """Something that took from `start_ps` to `end_ps` on its line; times share one clock."""

    name: str
    start_ps: int
    end_ps: int
    stats: Stats

    def number(self, stat: str) -> int | None:
        """An integer stat; None where it is missing or something else."""
        value = self.stats.get(stat)
        return value if isinstance(value, int) else None


class Plane:
    """One XPlane: a host, a device, or the programs that ran."""

    def __init__(self, message: Message):
        self._message = message
        self.name: str = message.name

    def lines(self) -> Iterator[tuple[str, list[Event]]]:
        """Name and events of each line, in the order of the file."""
        for line in self._message.lines:
            yield line.name, [self._event(event, line.timestamp_ns) for event in line.events]

    def kinds(self) -> Iterator[tuple[str, Stats]]:
        """Name and stats of each kind of event, which a file holds once."""
        for kind in self._kinds.values():
            yield kind.name, self._stats(kind.stats)

    def _event(self, event: Message, origin_ns: int) -> Event:
        kind = self._kinds.get(event.metadata_id)  # a damaged file may lack it
        start = origin_ns * _PS_PER_NS + event.offset_ps
        stats = {**self._kind_stats(event.metadata_id), **self._stats(event.stats)}
        return Event(kind.name if kind else "", start, start + event.duration_ps, stats)

    def _kind_stats(self, key: int) -> Stats:
        """Stats of the kind, and the short name that devices give their operations."""
        if key not in self._stats_by_kind:
            kind = self._kinds.get(key)
            named = {"display_name": kind.display_name} if kind and kind.display_name else {}
            self._stats_by_kind[key] = {**self._stats(kind.stats if kind else ()), **named}
        return self._stats_by_kind[key]

    def _stats(self, stats: Iterable[Message]) -> Stats:
        return {self._names.get(stat.metadata_id, ""): self._value(stat) for stat in stats}

    def _value(self, stat: Message) -> Stat:
        kind = stat.WhichOneof("one_of")
        if kind is None:
            return None
        value = getattr(stat, kind)
        return self._names.get(value) if kind == "ref_value" else value

    @cached_property
    def _names(self) -> dict[int, str]:
        return {entry.key: entry.value.name for entry in self._message.stat_metadata}

    @cached_property
    def _kinds(self) -> dict[int, Message]:
        return {entry.key: entry.value for entry in self._message.event_metadata}

    @cached_property
    def _stats_by_kind(self) -> dict[int, Stats]:
        return {}


MOST_BYTES = 256 * MiB
"""Of a session's file."""
MOST_EVENTS = 1_000_000
"""Of a session: each takes about 500 bytes while it is read."""


def read_planes(path: Path) -> list[Plane]:
    """The planes of an `.xplane.pb`. Raises ProfileInputError for a file that holds no session, or
    a larger one than `MOST_BYTES` and `MOST_EVENTS`."""
    data = read_bytes(path, "trace", ProfileInputError, MOST_BYTES)
    try:
        planes = XSpace.FromString(data).planes
    except DecodeError:
        raise ProfileInputError(f"the trace {path} is damaged") from None
    if sum(len(line.events) for plane in planes for line in plane.lines) > MOST_EVENTS:
        raise ProfileInputError(f"the trace {path} holds more than {MOST_EVENTS:,} events")
    return [Plane(plane) for plane in planes]


Kind = TypeVar("Kind")


@dataclass(eq=False)
class Span(Generic[Kind]):
    """A stretch of a line; `inside_ps` is what the spans directly inside it take."""

    start_ps: int
    end_ps: int
    kind: Kind
    outer: "Span[Kind] | None" = field(default=None, repr=False)
    inside_ps: int = 0

    @property
    def self_ps(self) -> int:
        return self.end_ps - self.start_ps - self.inside_ps


def nested(spans: Iterable[Span[Kind]]) -> list[Span[Kind]]:
    """The spans with `outer` and `inside_ps` set, in the order in which they begin.

    Of two that begin together the longer holds the other, and of two as long as each other the
    one that came first. One that outlasts the span it begins in counts there only up to its end.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ps, -span.end_ps))
    open_: list[Span[Kind]] = []
    for span in ordered:
        while open_ and open_[-1].end_ps <= span.start_ps:
            open_.pop()
        if open_:
            span.outer = open_[-1]
            span.outer.inside_ps += min(span.end_ps, span.outer.end_ps) - span.start_ps
        open_.append(span)
    return ordered


def outwards(span: Span[Kind] | None) -> Iterator[Span[Kind]]:
    while span is not None:
        yield span
        span = span.outer


@dataclass(frozen=True)
class Op:
    """An instruction of a program, as the trace and the program's own HLO both name it."""

    program: int
    name: str


@dataclass(frozen=True)
class Work:
    """Self time that began at `start_ps`; `op` is None for the executor's own."""

    start_ps: int
    self_ps: int
    op: Op | None


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
    lines = [nested(_spans(events)) for _, events in host.lines()]
    givers = {
        span.kind.key: span.outer for spans in lines for span in spans if span.kind.what == "record"
    }
    work_by_line = [list(_work(spans, givers)) for spans in lines]
    return [work for work in work_by_line if work]


def _spans(events: Iterable[Event]) -> list[Span[_Kind]]:
    """Tasks first: one holds all that begins and ends with it."""
    begun: list[tuple[int, int | None]] = []  # tasks that have not ended yet
    tasks, others = [], []
    for event in sorted(events, key=lambda event: event.start_ps):
        kind = _kind(event)
        if event.name == _START:
            begun.append((event.start_ps, event.number("_c")))
        elif event.name == _STOP and begun:
            start, key = begun.pop()
            tasks.append(Span(start, event.end_ps, _Kind("task", key=key)))
        elif kind is not None:
            others.append(Span(event.start_ps, event.end_ps, kind))
    return tasks + others


def _kind(event: Event) -> _Kind | None:
    name, program, op = event.name, event.number("program_id"), event.stats.get("hlo_op")
    if name == _RECORD:
        return _Kind("record", key=event.number("_p"))
    if name.endswith(_WAITS):
        return _Kind("wait")
    if name == _EXECUTOR:
        return _Kind("executor")
    if program is not None and isinstance(op, str):
        return _Kind("thunk", op=Op(program, op))
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


_PLANE = re.compile(r"/device:TPU:\d+$")
_LINE = "XLA Ops"


def cores_work(planes: Sequence[Plane]) -> list[list[Work]]:
    """The work of each core that did any; a loop's operations are inside its own event."""
    lines = [
        nested(Span(event.start_ps, event.end_ps, _op_of_cores(event)) for event in events)
        for plane in planes
        if _PLANE.match(plane.name)
        for name, events in plane.lines()
        if name == _LINE
    ]
    work_by_line = [
        [Work(span.start_ps, span.self_ps, span.kind) for span in spans if span.self_ps > 0]
        for spans in lines
    ]
    return [work for work in work_by_line if work]


def _op_of_cores(event: Event) -> Op | None:
    """The event's name is the whole instruction, '%fusion.1 = ...'; its short one is apart."""
    program = event.number("program_id")
    name = str(event.stats.get("display_name", event.name))
    return None if program is None else Op(program, name)
