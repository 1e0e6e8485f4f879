"""A plane under construction: lines of events, whose names and stats are written once each.

The messages of a profiler session: XSpace and what XProf reads inside its stats.

Numbers are those of tsl/profiler/protobuf/xplane.proto and of XProf's op_metrics.proto. A map is
written as the repeated entries that it is on the wire.

Protobuf messages described in code, for formats whose Python module no package ships.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Value = str | int | float | bytes
"""What a stat holds. An int is written as int64, which XProf reads wherever it wants an integer."""

Stats = Mapping[str, Value]
NO_STATS: Stats = MappingProxyType({})


class PlaneWriter:
    """Fills an XPlane message."""

    def __init__(self, plane: Any, number: int, name: str):
        self._plane = plane
        plane.id, plane.name = number, name
        self._stat_ids: dict[str, int] = {}

    def set_stats(self, stats: Stats) -> None:
        """Facts of the whole plane, such as the device's peaks."""
        self._write(self._plane.stats, stats)

    def add_line(self, name: str) -> Any:
        """A further line, to which `add_event` can write."""
        line = self._plane.lines.add(id=len(self._plane.lines) + 1, name=name)
        line.timestamp_ns = 1  # XProf takes a line at 0 for one without a clock
        return line

    def add_kind(
        self, name: str, stats: Stats = NO_STATS, display_name: str = "", key: int | None = None
    ) -> int:
        """What is said once of all events of a kind; its key is what `add_event` asks for."""
        key = key or len(self._plane.event_metadata) + 1
        value = self._plane.event_metadata.add(key=key).value
        value.id, value.name, value.display_name = key, name, display_name
        self._write(value.stats, stats)
        return key

    def add_event(self, line: Any, kind: int, start_ps: int, duration_ps: int, stats: Stats) -> Any:
        """An event of that kind on a line of this plane."""
        event = line.events.add(metadata_id=kind, offset_ps=start_ps, duration_ps=duration_ps)
        self._write(event.stats, stats)
        return event

    def _write(self, stats: Any, values: Stats) -> None:
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


Fields = Mapping[str, tuple[int, str]]
"""Field name -> its number and kind: a scalar or a message, `*` behind it if it is repeated, `?`
if it belongs to the message's one oneof (then a zero is written too)."""

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint64": _FIELD.TYPE_UINT64,
    "double": _FIELD.TYPE_DOUBLE,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}


def message_classes(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """A class for each message; fields that are not named are skipped when reading."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    for name, fields in messages.items():
        _describe(file.message_type.add(name=name), fields, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def _describe(message: descriptor_pb2.DescriptorProto, fields: Fields, package: str) -> None:
    if any(kind.endswith("?") for _, kind in fields.values()):
        message.oneof_decl.add(name="one_of")
    for name, (number, kind) in fields.items():
        field = message.field.add(name=name, number=number)
        field.label = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
        if kind.endswith("?"):
            field.oneof_index = 0
        plain = kind.rstrip("*?")
        if plain in _SCALARS:
            field.type = _SCALARS[plain]
        else:
            field.type = _FIELD.TYPE_MESSAGE
            field.type_name = f".{package}.{plain}"


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
