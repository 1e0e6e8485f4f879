"""Reading a compiled program from a file or from bytes: protobuf, HLO text, either gzipped."""

import gzip
import zlib
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from ...errors import ProfileInputError
from .convert import BrokenModuleError, module_from
from .module import Module
from .schema import HloModuleProto, HloProto

_GZIP = b"\x1f\x8b"
_TEXT = b"HloModule"

HOW_TO_SAVE = (
    "save one with `jax.jit(f).lower(...).compile()`, then `.as_text()`, or with "
    "XLA_FLAGS='--xla_dump_to=DIR --xla_dump_hlo_as_proto'"
)


def read_module(path: Path | str) -> Module:
    """The program in `path`: an HloProto, an HloModuleProto or HLO text, gzipped or not.

    Raises ProfileInputError, naming the file, where it cannot be read or holds no whole program.
    """
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


def _from_proto(data: bytes, name: str) -> Module:
    """An HloProto or, failing that, an HloModuleProto; both begin with field 1."""
    problems = []
    for read in (_whole, _bare):
        try:
            return module_from(read(data))
        except (DecodeError, BrokenModuleError) as problem:
            problems.append(problem)
    if any(isinstance(problem, BrokenModuleError) for problem in problems):
        reason = next(str(p) for p in problems if isinstance(p, BrokenModuleError))
        raise ProfileInputError(f"{name} holds no whole HLO program ({reason}): {HOW_TO_SAVE}")
    raise ProfileInputError(f"{name} is truncated, damaged or not an HLO program: {HOW_TO_SAVE}")


def _whole(data: bytes) -> Any:
    return HloProto.FromString(data).hlo_module


def _bare(data: bytes) -> Any:
    return HloModuleProto.FromString(data)
