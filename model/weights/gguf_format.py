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

READABLE_TYPES = (
    "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K",
)  # fmt: skip

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
        header = _Header(self._data, path)
        tensor_count, field_count = header.counts()
        self.metadata: dict[str, object] = {}
        for _ in range(field_count):
            key = header.text()
            self.metadata[key] = header.value(header.integer("I"))
        self.tensors = header.tensors(tensor_count, self.metadata.get("general.alignment", 32))

    def array(self, name: str) -> np.ndarray:
        """The tensor `name` as float32, or bfloat16 where the file holds that."""
        tensor = self.tensors[name]
        raw = np.frombuffer(self._data, np.uint8, tensor.size_bytes, tensor.offset_bytes)
        rows = raw.reshape(*tensor.shape[:-1], -1)
        if tensor.type == GGMLQuantizationType.BF16:
            return rows.view(ml_dtypes.bfloat16)
        # A damaged block may scale to infinity; `parameters` names the tensor that does.
        with np.errstate(all="ignore"):
            return gguf.dequantize(rows, tensor.type)


class _Header:
    """Reads forward through the header; every read is checked against the file's end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._offset = 0

    def counts(self) -> tuple[int, int]:
        """Of tensors and of metadata fields."""
        magic = self.take(4)
        if magic != b"GGUF":
            raise ModelInputError(
                f"{self._path} is not a GGUF file (it starts with {magic!r}): pass a .gguf file "
                "as published."
            )
        version = self.integer("I")
        if version not in (2, 3):
            raise ModelInputError(
                f"{self._path} is GGUF version {version} or big-endian; versions 2 and 3, "
                "little-endian, are read: convert the model again with a current llama.cpp."
            )
        return self.integer("Q"), self.integer("Q")

    def take(self, count_bytes: int) -> bytes:
        end = self._offset + count_bytes
        if end > len(self._data):
            raise self._damaged("ends inside its header (truncated)")
        taken = self._data[self._offset : end]
        self._offset = end
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
            raise self._damaged(f"holds text before byte {self._offset} not in UTF-8") from error

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
        raise self._damaged(f"has a metadata field of unknown type {kind}")

    def tensors(self, count: int, alignment: object) -> dict[str, GgufTensor]:
        entries = [self._entry() for _ in range(count)]
        if not isinstance(alignment, int) or alignment <= 0:
            raise self._damaged(f"has 'general.alignment' = {alignment!r}")
        start, table = -(-self._offset // alignment) * alignment, {}
        for name, kind, shape, offset in entries:
            block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
            if not shape or shape[-1] % block:
                raise self._damaged(
                    f"gives tensor '{name}' the shape {list(shape)}, which {kind.name} blocks of "
                    f"{block} values cannot fill"
                )
            tensor = GgufTensor(kind, shape, start + offset, prod(shape) // block * block_bytes)
            if tensor.offset_bytes + tensor.size_bytes > len(self._data):
                raise self._damaged(f"ends inside tensor '{name}' (truncated)")
            table[name] = tensor
        return table

    def _entry(self) -> tuple[str, GGMLQuantizationType, tuple[int, ...], int]:
        name, dimensions = self.text(), self.integer("I")
        if dimensions > _MAX_DIMENSIONS:
            raise self._damaged(f"gives tensor '{name}' {dimensions} axes")
        shape = tuple(self.integer("Q") for _ in range(dimensions))[::-1]
        number, offset = self.integer("I"), self.integer("Q")
        names = {kind.value: kind.name for kind in GGMLQuantizationType}
        kind = names.get(number, f"unknown type {number}")
        if kind not in READABLE_TYPES:
            raise ModelInputError(
                f"{self._path} holds tensor '{name}' as {kind}, which is not read: use a file of "
                f"{', '.join(READABLE_TYPES)}."
            )
        return name, GGMLQuantizationType[kind], shape, offset

    def _damaged(self, problem: str) -> ModelInputError:
        return ModelInputError(f"{self._path} {problem}: the file is damaged, fetch it again.")


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
