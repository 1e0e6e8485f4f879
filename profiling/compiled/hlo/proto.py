"""Reading a compiled program from a file or from bytes: protobuf, HLO text, either gzipped.

A file may hold at most `MOST_BYTES`, unpacked, and a program `MOST_INSTRUCTIONS`.
"""

import gzip
import io
import zlib
from pathlib import Path

from google.protobuf.message import DecodeError

from ....model.input_files import MiB, read_bytes
from ...errors import ProfileInputError
from ..protobuf import Message, message_classes
from .building import BrokenModuleError, UnboundedError, module_from
from .module import Module
from .text import HOW_TO_SAVE, hlo_text, is_text, proto_of

_CLASSES = message_classes("rooflink_hlo", Path(__file__).with_name("hlo.proto"))

HloModuleProto = _CLASSES["HloModule"]
"""What `as_serialized_hlo_module_proto()` writes."""

HloProto = _CLASSES["Hlo"]
"""A module with its buffer assignment (skipped here): what `xla_dump_hlo_as_proto` writes."""

HloEnvelope = _CLASSES["HloEnvelope"]
"""The same with its module unread, as bytes."""

MOST_BYTES = 64 * MiB
"""Of a program, unpacked."""

_GZIP = b"\x1f\x8b"


def read_module(path: Path | str) -> Module:
    """The program in `path`: an HloProto, an HloModuleProto or HLO text, gzipped or not. Raises
    ProfileInputError, naming the file, where it cannot be read or holds no whole program."""
    data = read_bytes(Path(path), "HLO program", ProfileInputError, MOST_BYTES)
    return parse_module(data, str(path))


def parse_module(data: bytes, name: str = "the HLO program") -> Module:
    """The program in `data`, in any form that `read_module` takes; `name` is for errors."""
    if data.startswith(_GZIP):
        data = _unpacked(data, name)
    if not data.strip():
        raise ProfileInputError(f"{name} is empty: {HOW_TO_SAVE}")
    messages = _messages(proto_of(hlo_text(data, name), name) if is_text(data) else data)
    reasons = []
    for message in messages:
        try:
            return module_from(message)
        except UnboundedError as problem:
            raise ProfileInputError(
                f"{name} has an array {problem}, whose size is not in the program: lower it for "
                "given sizes instead of symbolic ones"
            ) from None
        except BrokenModuleError as problem:
            reasons.append(str(problem))
    if reasons:
        raise ProfileInputError(f"{name} holds no whole HLO program ({reasons[0]}): {HOW_TO_SAVE}")
    raise ProfileInputError(f"{name} is truncated, damaged or not an HLO program: {HOW_TO_SAVE}")


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise ProfileInputError(
            f"{name} is a damaged or truncated gzip file: copy or make it again"
        ) from None
    if len(unpacked) > MOST_BYTES:
        raise ProfileInputError(
            f"{name} unpacks to more than {MOST_BYTES // MiB} MiB, which no program here takes"
        )
    return unpacked


def is_whole(data: bytes) -> bool:
    """Whether it is an HloProto, a module with what belongs to it, and no bare HloModuleProto.

    Both begin with field 1: a module in one, its name in the other.
    """
    try:
        return bool(HloProto.FromString(data).hlo_module.computations)
    except DecodeError:
        return False


def _messages(data: bytes) -> list[Message]:
    """The HloModuleProtos that the bytes can be: in an HloProto, or bare."""
    messages = []
    for read in (lambda data: HloProto.FromString(data).hlo_module, HloModuleProto.FromString):
        try:
            messages.append(read(data))
        except DecodeError:
            continue
    return messages
