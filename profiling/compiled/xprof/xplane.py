"""The messages of a profiler session, XSpace and what XProf reads in its stats, and how a plane is
written: lines of events, whose names and stats are written once each.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..protobuf import Message, message_classes

Value = str | int | float | bytes
"""What a stat holds. An int is written as int64, which XProf reads wherever it wants an integer."""

Stats = Mapping[str, Value]
NO_STATS: Stats = MappingProxyType({})


class PlaneWriter:
    def __init__(self, plane: Message, number: int, name: str):
        self._plane = plane
        plane.id, plane.name = number, name
        self._stat_ids: dict[str, int] = {}

    def set_stats(self, stats: Stats) -> None:
        """Facts of the whole plane, such as the device's peaks."""
        self._write(self._plane.stats, stats)

    def add_line(self, name: str) -> Message:
        """A further line, to which `add_event` can write."""
        line = self._plane.lines.add(id=len(self._plane.lines) + 1, name=name)
        line.timestamp_ns = 1  # XProf takes a line at 0 for one without a clock
        return line

    def add_kind(
        self, name: str, stats: Stats = NO_STATS, display_name: str = "", key: int | None = None
    ) -> int:
        """Declare a kind of event, whose stats are written once; the key is for `add_event`."""
        key = key or len(self._plane.event_metadata) + 1
        value = self._plane.event_metadata.add(key=key).value
        value.id, value.name, value.display_name = key, name, display_name
        self._write(value.stats, stats)
        return key

    def add_event(
        self, line: Message, kind: int, start_ps: int, duration_ps: int, stats: Stats
    ) -> Message:
        event = line.events.add(metadata_id=kind, offset_ps=start_ps, duration_ps=duration_ps)
        self._write(event.stats, stats)
        return event

    def _write(self, stats: Message, values: Stats) -> None:
        for name, value in values.items():
            stat = stats.add(metadata_id=self._stat_id(name))
            if isinstance(value, bytes):
                stat.bytes_value = value
            elif isinstance(value, str):
                stat.ref_value = self._stat_id(value)  # a text is written once, like a name
            elif isinstance(value, float):
                stat.double_value = value
            else:
                stat.int64_value = value

    def _stat_id(self, name: str) -> int:
        if name not in self._stat_ids:
            number = len(self._stat_ids) + 1
            self._stat_ids[name] = number
            entry = self._plane.stat_metadata.add(key=number).value
            entry.id, entry.name = number, name
        return self._stat_ids[name]


_CLASSES = message_classes("rooflink_xspace", Path(__file__).with_name("xplane.proto"))

XSpace = _CLASSES["XSpace"]
"""A whole session of one host."""

MemoryAccessBreakdown = _CLASSES["MemoryAccessBreakdown"]
"""Bytes of an operation by memory and direction: the value of 'memory_access_breakdown'."""
