"""From public tensors in any file format to the stacked arrays that the transformer takes.

`WeightSource` gives the tensors one at a time; `placements` says where each belongs, by its
Hugging Face name. Axis letters are those of `config.py`. A public projection is [out, in] and ours
[in, out]; its query head n is (k, g) = (n // G, n % G), as Hugging Face's `repeat_kv` pairs them,
which is the order of heads side by side in Q. Where a family publishes otherwise than Llama (other
names of norms, projections fused into one tensor, rotary pairs side by side) is said here too.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
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
    folder: Path | None = None
    """Of config.json and safetensors, where the model is one."""


@dataclass(frozen=True)
class Placement:
    """One public tensor's way into a stacked array: `array[index]`, of the public `shape`."""

    array: str
    index: tuple[int, ...]
    shape: tuple[int, ...]
    transposed: bool = False


_TOP = {
    "model.embed_tokens.weight": "embedding", "model.norm.weight": "final_norm",
    "model.norm.bias": "final_norm_bias", "lm_head.weight": "head",
}  # fmt: skip
_BLOCK = {
    "self_attn.q_proj": "query", "self_attn.k_proj": "key", "self_attn.v_proj": "value",
    "self_attn.q_a_proj": "query_down", "self_attn.q_b_proj": "query_up",
    "self_attn.q_a_layernorm": "query_rank_norm", "self_attn.kv_a_layernorm": "latent_norm",
    "self_attn.kv_a_proj_with_mqa": "latent",
    "self_attn.k_b_proj": "key_up", "self_attn.v_b_proj": "value_up",
    "self_attn.o_proj": "output", "mlp.gate_proj": "gate", "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}  # fmt: skip
"""Public projection of a layer -> array under its stack; its bias is '..._bias'."""


def placements(config: ModelConfig) -> dict[str, Placement]:
    """Every public tensor that a model of `config` has, by name, projections of their own."""
    shapes = config.parameter_shapes

    def place(array: str, *index: int) -> Placement:
        ours = shapes[array][len(index) :]
        kept = array == "embedding" or array.endswith(
            ("bias", "sinks")
        )  # lie as they are published
        turned = len(ours) == 2 and not kept
        return Placement(array, index, ours[::-1] if turned else ours, transposed=turned)

    placed = {public: place(array) for public, array in _TOP.items() if array in shapes}
    whole = config.style.norms_all_heads
    heads = {
        "self_attn.q_norm": "queries_norm" if whole else "query_norm",
        "self_attn.k_norm": "keys_norm" if whole else "key_norm",
    }
    named = {"self_attn.sinks": "sinks"}
    queries = {"self_attn.q_proj": "latent_query"} if config.latent_dim else {}
    for public, array in {**norm_names(config), **heads, **_BLOCK, **queries}.items():
        named |= {f"{public}.weight": array, f"{public}.bias": f"{array}_bias"}
    parts = {name: (f"blocks.{array}", None) for name, array in named.items()}
    experts = {name: (f"experts.{array}", e) for name, (array, e) in expert_names(config).items()}
    for name, (array, expert) in {**parts, **experts}.items():
        kind, _, own = array.partition(".")
        for stack, layers in config.stacks.items():
            if (ours := f"{stack.replace('blocks', kind)}.{own}") in shapes:
                within = () if expert is None else (expert,)
                placed |= {
                    f"model.layers.{layer}.{name}": place(ours, index, *within)
                    for index, layer in enumerate(layers)
                }
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
    for name, tensor in unfused(config, tensors):
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
    layer = re.match(r"model\.layers\.(\d+)\.", name)
    predicts_later = config.mtp_layers and layer and int(layer[1]) >= config.layers
    return repeats_embedding or bool(predicts_later) or name.endswith("rotary_emb.inv_freq")


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


_BEFORE = {"input_layernorm": "attention_norm", "post_attention_layernorm": "mlp_norm"}
_RESULT = {
    "post_attention_layernorm": "attention_result_norm",
    "post_feedforward_layernorm": "mlp_result_norm",
}
_BOTH = {**_RESULT, "input_layernorm": "attention_norm", "pre_feedforward_layernorm": "mlp_norm"}
_GLM4 = {
    **_BEFORE,
    "post_self_attn_layernorm": "attention_result_norm",
    "post_mlp_layernorm": "mlp_result_norm",
}


def norm_names(config: ModelConfig) -> dict[str, str]:
    """Public name of each norm of a layer -> ours."""
    if config.family == "glm4":
        return _GLM4
    return {"before": _BEFORE, "result": _RESULT, "both": _BOTH}[config.style.norm_places]


EXPERTS = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"}
_ROUTER = {"router": "gate.weight", "router_bias": "gate.bias",
           "correction": "gate.e_score_correction_bias"}  # fmt: skip
_MIXTRAL = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}
_RENAMED = {
    "block_sparse_moe": "mlp", ".mlp.router.": ".mlp.gate.",
    **{f".{theirs}.weight": f".{ours}.weight" for theirs, ours in _MIXTRAL.items()},
}  # fmt: skip


