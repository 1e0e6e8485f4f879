"""A profiler's session as plain Python: lines of events, names put in place of numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from ..compiled.xprof.schema import XSpace

PS_PER_S = 10**12
_PS_PER_NS = 1000


@dataclass(frozen=True)
class Event:
    """Something that took from `start_ps` to `end_ps` on its line; times share one clock."""

    name: str
    start_ps: int
    end_ps: int
    stats: dict[str, Any]


class Plane:
    """One XPlane: a host, a device, or the programs that ran."""

    def __init__(self, message: Any):
        self._message = message
        self.name: str = message.name

    def lines(self) -> Iterator[tuple[str, list[Event]]]:
        """Name and events of each line, in the order of the file."""
        for line in self._message.lines:
            yield line.name, [self._event(event, line.timestamp_ns) for event in line.events]

    def kinds(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and stats of what is said once of all events of a kind."""
        for kind in self._kinds.values():
            yield kind.name, self._stats(kind.stats)

    def _event(self, event: Any, origin_ns: int) -> Event:
        kind = self._kinds[event.metadata_id]
        start = origin_ns * _PS_PER_NS + event.offset_ps
        stats = {**self._kind_stats(event.metadata_id), **self._stats(event.stats)}
        return Event(kind.name, start, start + event.duration_ps, stats)

    def _kind_stats(self, key: int) -> dict[str, Any]:
        """Stats of the kind, and the short name that devices give their operations."""
        if key not in self._known:
            kind = self._kinds[key]
            named = {"display_name": kind.display_name} if kind.display_name else {}
            self._known[key] = {**self._stats(kind.stats), **named}
        return self._known[key]

    def _stats(self, stats: Any) -> dict[str, Any]:
        return {self._names[stat.metadata_id]: self._value(stat) for stat in stats}

    def _value(self, stat: Any) -> Any:
        kind = stat.WhichOneof("one_of")
        if kind is None:
            return None
        value = getattr(stat, kind)
        return self._names[value] if kind == "ref_value" else value

    @cached_property
    def _names(self) -> dict[int, str]:
        return {entry.key: entry.value.name for entry in self._message.stat_metadata}

    @cached_property
    def _kinds(self) -> dict[int, Any]:
        return {entry.key: entry.value for entry in self._message.event_metadata}

    @cached_property
    def _known(self) -> dict[int, dict[str, Any]]:
        return {}


def read_planes(path: Path) -> list[Plane]:
    """The planes of an `.xplane.pb`; ValueError where it holds no session."""
    try:
        return [Plane(plane) for plane in XSpace.FromString(path.read_bytes()).planes]
    except DecodeError:
        raise ValueError(f"{path.name} is damaged") from None
