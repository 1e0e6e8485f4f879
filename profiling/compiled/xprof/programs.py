"""The plane in which XProf looks for programs, for its graph and memory viewers."""

from typing import Any

from .matmuls import is_whole
from .phase import PhaseProgram
from .plane import PlaneWriter

_PLANE = "/host:metadata"
_STAT = "Hlo Proto"
_MODULE_FIELD = b"\x0a"  # field 1 of HloProto, length-delimited


class ProgramPlane:
    """Programs by their number."""

    def __init__(self, plane: Any):
        self._writer = PlaneWriter(plane, 2, _PLANE)

    def add(self, phase: PhaseProgram, program: int, title: str) -> None:
        """Keep the phase's program under the number and title that the device's plane uses."""
        self._writer.add_kind(
            title, {_STAT: _whole(phase.assigned_proto or phase.hlo_proto)}, key=program
        )


def _whole(data: bytes) -> bytes:
    """An HloProto: `data`, or a wrapping of the bare module that it is."""
    return data if is_whole(data) else _MODULE_FIELD + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """A protobuf integer."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
