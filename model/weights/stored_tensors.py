"""The tensors of a model's files, each as it is stored: plain, or quantised in several parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..config import ModelInputError
from .host_memory import require_memory
from .quantisation import Quantisation, Scheme
from .quantised_formats import Blocks
from .safetensors import FileTensor

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
    schemes: tuple[Scheme, ...] = ()

    @property
    def first(self) -> FileTensor:
        """The plain tensor itself, or the codes."""
        return next(iter(self.parts.values()))

    def blocks(self) -> Blocks:
        """The codes and scales of a quantised tensor, [..., out, in]. Raises ModelInputError where
        its parts do not fit together, or leave too little memory to unpack them."""
        size_bytes = self.first.size_bytes
        require_memory(4 * size_bytes, f"unpacking tensor '{self.name}'")
        arrays = {end: part.array() for end, part in self.parts.items()}
        problems = []
        for scheme in self.schemes:
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
    table: Mapping[str, FileTensor], quantisation: Quantisation | None
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


def _holds_codes(scheme: Scheme, name: str, tensor: FileTensor) -> bool:
    codes = scheme.layout.codes
    return name.endswith(codes) and tensor.kind in scheme.layout.needed[codes]


def _require_parts(name: str, scheme: Scheme, parts: Mapping[str, FileTensor]) -> None:
    """Raise ModelInputError for a part that is missing or has a dtype that it cannot have."""
    layout = scheme.layout
    for end in layout.needed.keys() - parts.keys():
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


def _plain(name: str, tensor: FileTensor, quantisation: Quantisation | None) -> FileTensor:
    """`tensor` itself. Raises ModelInputError for one that is not of floats as they are."""
    if tensor.kind in _PLAIN:
        return tensor
    said = f"says {quantisation}" if quantisation else "has no 'quantization_config'"
    raise ModelInputError(
        f"{tensor.path} holds tensor '{name}' as {tensor.kind}, which is not read: config.json "
        f"{said}. Use a model in {', '.join(_PLAIN)}, or the publisher's own config.json."
    )
