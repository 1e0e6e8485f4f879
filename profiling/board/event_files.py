"""Whether TensorBoard shows an event file whole: it does up to the file's first fault only.

A file is records of TFRecord: length (uint64), its masked CRC-32C, the event, its masked CRC-32C.
The checksum is computed in Python, about 8 MB a second, so that a look at a file takes so many
bytes from where the last look ended, and the records at its end, where writers are cut off.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")
A_RECORD_BYTES = 200  # what reading a record costs beside its bytes
TAIL_BYTES = (1 << 16, 1 << 20, 1 << 22)  # looked through for the last record, one after another
MOST_CANDIDATES = 1000
_SHORT = b"\0" * 5  # the upper bytes of a length below 16 MiB


@dataclass(frozen=True)
class Look:
    """What is known of a file: sound up to a byte, and the sentence on its first fault."""

    sound_bytes: int = 0
    sentence: str | None = None


UNSEEN = Look()


def look_at(path: Path, before: Look = UNSEEN, most_bytes: int = 1 << 20) -> Look:
    """Check at most about `most_bytes` of events on from where `before` ended, and the file's end.

    A record cut off at the end counts: a writer that is at work leaves one only while it writes.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            look = _forward(file, before.sound_bytes, size, most_bytes)
            if look.sentence or look.sound_bytes >= size:
                return look
            return Look(look.sound_bytes, _end_fault(file, look.sound_bytes, size))
    except OSError as error:
        return Look(before.sound_bytes, f"cannot be read: {error.strerror or error}")


def _forward(file: BinaryIO, at: int, size: int, most_bytes: int) -> Look:
    """Record by record from byte `at`, while there are bytes left to spend."""
    while at < size and most_bytes > 0:
        end, fault = _record_end(file, at, size)
        if fault:
            return Look(at, fault)
        length = end - at - HEADER.size - CHECKSUM.size
        if length <= most_bytes:
            event = file.read(length)
            if (masked_crc32c(event),) != CHECKSUM.unpack(file.read(CHECKSUM.size)):
                return Look(at, _damaged(at))
            most_bytes -= length
        most_bytes -= A_RECORD_BYTES
        at = end
    return Look(at)


def _record_end(file: BinaryIO, at: int, size: int) -> tuple[int, str | None]:
    """Where the record that begins at byte `at` ends, and what is wrong with it."""
    file.seek(at)
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return at, _cut_off(at, size)
    length, checksum = HEADER.unpack(header)
    if masked_crc32c(header[:8]) != checksum:
        return at, _damaged(at)
    end = at + HEADER.size + length + CHECKSUM.size
    return end, _cut_off(at, size) if end > size else None


def _end_fault(file: BinaryIO, sound_bytes: int, size: int) -> str | None:
    """What is wrong from the last record on whose header can be found; None where none can."""
    for window in TAIL_BYTES:
        start = max(sound_bytes, size - window)
        at = _last_header(file, start, size)
        while at is not None and at < size:
            at, fault = _record_end(file, at, size)
            if fault:
                return fault
        if at is not None or start == sound_bytes:
            return None
    return None


def _last_header(file: BinaryIO, start: int, size: int) -> int | None:
    """The byte of the last header between `start` and the end of the file."""
    file.seek(start)
    data = file.read(size - start)
    zeros = len(data)
    for _ in range(MOST_CANDIDATES):
        zeros = data.rfind(_SHORT, 0, zeros + len(_SHORT) - 1)
        at = zeros - 3
        if at < 0:
            return None
        header = data[at : at + HEADER.size]
        if len(header) == HEADER.size:
            length, checksum = HEADER.unpack(header)
            if length and masked_crc32c(header[:8]) == checksum:
                return start + at
    return None


def _damaged(at: int) -> str:
    return f"damaged at byte {at}: TensorBoard shows only what comes before"


def _cut_off(at: int, size: int) -> str:
    return f"cut off in the record at byte {at} of {size}: TensorBoard shows only what comes before"
