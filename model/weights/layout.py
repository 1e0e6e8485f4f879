"""From public tensors in any file format to the stacked arrays that the transformer takes.

`WeightSource` gives the tensors one at a time; `placements` says where each belongs, by its
Hugging Face name. Axis letters are those of `config.py`. A public projection is [out, in] and ours
[in, out]; its query head n is (k, g) = (n // G, n % G), as Hugging Face's `repeat_kv` pairs them,
which is the order of heads side by side in Q.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np

from ..config import DType, ModelConfig, ModelInputError
from ..tokenizer import Tokenizer
from .host_memory import require_memory

if TYPE_CHECKING:
    from .quantisation import StoredWeights

NamedTensor = tuple[str, np.ndarray]


@dataclass(frozen=True)
class WeightSource:
    """An opened model: its configuration, its tokenizer, and its tensors read on demand.

    `description` says for a profile's provenance which file the weights were.
    """

    config: ModelConfig
    tokenizer: Tokenizer
    description: str
    tensors: Callable[[], Iterator[NamedTensor]]
    """Yields (public Hugging Face name, array) one at a time, projections as [out, in]. Arrays are
    float32, or ml_dtypes.bfloat16 where the file holds that; each is read when the iterator reaches
    it. Raises ModelInputError for what the file cannot give."""
    stored: "StoredWeights | None" = None
    """None where the files are as wide as what is computed in."""


@dataclass(frozen=True)
class Placement:
    """One public tensor's way into a stacked array: `array[index]`, of the public `shape`."""

    array: str
    index: tuple[int, ...]
    shape: tuple[int, ...]
    transposed: bool = False


_TOP = {
    "model.embed_tokens.weight": "embedding", "model.norm.weight": "final_norm",
    "lm_head.weight": "head",
}  # fmt: skip
_BLOCK = {
    "input_layernorm.weight": "attention_norm", "post_attention_layernorm.weight": "mlp_norm",
    "self_attn.q_proj.weight": "query", "self_attn.q_proj.bias": "query_bias",
    "self_attn.k_proj.weight": "key", "self_attn.k_proj.bias": "key_bias",
    "self_attn.v_proj.weight": "value", "self_attn.v_proj.bias": "value_bias",
    "self_attn.q_norm.weight": "query_norm", "self_attn.k_norm.weight": "key_norm",
    "self_attn.o_proj.weight": "output", "mlp.gate_proj.weight": "gate",
    "mlp.up_proj.weight": "up", "mlp.down_proj.weight": "down",
}  # fmt: skip
"""Public tensor of a layer -> array under `blocks`."""


def placements(config: ModelConfig) -> dict[str, Placement]:
    """Every public tensor that a model of `config` has, by name."""
    shapes = config.parameter_shapes

    def place(array: str, *index: int) -> Placement:
        ours = shapes[array][len(index) :]
        turned = len(ours) == 2 and array != "embedding"
        return Placement(array, index, ours[::-1] if turned else ours, transposed=turned)

    placed = {public: place(array) for public, array in _TOP.items() if array in shapes}
    for public, array in _BLOCK.items():
        if f"blocks.{array}" in shapes:
            for layer in range(config.layers):
                placed[f"model.layers.{layer}.{public}"] = place(f"blocks.{array}", layer)
    return placed


def parameters(
    config: ModelConfig, tensors: Iterable[NamedTensor], dtype: DType
) -> dict[str, np.ndarray]:
    """The parameter arrays of `config` in `dtype`, by dotted name.

    Each array is allocated when its first tensor comes and is of the right shape, and filled tensor
    by tensor, so beyond the result only one tensor is held. Rotary tables, and an output head that
    repeats a tied embedding, are passed over.

    Raises ModelInputError for too little memory, or a tensor (which is named) that is missing,
    unexpected, given twice, of another shape, or not finite.
    """
    largest_values = max(config.vocab_size, config.mlp_dim) * config.embed_dim
    needed_bytes = config.weight_bytes(dtype) + 2 * 4 * largest_values  # a tensor and its copy
    require_memory(needed_bytes, f"holding the weights of {config.name} in {dtype}")
    wanted = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.float32
    shapes = config.parameter_shapes
    arrays: dict[str, np.ndarray] = {}
    missing = placements(config)
    placed = frozenset(missing)
    for name, tensor in tensors:
        if name not in placed and _harmless(name, config):
            continue
        place = missing.pop(name, None)
        if place is None:
            problem = "is given twice" if name in placed else "has no place in this model"
            raise ModelInputError(
                f"tensor '{name}' {problem} ({config.family}, {config.layers} layers): "
                "the weights and the configuration are not of one model."
            )
        _check(name, tensor, place.shape)
        if place.array not in arrays:
            arrays[place.array] = np.empty(shapes[place.array], wanted)
        arrays[place.array][place.index] = tensor.T if place.transposed else tensor
    if missing:
        raise ModelInputError(
            f"tensor '{next(iter(missing))}' is missing from the weights of {config.name} "
            f"({len(missing)} missing in all): fetch the file again from its publisher."
        )
    return arrays


def _harmless(name: str, config: ModelConfig) -> bool:
    repeats_embedding = name == "lm_head.weight" and config.tied_embeddings
    return repeats_embedding or name.endswith("rotary_emb.inv_freq")


def _check(name: str, tensor: np.ndarray, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise ModelInputError(
            f"tensor '{name}' has shape {list(tensor.shape)}, the configuration says "
            f"{list(shape)}: the weights and the configuration are not of one model."
        )
    with np.errstate(invalid="ignore"):  # bfloat16 warns of a NaN that signals
        finite = np.isfinite(tensor)
    if not finite.all():
        bad = prod(shape) - int(finite.sum())
        raise ModelInputError(
            f"tensor '{name}' holds {bad} values that are not finite: the file is damaged, "
            "fetch it again from its publisher."
        )
