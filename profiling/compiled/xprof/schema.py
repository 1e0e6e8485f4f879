"""The messages of a profiler session: XSpace and what XProf reads inside its stats.

Numbers are those of tsl/profiler/protobuf/xplane.proto and of XProf's op_metrics.proto. A map is
written as the repeated entries that it is on the wire.
"""

from .messages import message_classes

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
