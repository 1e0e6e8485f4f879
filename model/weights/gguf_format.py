"""The GGUF container: header, metadata, tensor table, and tensors dequantised on demand.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
Read here rather than with `gguf.GGUFReader`, which takes seconds for a vocabulary and does not
notice a truncated file; the block formats are the gguf package's.
"""

import mmap
import re
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType

from ..config import ModelInputError
from ..input_files import is_regular_file

READABLE_TYPES = (
    "F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
    "Q6_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS",
    "TQ1_0", "TQ2_0", "MXFP4",
)  # fmt: skip
"""All that the gguf package dequantises by the tensor alone."""

_SCALARS = dict(zip((*range(8), 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""Type of a metadata value -> its code in `struct`."""

_STRING, _ARRAY = 8, 9
_MAX_DIMENSIONS = 4
_MOST_ITEMS = 10_000_000  # of a list, of fields and of tensors: far more than any model has
_TYPES = {kind.value: kind for kind in gguf.GGML_QUANT_SIZES}


@dataclass(frozen=True)
class GgufTensor:
    """One entry of a tensor table; `shape` is row-major (the file lists it reversed)."""

    type: GGMLQuantizationType
    shape: tuple[int, ...]
    offset_bytes: int
    size_bytes: int
    data: mmap.mmap  # of the file that holds it


class GgufFile:
    """An opened GGUF with all its parts: `metadata` by key, `tensors` by the file's own names.

    A split one is opened by any of its parts (NAME-00001-of-00003.gguf), of which the first holds
    the metadata.
    """

    def __init__(self, path: Path) -> None:
        """Read the headers; `ModelInputError` if a file is missing, damaged or unreadable."""
        self.path, count = _first_part(path)
        if self.path != path:
            self._require_part(1, count)
        self.metadata, self.tensors = _read(self.path)
        stated = self.metadata.get("split.count", count)
        if type(stated) is not int or not 0 <= stated <= _MOST_PARTS:
            raise _damaged(self.path, f"has 'split.count' = {stated!r}")
        if stated > 1 and count != stated:
            raise ModelInputError(
                f"{self.path} is one of {stated} parts, and is not called so: keep the names "
                f"that they were published with, NAME-00001-of-{stated:05d}.gguf and so on."
            )
        for number in range(2, stated + 1):
            self._add(number, stated)
        whole = self.metadata.get("split.tensors.count", len(self.tensors))
        if whole != len(self.tensors):
            raise _damaged(
                self.path, f"has {len(self.tensors)} tensors of {whole} in all its parts"
            )

    def _add(self, number: int, count: int) -> None:
        part = self._require_part(number, count)
        metadata, tensors = _read(part)
        place = (metadata.get("split.no", number - 1), metadata.get("split.count", count))
        if place != (number - 1, count):
            raise _damaged(part, f"says it is part {place[0]!r} (from 0) of {place[1]!r}")
        for name in tensors.keys() & self.tensors.keys():
            raise _damaged(part, f"holds tensor '{name}', as another part does")
        self.tensors |= tensors

    def _require_part(self, number: int, count: int) -> Path:
        part = _part(self.path, number, count)
        if not is_regular_file(part):
            raise ModelInputError(
                f"{part} is missing, part {number} of the {count} that this model was split into: "
                "fetch it too."
            )
        return part

    def require_readable(self) -> None:
        """Raise `ModelInputError` for a tensor of a type that `array` does not read."""
        for name, tensor in self.tensors.items():
            if tensor.type.name not in READABLE_TYPES:
                raise ModelInputError(
                    f"{self.path} holds tensor '{name}' as {tensor.type.name}, which is not read: "
                    f"use a file of {', '.join(READABLE_TYPES)}."
                )

    def array(self, name: str) -> np.ndarray:
        """The tensor `name` as float32, or bfloat16 where the file holds that."""
        tensor = self.tensors[name]
        raw = np.frombuffer(tensor.data, np.uint8, tensor.size_bytes, tensor.offset_bytes)
        rows = raw.reshape(*tensor.shape[:-1], -1)
        if tensor.type == GGMLQuantizationType.BF16:
            return rows.view(ml_dtypes.bfloat16)
        # A damaged block may scale to infinity; `parameters` names the tensor that does.
        with np.errstate(all="ignore"):
            return gguf.dequantize(rows, tensor.type)


_PART = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})")
_MOST_PARTS = 1000


def _first_part(path: Path) -> tuple[Path, int]:
    """The file that holds the metadata, and of how many parts it is one by its name."""
    match = _PART.fullmatch(path.stem)
    if match is None:
        return path, 1
    count = int(match[3])
    return _part(path, 1, count), count


def _part(path: Path, number: int, count: int) -> Path:
    match = _PART.fullmatch(path.stem)
    assert match is not None
    return path.with_name(f"{match[1]}-{number:05d}-of-{count:05d}{path.suffix}")


def _read(path: Path) -> tuple[dict[str, object], dict[str, GgufTensor]]:
    """Metadata and tensor table of one file."""
    data = _mapped(path)
    header = _Header(data, path)
    tensor_count, field_count = header.counts()
    metadata: dict[str, object] = {}
    for _ in range(field_count):
        key = header.text()
        metadata[key] = header.value(header.integer("I"))
    return metadata, header.tensors(tensor_count, metadata.get("general.alignment", 32))


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
        tensors, fields = self.integer("Q"), self.integer("Q")
        if max(tensors, fields) > _MOST_ITEMS:
            raise self._damaged(f"says it has {tensors:,} tensors and {fields:,} fields")
        return tensors, fields

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
            if count > _MOST_ITEMS:
                raise self._damaged(f"has a metadata field of {count:,} values")
            if kind == _STRING:
                return [self.text() for _ in range(count)]
            if kind in _SCALARS:
                taken = self.take(count * struct.calcsize(_SCALARS[kind]))
                return np.frombuffer(taken, "<" + _SCALARS[kind]).tolist()
        raise self._damaged(f"has a metadata field of unknown type {kind}")

    def tensors(self, count: int, alignment: object) -> dict[str, GgufTensor]:
        entries = [self._entry() for _ in range(count)]
        if type(alignment) is not int or not 0 < alignment <= 1 << 20:
            raise self._damaged(f"has 'general.alignment' = {alignment!r}")
        start, table = -(-self._offset // alignment) * alignment, {}
        for name, kind, shape, offset in entries:
            block, block_bytes = gguf.GGML_QUANT_SIZES[kind]
            if not shape or 0 in shape or shape[-1] % block:
                raise self._damaged(
                    f"gives tensor '{name}' the shape {list(shape)}, which {kind.name} blocks of "
                    f"{block} values cannot fill"
                )
            size = prod(shape) // block * block_bytes
            if start + offset + size > len(self._data):
                raise self._damaged(f"ends inside tensor '{name}' (truncated)")
            if name in table:
                raise self._damaged(f"gives tensor '{name}' twice")
            table[name] = GgufTensor(kind, shape, start + offset, size, self._data)
        return table

    def _entry(self) -> tuple[str, GGMLQuantizationType, tuple[int, ...], int]:
        name, dimensions = self.text(), self.integer("I")
        if dimensions > _MAX_DIMENSIONS:
            raise self._damaged(f"gives tensor '{name}' {dimensions} axes")
        shape = tuple(self.integer("Q") for _ in range(dimensions))[::-1]
        number, offset = self.integer("I"), self.integer("Q")
        kind = _TYPES.get(number)
        if kind is None:
            raise ModelInputError(
                f"{self._path} holds tensor '{name}' as type {number}, which is not known here: "
                "it is damaged or newer than this reader, fetch it again or in another type."
            )
        return name, kind, shape, offset

    def _damaged(self, problem: str) -> ModelInputError:
        return _damaged(self._path, problem)


def _damaged(path: Path, problem: str) -> ModelInputError:
    return ModelInputError(f"{path} {problem}: the file is damaged, fetch it again.")


def _mapped(path: Path) -> mmap.mmap:
    if path.exists() and not is_regular_file(path):
        raise ModelInputError(f"{path} is no regular file: pass a .gguf file as published.")
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ModelInputError(
            f"{path} cannot be read ({error.strerror}): check the path."
        ) from error
    except ValueError as error:
        raise ModelInputError(f"{path} is empty: fetch the GGUF file again.") from error
