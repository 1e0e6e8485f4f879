"""Whether an event file can be read to its end: TensorBoard shows the part before a fault only.

A file is records of TFRecord: length (uint64), its masked CRC-32C, the event, its masked CRC-32C.
"""

import struct
from pathlib import Path

from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
CHECKED_BYTES = 4_000_000  # of events; the checksum is computed in Python, about 8 MB a second


def is_event_file(path: Path) -> bool:
    """As TensorBoard tells them: by name."""
    return "tfevents" in path.name


def event_file_problem(path: Path) -> str | None:
    """One sentence on the first fault, or None.

    Every record's length is checked, and the events in the first CHECKED_BYTES. A record cut off at
    the end counts: a writer that is still at work leaves one only while it writes.
    """
    try:
        with path.open("rb") as file:
            size, at = path.stat().st_size, 0
            while header := file.read(HEADER.size):
                if len(header) < HEADER.size:
                    return _cut_off(at, size)
                length, checksum = HEADER.unpack(header)
                if masked_crc32c(header[:8]) != checksum:
                    return f"damaged at byte {at}: TensorBoard shows only what comes before"
                end = at + HEADER.size + length + CHECKSUM.size
                if end > size:
                    return _cut_off(at, size)
                if end <= CHECKED_BYTES:
                    event = file.read(length)
                    if masked_crc32c(event) != CHECKSUM.unpack(file.read(CHECKSUM.size))[0]:
                        return f"damaged at byte {at}: TensorBoard shows only what comes before"
                file.seek(end)
                at = end
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


def _cut_off(at: int, size: int) -> str:
    return f"cut off in the record at byte {at} of {size}: TensorBoard shows only what comes before"
