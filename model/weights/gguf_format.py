"""The GGUF container: header, metadata, tensor table, and tensors dequantised on demand.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
Read here rather than with `gguf.GGUFReader`, which takes seconds for a vocabulary and does not
notice a truncated file; the block formats are the gguf package's.
"""

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType

from ..config import ModelInputError

_READABLE = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")
READABLE_TYPES = tuple(GGMLQuantizationType[name] for name in _READABLE)

_SCALARS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Type of a metadata value -> its code in `struct`."""

_STRING, _ARRAY = 8, 9
_MAX_DIMENSIONS = 4


@dataclass(frozen=True)
class GgufTensor:
    """One entry of the tensor table; `shape` is row-major (the file lists it reversed)."""

    type: GGMLQuantizationType
    shape: tuple[int, ...]
    offset_bytes: int
    size_bytes: int


class GgufFile:
    """An opened GGUF: `metadata` by key, `tensors` by the file's own names."""

    def __init__(self, path: Path) -> None:
        """Read the header; `ModelInputError` if the file is missing, damaged or unreadable."""
        self.path = path
        self._data = _mapped(path)
        cursor = _Cursor(self._data, path)
        tensor_count, field_count = _counts(cursor, path)
        self.metadata: dict[str, object] = {}
        for _ in range(field_count):
            key = cursor.text()
            self.metadata[key] = cursor.value(cursor.integer("I"))
        self.tensors = _tensor_table(cursor, tensor_count, self.metadata, path)

    def array(self, name: str) -> np.ndarray:
        """The tensor `name` as float32, or bfloat16 where the file holds that."""
        tensor = self.tensors[name]
        raw = np.frombuffer(self._data, np.uint8, tensor.size_bytes, tensor.offset_bytes)
        if tensor.type == GGMLQuantizationType.BF16:
            return raw.view(ml_dtypes.bfloat16).reshape(tensor.shape)
        rows = raw.reshape(*tensor.shape[:-1], -1)
        # A damaged block may scale to infinity; `assemble` names the tensor that does.
        with np.errstate(all="ignore"):
            return gguf.dequantize(rows, tensor.type)


class _Cursor:
    """Reads forward through the header; every read is checked against the file's end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self.offset = 0

    def take(self, count_bytes: int) -> bytes:
        end = self.offset + count_bytes
        if end > len(self._data):
            raise ModelInputError(
                f"{self._path} ends inside its header: the file is truncated or damaged, "
                "fetch it again."
            )
        taken = self._data[self.offset : end]
        self.offset = end
        return taken

    def scalar(self, code: str) -> int | float | bool:
        value: int | float | bool = struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]
        return value

    def integer(self, code: str) -> int:
        return int(self.scalar(code))

    def text(self) -> str:
        try:
            return self.take(self.integer("Q")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelInputError(
                f"{self._path} holds text that is not UTF-8 before byte {self.offset}: "
                "the file is damaged, fetch it again."
            ) from error

    def value(self, kind: int) -> object:
        if kind == _STRING:
            return self.text()
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _ARRAY:
            kind, count = self.integer("I"), self.integer("Q")
            if kind == _STRING:
                return [self.text() for _ in range(count)]
            if kind in _SCALARS:
                taken = self.take(count * struct.calcsize(_SCALARS[kind]))
                return np.frombuffer(taken, "<" + _SCALARS[kind]).tolist()
        raise ModelInputError(
            f"{self._path} has a metadata field of unknown type {kind}: the file is damaged or "
            "newer than this reader."
        )


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ModelInputError(
            f"{path} cannot be read ({error.strerror}): check the path."
        ) from error
    except ValueError as error:
        raise ModelInputError(f"{path} is empty: fetch the GGUF file again.") from error


def _counts(cursor: _Cursor, path: Path) -> tuple[int, int]:
    magic = cursor.take(4)
    if magic != b"GGUF":
        raise ModelInputError(
            f"{path} is not a GGUF file (it starts with {magic!r}): pass a .gguf file as published."
        )
    version = cursor.integer("I")
    if version not in (2, 3):
        raise ModelInputError(
            f"{path} is GGUF version {version} or big-endian; versions 2 and 3, little-endian, are "
            "read: convert the model again with a current llama.cpp."
        )
    return cursor.integer("Q"), cursor.integer("Q")


def _tensor_table(
    cursor: _Cursor, count: int, metadata: dict[str, object], path: Path
) -> dict[str, GgufTensor]:
    entries = [_entry(cursor, path) for _ in range(count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0:
        raise ModelInputError(f"{path} has 'general.alignment' = {alignment!r}: it is damaged.")
    start = -(-cursor.offset // alignment) * alignment
    length = path.stat().st_size
    table = {}
    for name, kind, shape, offset in entries:
        block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        if not shape or shape[-1] % block:
            raise ModelInputError(
                f"{path} gives tensor '{name}' the shape {list(shape)}, which {kind.name} blocks "
                f"of {block} values cannot fill: the file is damaged."
            )
        tensor = GgufTensor(kind, shape, start + offset, prod(shape) // block * block_bytes)
        if tensor.offset_bytes + tensor.size_bytes > length:
            raise ModelInputError(
                f"{path} ends inside tensor '{name}' ({length} bytes of at least "
                f"{tensor.offset_bytes + tensor.size_bytes}): it is truncated, fetch it again."
            )
        table[name] = tensor
    return table


def _entry(cursor: _Cursor, path: Path) -> tuple[str, GGMLQuantizationType, tuple[int, ...], int]:
    name = cursor.text()
    dimensions = cursor.integer("I")
    if dimensions > _MAX_DIMENSIONS:
        raise ModelInputError(f"{path} gives tensor '{name}' {dimensions} axes: it is damaged.")
    shape = tuple(cursor.integer("Q") for _ in range(dimensions))[::-1]
    number, offset = cursor.integer("I"), cursor.integer("Q")
    readable = {kind.value: kind for kind in READABLE_TYPES}
    if number not in readable:
        names = {kind.value: kind.name for kind in GGMLQuantizationType}
        raise ModelInputError(
            f"{path} holds tensor '{name}' as {names.get(number, f'unknown type {number}')}, which "
            f"is not read: use a file of {', '.join(k.name for k in READABLE_TYPES)}."
        )
    return name, readable[number], shape, offset