def expert_names(config: ModelConfig) -> dict[str, tuple[str, int | None]]:
    """Public names of the tensors of a layer's mixture, as Qwen3's -> (ours, the number of the
    expert where a tensor is one expert's)."""
    shapes = config.expert_shapes
    names: dict[str, tuple[str, int | None]] = {}
    names |= {f"mlp.{public}": (ours, None) for ours, public in _ROUTER.items() if ours in shapes}
    for ours, public in EXPERTS.items():
        if config.family == "gpt_oss":
            names[f"mlp.experts.{public}"] = (ours, None)
            names[f"mlp.experts.{public}_bias"] = (f"{ours}_bias", None)
            continue
        for number in range(config.experts):
            names[f"mlp.experts.{number}.{public}.weight"] = (ours, number)
        if f"shared_{ours}" in shapes:
            names[f"mlp.shared_experts.{public}.weight"] = (f"shared_{ours}", None)
    return names


def unfused(config: ModelConfig, tensors: Iterable[NamedTensor]) -> Iterator[NamedTensor]:
    """`tensors` as Llama's are: one for each projection, rotary pairs in two halves of a head."""
    H = config.head_dim
    queries, keys = config.query_heads * H, config.kv_heads * H
    parts = {
        "qkv_proj": {"q_proj": queries, "k_proj": keys, "v_proj": keys},
        "gate_up_proj": {"gate_proj": config.mlp_dim, "up_proj": config.mlp_dim},
    }
    heads = {"q_proj": config.query_heads, "k_proj": config.kv_heads}
    rotated = config.rotary_dim or H
    for published, tensor in tensors:
        name = published
        for theirs, ours in _RENAMED.items():
            name = name.replace(theirs, ours)
        if ".experts.gate_up_proj" in name:  # gpt-oss: columns of both in turn
            yield name.replace("gate_up", "gate"), tensor[..., ::2]
            yield name.replace("gate_up", "up"), tensor[..., 1::2]
            continue
        if name.endswith(".sinks"):
            yield name, tensor.reshape(config.kv_heads, -1)
            continue
        if config.latent_dim and ".self_attn." in name:
            yield from _of_latents(config, name, tensor)
            continue
        path, _, kind = name.rpartition(".")
        stem, _, projection = path.rpartition(".")
        if projection in parts:
            rows = parts[projection]
            _require_rows(name, tensor, sum(rows.values()))
            ends = np.cumsum([*rows.values()])[:-1]
            for part, piece in zip(rows, np.split(tensor, ends), strict=True):
                yield f"{stem}.{part}.{kind}", piece
        elif config.style.adjacent_pairs and projection in heads:
            _require_rows(name, tensor, heads[projection] * H)
            yield name, in_halves(tensor, heads[projection], rotated)
        else:
            yield name, tensor


def _of_latents(config: ModelConfig, name: str, tensor: np.ndarray) -> Iterator[NamedTensor]:
    """A tensor of latent attention: what makes keys [G, H, Z] and values [G, Z, O] of latents
    apart, and rotary pairs in two halves of the last rows of each head that they are of."""
    N, R, Z = config.query_heads, config.rotated_dim, config.latent_dim
    H, values = config.head_dim, config.value_head_dim or config.head_dim
    heads = {".q_proj.weight": (N, H), ".q_b_proj.weight": (N, H),
             ".kv_a_proj_with_mqa.weight": (1, Z)}  # fmt: skip
    end = next((end for end in heads if name.endswith(end)), None)
    if name.endswith(".kv_b_proj.weight"):
        _require_rows(name, tensor, N * (H + values))
        both = tensor.reshape(N, H + values, -1)
        yield name.replace(".kv_b_proj", ".k_b_proj"), both[:, :H]
        yield name.replace(".kv_b_proj", ".v_b_proj"), both[:, H:].swapaxes(1, 2)
    elif end is None or not config.style.adjacent_pairs:
        yield name, tensor
    else:
        count, before = heads[end]
        _require_rows(name, tensor, count * (before + R))
        yield name, in_halves(tensor, count, R, before)


def in_halves(tensor: np.ndarray, heads: int, rotated: int, before: int = 0) -> np.ndarray:
    """Rows [heads * H, ...] of each head, of which `rotated` behind the first `before` are adjacent
    rotary pairs: those as two halves, the first of each pair and then the second."""
    by_head = tensor.reshape(heads, -1, *tensor.shape[1:])
    first, pairs, rest = np.split(by_head, [before, before + rotated], axis=1)
    pairs = pairs.reshape(heads, -1, 2, *tensor.shape[1:])
    halves = pairs.swapaxes(1, 2).reshape(heads, rotated, *tensor.shape[1:])
    return np.concatenate((first, halves, rest), axis=1).reshape(tensor.shape)


def _require_rows(name: str, tensor: np.ndarray, rows: int) -> None:
    if tensor.shape[0] != rows:
        raise ModelInputError(
            f"tensor '{name}' has {tensor.shape[0]} rows, the configuration says {rows}: the "
            "weights and the configuration are not of one model."
        )
