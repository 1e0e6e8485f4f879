"""Tensors of a safetensors file, or of the shards that an index lists: each as it is stored, plain
or quantised in several parts."""

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from ..config import ModelInputError
from ..input_files import is_regular_file
from .hf_config import read_json
from .host_memory import require_memory

if TYPE_CHECKING:  # loaded for a model that is quantised alone
    from .quantisation import Quantisation, Scheme
    from .quantised_formats import Blocks

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


_PLAIN = ("F32", "F16", "BF16")
_OF_ACTIVATIONS = (
    ".input_scale", ".input_zero_point", ".input_global_scale", ".input_scale_ub",
    ".output_scale", ".output_zero_point", ".activation_scale", ".q_scale", ".k_scale", ".v_scale",
)  # fmt: skip
"""Ends of the names of scales by which engines quantise what is not a weight."""


@dataclass(frozen=True)
class StoredTensor:
    """One public tensor: a plain part, or the parts of a quantised one by the ends of their names,
    with the schemes that they may be of."""

    name: str
    parts: Mapping[str, FileTensor]
    schemes: "tuple[Scheme, ...]" = ()

    @property
    def first(self) -> FileTensor:
        """The plain tensor itself, or the codes."""
        return next(iter(self.parts.values()))

    def blocks(self) -> "Blocks":
        """The codes and scales of a quantised tensor, [..., out, in]. Raises ModelInputError where
        its parts do not fit together, or leave too little memory to unpack them."""
        require_memory(4 * self.first.size_bytes, f"unpacking tensor '{self.name}'")
        arrays = {end: part.array() for end, part in self.parts.items()}
        empty = [end for end, array in arrays.items() if not array.size]
        problems = [ValueError(f"has an empty '{end}'") for end in empty]
        for scheme in () if empty else self.schemes:
            try:
                return scheme.unpacked(arrays)
            except ValueError as error:
                problems.append(error)
        raise ModelInputError(
            f"{self.first.path} tensor '{self.name}' {problems[0]} ({self.schemes[0]}): the "
            "weights and config.json are not of one model."
        )

    def values(self) -> np.ndarray:
        """float32, or bfloat16 where the file holds that. Raises as `blocks` does."""
        if not self.schemes:
            plain = self.first.array()
            return plain.astype(np.float32) if self.first.kind == "F16" else plain
        blocks = self.blocks()
        require_memory(4 * blocks.codes.size, f"dequantising tensor '{self.name}'")
        values = blocks.values()
        return values.swapaxes(-1, -2) if self.schemes[0].layout.transposed else values


def stored_tensors(
    table: Mapping[str, FileTensor], quantisation: "Quantisation | None"
) -> dict[str, StoredTensor]:
    """Every public tensor of `table` by its name: how it is stored is decided here. Raises
    ModelInputError where a part is missing or of a wrong kind, or a tensor is stored otherwise than
    `quantisation` says."""
    stored, taken = {}, set()
    schemes = quantisation.schemes if quantisation else ()
    for name, tensor in table.items():
        fitting = tuple(scheme for scheme in schemes if _holds_codes(scheme, name, tensor))
        if fitting:
            layout = fitting[0].layout
            stem = name.removesuffix(layout.codes)
            ends = [*layout.needed, *layout.optional]
            parts = {end: table[stem + end] for end in ends if stem + end in table}
            _require_parts(name, fitting[0], parts)
            stored[stem + layout.whole] = StoredTensor(stem + layout.whole, parts, fitting)
            taken |= {stem + end for end in parts}
    if quantisation and not stored:
        raise ModelInputError(
            f"{quantisation.where} says that weights are {quantisation}, and no tensor is stored "
            "so: the weights and config.json are not of one model."
        )
    for name, tensor in table.items():
        if name in taken or (quantisation and name.endswith(_OF_ACTIVATIONS)):
            continue
        if name in stored:
            raise ModelInputError(f"{tensor.path} holds '{name}' twice, quantised and as it is.")
        stored[name] = StoredTensor(name, {"": _plain(name, tensor, quantisation)})
    in_files = sorted(stored.values(), key=lambda each: (each.first.path, each.first.offset_bytes))
    return {each.name: each for each in in_files}


def has_own_head(stored: Mapping[str, StoredTensor]) -> bool:
    """Whether there is an output head that is not the embedding again. transformers 5 then uses it,
    whatever a flag in config.json says of tying the two."""
    tables = [stored.get(name) for name in ("lm_head.weight", "model.embed_tokens.weight")]
    if None in tables:
        return False
    head, embedding = (table.first for table in tables if table is not None)
    if (head.kind, head.shape) != (embedding.kind, embedding.shape) or len(head.shape) != 2:
        return True
    one, other = (table.array().view(np.uint8) for table in (head, embedding))
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(one), _BLOCK_ROWS)]
    return any((one[rows] != other[rows]).any() for rows in blocks)


_BLOCK_ROWS = 4096


def _holds_codes(scheme: "Scheme", name: str, tensor: FileTensor) -> bool:
    codes = scheme.layout.codes
    return name.endswith(codes) and tensor.kind in scheme.layout.needed[codes]


def _require_parts(name: str, scheme: "Scheme", parts: Mapping[str, FileTensor]) -> None:
    """Raise ModelInputError for a part that is missing or has a dtype that it cannot have."""
    layout = scheme.layout
    for end in (end for end in layout.needed if end not in parts):
        raise ModelInputError(
            f"tensor '{name}' lacks its '{end}', which {scheme} needs: fetch the model again, or "
            "config.json and the weights are not of one model."
        )
    for end, kinds in {**layout.needed, **layout.optional}.items():
        if end in parts and parts[end].kind not in kinds:
            raise ModelInputError(
                f"{parts[end].path} holds '{end}' of tensor '{name}' as {parts[end].kind}, where "
                f"{' or '.join(kinds)} belongs."
            )


def _plain(name: str, tensor: FileTensor, quantisation: "Quantisation | None") -> FileTensor:
    """`tensor` itself. Raises ModelInputError for one that is not of floats as they are."""
    if tensor.kind in _PLAIN:
        return tensor
    said = f"says {quantisation}" if quantisation else "has no 'quantization_config'"
    raise ModelInputError(
        f"{tensor.path} holds tensor '{name}' as {tensor.kind}, which is not read: config.json "
        f"{said}. Use a model in {', '.join(_PLAIN)}, or the publisher's own config.json."
    )


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
