"""The messages of a profiler session, XSpace and what XProf reads in its stats, and how a plane is
written: lines of events, whose names and stats are written once each.

Numbers are those of tsl/profiler/protobuf/xplane.proto and of XProf's op_metrics.proto. A map is
written as the repeated entries that it is on the wire.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ..protobuf import Message, message_classes

Value = str | int | float | bytes
"""What a stat holds. An int is written as int64, which XProf reads wherever it wants an integer."""

Stats = Mapping[str, Value]
NO_STATS: Stats = MappingProxyType({})


class PlaneWriter:
    """Fills an XPlane message."""

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
        """An event of that kind on a line of this plane."""
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


_CLASSES = message_classes(
    "rooflink_xspace",
    {
        "XStat": {
            "metadata_id": (1, "int64"),
            "double_value": (2, "double?"),
            "uint64_value": (3, "uint64?"),
            "int64_value": (4, "int64?"),
            "str_value": (5, "string?"),
            "bytes_value": (6, "bytes?"),
            "ref_value": (7, "uint64?"),
        },
        "XEvent": {
            "metadata_id": (1, "int64"),
            "offset_ps": (2, "int64?"),
            "duration_ps": (3, "int64"),
            "stats": (4, "XStat*"),
        },
        "XLine": {
            "id": (1, "int64"),
            "name": (2, "string"),
            "timestamp_ns": (3, "int64"),
            "events": (4, "XEvent*"),
            "duration_ps": (9, "int64"),
        },
        "XEventMetadata": {
            "id": (1, "int64"),
            "name": (2, "string"),
            "display_name": (4, "string"),
            "stats": (5, "XStat*"),
        },
        "XStatMetadata": {"id": (1, "int64"), "name": (2, "string")},
        "EventEntry": {"key": (1, "int64"), "value": (2, "XEventMetadata")},
        "StatEntry": {"key": (1, "int64"), "value": (2, "XStatMetadata")},
        "XPlane": {
            "id": (1, "int64"),
            "name": (2, "string"),
            "lines": (3, "XLine*"),
            "event_metadata": (4, "EventEntry*"),
            "stat_metadata": (5, "StatEntry*"),
            "stats": (6, "XStat*"),
        },
        "XSpace": {
            "planes": (1, "XPlane*"),
            "warnings": (3, "string*"),
            "hostnames": (4, "string*"),
        },
        "MemoryAccessed": {
            "operation_type": (1, "int32"),
            "memory_space": (2, "uint64"),
            "bytes_accessed": (3, "uint64"),
        },
        "MemoryAccessBreakdown": {"memory_accessed": (1, "MemoryAccessed*")},
    },
)

XSpace = _CLASSES["XSpace"]
"""A whole session of one host."""

MemoryAccessBreakdown = _CLASSES["MemoryAccessBreakdown"]
"""Bytes of an operation by memory and direction: the value of 'memory_access_breakdown'."""
