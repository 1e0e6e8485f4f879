"""Tensors of a safetensors file, or of the shards that an index lists."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from ..config import ModelInputError
from ..input_files import is_regular_file
from .hf_config import read_json
from .layout import NamedTensor

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("*.bin", "*.pt", "*.pth")
_READABLE = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}


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


def read_safetensors(paths: list[Path]) -> Iterator[NamedTensor]:
    """Yield (name, array) from each file in turn, float16 widened to float32."""
    for path in paths:
        with opened(path) as file:
            for name in file.keys():  # noqa: SIM118 - the handle is no mapping
                kind = file.get_slice(name).get_dtype()
                if kind not in _READABLE:
                    raise ModelInputError(
                        f"{path} holds tensor '{name}' as {kind}, which is not read: "
                        f"use a model in {', '.join(_READABLE)}."
                    )
                tensor = file.get_tensor(name)
                yield name, tensor.astype(np.float32) if kind == "F16" else tensor


def has_own_head(paths: list[Path]) -> bool:
    """Whether there is an output head that is not the embedding again. transformers 5 then uses it,
    whatever a flag in config.json says of tying the two."""
    with ExitStack() as stack:
        tables = {}
        for file in [stack.enter_context(opened(path)) for path in paths]:
            for name in {"lm_head.weight", "model.embed_tokens.weight"} & set(file.keys()):
                tables[name] = file.get_slice(name)
        if len(tables) < 2:
            return False
        head, embedding = tables["lm_head.weight"], tables["model.embed_tokens.weight"]
        shape = head.get_shape()
        same_kind = (shape, head.get_dtype()) == (embedding.get_shape(), embedding.get_dtype())
        if not same_kind or len(shape) != 2:
            return True
        starts = range(0, shape[0], _BLOCK_ROWS)
        blocks = [slice(start, min(start + _BLOCK_ROWS, shape[0])) for start in starts]
        return any(head[rows].tobytes() != embedding[rows].tobytes() for rows in blocks)


_BLOCK_ROWS = 4096


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
