"""Tensors of a safetensors file, or of the shards that an index lists."""

import json
import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from ..config import ModelInputError
from ..input_files import is_regular_file
from .hf_config import read_json

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth")
DTYPES = {
    name: np.dtype(kind)
    for name, kind in {
        "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
        "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E8M0": ml_dtypes.float8_e8m0fnu,
        "U8": np.uint8, "I8": np.int8, "I32": np.int32, "I64": np.int64,
    }.items()
}  # fmt: skip
"""By the names of safetensors, of which the library gives NumPy those of fp8 not at all."""


def safetensors_files(folder: Path) -> list[Path]:
    """The weight files of `folder`, all present; `ModelInputError` names the one that is not."""
    index = folder / _INDEX
    if is_regular_file(index):
        return _shards(index)
    if is_regular_file(folder / _SINGLE):
        return [folder / _SINGLE]
    if any(any(folder.glob(pattern)) for pattern in _PICKLED):
        raise ModelInputError(
            f"{folder} holds its weights as .bin or .pt files, which can run code when opened and "
            "are never read: convert them to safetensors."
        )
    raise ModelInputError(
        f"{folder} holds neither {_SINGLE} nor {_INDEX}: pass the folder of a whole model, or "
        "--weights none for its costs alone."
    )


@dataclass(frozen=True)
class FileTensor:
    """One entry of a file's header."""

    path: Path
    kind: str  # as safetensors calls its dtype
    shape: tuple[int, ...]
    offset_bytes: int
    data: mmap.mmap  # of the file

    @property
    def size_bytes(self) -> int:
        """Of its values."""
        return prod(self.shape) * DTYPES[self.kind].itemsize

    def array(self) -> np.ndarray:
        """The tensor as it is stored, a view of the file."""
        dtype, count = DTYPES[self.kind], prod(self.shape)
        return np.frombuffer(self.data, dtype, count, self.offset_bytes).reshape(self.shape)


def tensor_table(paths: Iterable[Path]) -> dict[str, FileTensor]:
    """Every tensor of these files by name. Raises ModelInputError for a file that is damaged, a
    name that two of them have, or a dtype that is not known here."""
    table: dict[str, FileTensor] = {}
    for path in paths:
        with opened(path), path.open("rb") as file:  # the library has checked the header then
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        for name, entry in header.items():
            if entry["dtype"] not in DTYPES:
                raise ModelInputError(
                    f"{path} holds tensor '{name}' as {entry['dtype']}, which is not read: use a "
                    "model in F32, F16 or BF16."
                )
            if name in table:
                raise ModelInputError(f"{path} holds tensor '{name}', as another file does.")
            offset = start + entry["data_offsets"][0]
            table[name] = FileTensor(path, entry["dtype"], tuple(entry["shape"]), offset, data)
    return table


@contextmanager
def opened(
    path: Path, damage: str = "damaged or truncated", advice: str = "fetch it again."
) -> Iterator[safe_open]:
    """The safetensors file at `path`. Raises ModelInputError, which says `damage` and `advice`,
    where it cannot be opened or read."""
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ModelInputError(f"{path} is {damage} ({error}): {advice}") from error


def _shards(index: Path) -> list[Path]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelInputError(f"{index} has no 'weight_map': fetch the file again.")
    paths = []
    for name in sorted(set(map(str, weight_map.values()))):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelInputError(
                f"{index} names the shard '{name}': only .safetensors files beside it are read."
            )
        path = index.with_name(name)
        if not is_regular_file(path):
            raise ModelInputError(
                f"{path} is missing, which {index.name} lists as a shard: fetch it too."
            )
        paths.append(path)
    return paths
