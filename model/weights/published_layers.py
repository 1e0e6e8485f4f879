"""What a config.json says of layers that differ: linear attention, windows of some, layers of one
part. Defaults are those of transformers' configuration classes (5.24).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..config import ModelInputError
from .hf_config import Fields, count_of, unsupported

GivenSizes = dict[str, Any]
"""Sizes of an Architecture by name, those that a file gives."""


def latent_attention(described: Fields, layers: int) -> GivenSizes:
    """Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1), and the index of
    positions that DeepSeek-V3.2 and GLM-5 attend to."""
    plain, value = described.integer("qk_nope_head_dim", 128), described.integer("v_head_dim", 128)
    rank = 0 if "q_lora_rank" in described else 1536
    return {
        "latent_dim": described.integer("kv_lora_rank", 512),
        "rotated_dim": described.integer("qk_rope_head_dim", 64),
        "head_dim": plain,
        "value_head_dim": value if value != plain else None,
        "query_rank": count_of(described, "q_lora_rank", rank),
    } | _index(described, layers)


def _index(described: Fields, layers: int) -> GivenSizes:
    """Nothing where every position is attended to. Layers that are listed as sharing the index of
    one before them have none of their own (GLM-5.2)."""
    if described.get("index_topk") is None:
        return {}
    types = described.get("indexer_types")
    own = types.count("full") if isinstance(types, list) else layers
    return {
        "index_heads": described.integer("index_n_heads", 64),
        "index_dim": described.integer("index_head_dim", 128),
        "index_positions": described.integer("index_topk"),
        "index_layers": own,
    }


def delta_net(described: Fields, layers: int) -> GivenSizes:
    """Gated delta nets in all but every so many layers, whose attention is gated (Qwen3-Next)."""
    if described.get("layer_types") is not None:
        linear = layer_types(described, layers)["linear_attention"]
    else:
        linear = layers - layers // described.integer("full_attention_interval", 4)
    if not 0 < linear < layers:
        raise unsupported(described.where, f"has {linear} linear layers of {layers}", "some are")
    return {
        "gated_attention": described.flag("attn_output_gate", True),
        "linear_layers": linear,
        "linear_key_heads": described.integer("linear_num_key_heads", 16),
        "linear_value_heads": described.integer("linear_num_value_heads", 32),
        "linear_key_dim": described.integer("linear_key_head_dim", 128),
        "linear_value_dim": described.integer("linear_value_head_dim", 128),
        "linear_conv": described.integer("linear_conv_kernel_dim", 4),
    }


def llama4(described: Fields, layers: int) -> GivenSizes:
    """Experts in every so many layers with a shared one as wide, chunks of attention in those that
    rotate."""
    step = described.integer("interleave_moe_layer_step", 1)
    mixed = _whole_numbers(described, "moe_layers", list(range(step - 1, layers, step)))
    every = described.integer("no_rope_layer_interval", 4)
    rotating = [int((i + 1) % every != 0) for i in range(layers)]
    rotating = _whole_numbers(described, "no_rope_layers", rotating) or rotating
    chunk = count_of(described, "attention_chunk_size", 8192)
    if len(rotating) < layers:
        raise ModelInputError(f"{described.where} has 'no_rope_layers' for fewer than {layers}.")
    windowed = sum(rotating[:layers]) if chunk else 0
    dense = layers - len(set(mixed) & set(range(layers)))
    return {
        "shared_mlp_dim": described.integer("intermediate_size"),
        "dense_layers": dense,
        "dense_mlp_dim": described.integer("intermediate_size_mlp", 16384) if dense else 0,
        "window": chunk if windowed else None,
        "windowed_share": windowed / layers,
    }


def gemma4(described: Fields, layers: int) -> GivenSizes:
    """Wider heads in layers without a window, whose values may be their keys; an MLP beside any
    experts."""
    for key in ("num_kv_shared_layers", "hidden_size_per_layer_input"):
        default = 256 if key == "hidden_size_per_layer_input" and key not in described else 0
        if count_of(described, key, default):
            raise unsupported(described.where, f"has '{key}'", "describe it in a .toml file")
    shared = described.flag("attention_k_eq_v", False)
    full_heads = described.get("num_global_key_value_heads") if shared else None
    sizes: GivenSizes = {
        "full_head_dim": described.integer("global_head_dim", 512),
        "full_kv_heads": None if full_heads is None else described.integer(
            "num_global_key_value_heads"),
        "full_values_are_keys": shared,
    }  # fmt: skip
    if described.flag("enable_moe_block", False):
        sizes |= {
            "mlp_dim": described.integer("moe_intermediate_size"),
            "experts": described.integer("num_experts"),
            "active_experts": described.integer("top_k_experts"),
            "shared_mlp_dim": described.integer("intermediate_size"),
        }
    return sizes


_PATTERN = {"M": "linear_attention", "*": "full_attention", "-": "mlp", "E": "moe"}
_OLDER = {"mamba": "linear_attention", "attention": "full_attention"}


def nemotron_h(described: Fields, layers: int) -> GivenSizes:
    """Each layer is Mamba-2, attention, an MLP or experts; neither of the last two is gated."""
    kinds = _one_part_layers(described)
    if sum(kinds.values()) != layers:
        raise ModelInputError(
            f"{described.where} describes {sum(kinds.values())} of {layers} layers."
        )
    mlps = kinds["mlp"] + kinds["moe"]
    if not mlps or not kinds["linear_attention"] or not kinds["full_attention"]:
        raise unsupported(
            described.where, "lacks a kind of layer", "Mamba-2, attention and MLPs are"
        )
    sizes: GivenSizes = {
        "head_dim": described.integer("head_dim", described.integer("attention_head_dim", 128)),
        "mlp_only_layers": mlps,
        "linear_layers": kinds["linear_attention"],
        "linear_kind": "mamba2",
        "linear_key_heads": described.integer("n_groups", described.integer("mamba_n_groups", 8)),
        "linear_key_dim": described.integer("ssm_state_size", 128),
        "linear_value_heads": described.integer("mamba_num_heads", 128),
        "linear_value_dim": described.integer("mamba_head_dim", 64),
        "linear_conv": described.integer("conv_kernel", described.integer("mamba_d_conv", 4)),
    }
    if not kinds["moe"]:
        return sizes | {"mlp_dim": described.integer("intermediate_size", 21504)}
    inner = described.get("moe_latent_size")
    return sizes | {
        "mlp_dim": described.integer("moe_intermediate_size", 7688),
        "experts": described.integer("n_routed_experts", 8),
        "active_experts": described.integer("num_experts_per_tok", 2),
        "shared_mlp_dim": count_of(described, "n_shared_experts", 1)
        and described.integer("moe_shared_expert_intermediate_size", 7688),
        "expert_embed_dim": None if inner is None else described.integer("moe_latent_size"),
        "dense_layers": kinds["mlp"],
        "dense_mlp_dim": described.integer("intermediate_size", 21504) if kinds["mlp"] else 0,
    }


def _one_part_layers(described: Fields) -> Counter[str]:
    """How many layers of each kind."""
    if described.get("layers_block_type") is not None:
        return layer_types(described, None, "layers_block_type", _OLDER)
    pattern = described.text("hybrid_override_pattern")
    if set(pattern) - set(_PATTERN):
        raise ModelInputError(
            f"{described.where} has 'hybrid_override_pattern' = {pattern[:40]!r} where letters "
            f"{' '.join(_PATTERN)} belong."
        )
    return Counter(_PATTERN[letter] for letter in pattern)


def layer_types(
    described: Fields,
    layers: int | None,
    key: str = "layer_types",
    other_names: Mapping[str, str] | None = None,
) -> Counter[str]:
    """How many layers of each type a list of them names. Raises ModelInputError for another number
    of them than `layers`, and for a type that is not known."""
    types = described.get(key)
    if not isinstance(types, list) or (layers is not None and len(types) != layers):
        raise ModelInputError(f"{described.where} has '{key}' that are no list of its layers.")
    known = ("full_attention", "linear_attention", "mlp", "moe")
    named = [
        (other_names or {}).get(kind, kind) if isinstance(kind, str) else kind for kind in types
    ]
    odd = next((kind for kind in named if kind not in known), None)
    if odd is not None:
        raise unsupported(described.where, f"has a layer of type {odd!r}", "attention is")
    return Counter(named)


def _whole_numbers(described: Fields, key: str, default: list[int]) -> list[int]:
    """A list of whole numbers."""
    listed = default if described.get(key) is None else described.get(key)
    if not isinstance(listed, list) or not all(type(each) is int for each in listed):
        raise ModelInputError(f"{described.where} has '{key}' that are no whole numbers.")
    return listed
