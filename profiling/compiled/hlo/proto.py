"""Reading a compiled program from a file or from bytes: protobuf, HLO text, either gzipped."""

import gzip
import zlib
from pathlib import Path

from google.protobuf.message import DecodeError

from ...errors import ProfileInputError
from ..protobuf import message_classes
from .module import BrokenModuleError, Module, module_from

_CLASSES = message_classes("rooflink_hlo", Path(__file__).with_name("hlo.proto"))

HloModuleProto = _CLASSES["HloModule"]
"""What `as_serialized_hlo_module_proto()` writes."""

HloProto = _CLASSES["Hlo"]
"""A module with its buffer assignment (skipped here): what `xla_dump_hlo_as_proto` writes."""

HloEnvelope = _CLASSES["HloEnvelope"]
"""The same with its module unread, as bytes."""


_GZIP = b"\x1f\x8b"
_TEXT = b"HloModule"

HOW_TO_SAVE = (
    "save one with `jax.jit(f).lower(...).compile()`, then `.as_text()`, or with "
    "XLA_FLAGS='--xla_dump_to=DIR --xla_dump_hlo_as_proto'"
)


def read_module(path: Path | str) -> Module:
    """The program in `path`: an HloProto, an HloModuleProto or HLO text, gzipped or not. Raises
    ProfileInputError, naming the file, where it cannot be read or holds no whole program."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ProfileInputError(f"cannot read {path}: {error.strerror or error}") from None
    return parse_module(data, str(path))


def parse_module(data: bytes, name: str = "the HLO program") -> Module:
    """The program in `data`, in any form that `read_module` takes; `name` is for errors."""
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise ProfileInputError(
                f"{name} is a damaged or truncated gzip file: copy or make it again"
            ) from None
    if not data.strip():
        raise ProfileInputError(f"{name} is empty: {HOW_TO_SAVE}")
    if _is_text(data):
        return _from_proto(_text_to_proto(data, name), name)
    return _from_proto(data, name)


def _is_text(data: bytes) -> bool:
    """Whether the first line that is no comment begins HLO text."""
    lines = (line.strip() for line in data[:65536].splitlines())
    first = next((line for line in lines if line and not line.startswith(b"//")), b"")
    return first.startswith(_TEXT)


def _text_to_proto(data: bytes, name: str) -> bytes:
    """HLO text through XLA's own parser, which jaxlib ships."""
    from jaxlib import _hlo  # type: ignore[attr-defined]

    try:
        module = _hlo.hlo_module_from_text(data.decode())
        return module.as_serialized_hlo_module_proto()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise ProfileInputError(
            f"{name} is not HLO text that this jaxlib can read ({reason}): save the program as a "
            "protobuf, or use the jaxlib that wrote it"
        ) from None


def is_whole(data: bytes) -> bool:
    """Whether it is an HloProto, a module with what belongs to it, and no bare HloModuleProto.

    Both begin with field 1: a module in one, its name in the other.
    """
    try:
        return bool(HloProto.FromString(data).hlo_module.computations)
    except DecodeError:
        return False


def _from_proto(data: bytes, name: str) -> Module:
    """An HloProto or, failing that, an HloModuleProto."""
    reasons = []
    for read in (lambda data: HloProto.FromString(data).hlo_module, HloModuleProto.FromString):
        try:
            return module_from(read(data))
        except BrokenModuleError as problem:
            reasons.append(str(problem))
        except DecodeError:
            continue
    if reasons:
        raise ProfileInputError(f"{name} holds no whole HLO program ({reasons[0]}): {HOW_TO_SAVE}")
    raise ProfileInputError(f"{name} is truncated, damaged or not an HLO program: {HOW_TO_SAVE}")
