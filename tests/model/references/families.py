"""Tiny models of each family, in public terms: a config.json and tensors by public name.

numpy only, so that make_references.py (torch) and the tests (JAX) build the same weights from the
same seeds, and only what the reference says of them is committed.
"""

import zlib
from typing import Any

import numpy as np

VOCAB = 97
TOKENS = 48
"""Length of the sequence whose logits are compared at every position."""
GREEDY_TOKENS = 64

Fields = dict[str, Any]

_COMMON: Fields = {
    "hidden_size": 32,
    "intermediate_size": 56,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": VOCAB,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-3,
    "hidden_act": "silu",
    "attention_bias": False,
    "tie_word_embeddings": True,
    "rope_theta": 100.0,
}

FAMILIES: dict[str, Fields] = {
    "llama-tied": {**_COMMON, "model_type": "llama", "num_attention_heads": 8, "head_dim": 6},
    "llama3-scaled": {
        **_COMMON,
        "model_type": "llama",
        "head_dim": 16,
        "tie_word_embeddings": False,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    },
    "mistral": {
        **_COMMON,
        "model_type": "mistral",
        "num_key_value_heads": 1,
        "head_dim": 10,
        "tie_word_embeddings": False,
        "sliding_window": None,
    },
    "qwen2": {**_COMMON, "model_type": "qwen2", "num_key_value_heads": 4},
    "qwen3": {
        **_COMMON,
        "model_type": "qwen3",
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 12,
        "tie_word_embeddings": False,
    },
}


_MORE: Fields = {**_COMMON, "pad_token_id": 0}

FAMILIES |= {
    "llama-yarn": {
        **_COMMON,
        "model_type": "llama",
        "attention_bias": True,
        "rope_scaling": {
            "rope_type": "yarn",
            "factor": 4.0,
            "beta_fast": 4.0,
            "original_max_position_embeddings": 32,
        },
    },
    "mistral-window": {**_COMMON, "model_type": "mistral", "sliding_window": 10},
    "qwen2-window": {
        **_COMMON,
        "model_type": "qwen2",
        "num_hidden_layers": 4,
        "use_sliding_window": True,
        "sliding_window": 9,
        "max_window_layers": 1,
    },
    "gemma2": {
        **_MORE,
        "model_type": "gemma2",
        "num_hidden_layers": 4,
        "head_dim": 12,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 20,
        "attn_logit_softcapping": 3.0,
        "final_logit_softcapping": 4.0,
        "sliding_window": 7,
    },
    "gemma3": {
        **_MORE,
        "model_type": "gemma3_text",
        "num_hidden_layers": 8,
        "sliding_window": 9,
        "sliding_window_pattern": 3,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 10,
        "rope_theta": 300.0,
        "rope_local_base_freq": 50.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    },
    "phi3": {
        **_MORE,
        "model_type": "phi3",
        "tie_word_embeddings": False,
        "sliding_window": 11,
        "partial_rotary_factor": 0.75,
        "original_max_position_embeddings": 128,
        "rope_scaling": {
            "type": "longrope",
            "short_factor": [1.0, 1.5, 2.5],
            "long_factor": [4.0, 5.0, 6.0],
        },
    },
    "olmo2": {**_MORE, "model_type": "olmo2", "tie_word_embeddings": False},
    "smollm3": {
        **_MORE,
        "model_type": "smollm3",
        "num_hidden_layers": 5,
        "no_rope_layer_interval": 2,
        "no_rope_layers": None,
    },
    "glm4": {
        **_MORE,
        "model_type": "glm4",
        "tie_word_embeddings": False,
        "attention_bias": True,
        "partial_rotary_factor": 0.5,
    },
    "nemotron": {
        **{key: value for key, value in _MORE.items() if key != "rms_norm_eps"},
        "model_type": "nemotron",
        "norm_eps": 1e-3,
        "hidden_act": "relu2",
        "partial_rotary_factor": 0.5,
        "tie_word_embeddings": False,
    },
}

_EXPERTS: Fields = {**_MORE, "tie_word_embeddings": False, "num_experts_per_tok": 3}
FAMILIES |= {
    "mixtral": {
        **_EXPERTS,
        "model_type": "mixtral",
        "num_local_experts": 6,
        "sliding_window": None,
    },
    "qwen3-moe": {
        **_EXPERTS,
        "model_type": "qwen3_moe",
        "num_experts": 8,
        "moe_intermediate_size": 24,
        "norm_topk_prob": True,
    },
    "gpt-oss": {
        **_EXPERTS,
        "model_type": "gpt_oss",
        "num_hidden_layers": 4,
        "attention_bias": True,
        "num_local_experts": 8,
        "sliding_window": 9,
        "rope_scaling": {
            "rope_type": "yarn",
            "factor": 8.0,
            "beta_fast": 8.0,
            "beta_slow": 1.0,
            "truncate": False,
            "original_max_position_embeddings": 32,
        },
    },
    "glm-4.5": {
        **_EXPERTS,
        "model_type": "glm4_moe",
        "num_nextn_predict_layers": 0,
        "num_hidden_layers": 4,
        "attention_bias": True,
        "partial_rotary_factor": 0.5,
        "n_routed_experts": 8,
        "n_shared_experts": 2,
        "moe_intermediate_size": 24,
        "first_k_dense_replace": 2,
        "routed_scaling_factor": 1.5,
        "use_qk_norm": True,
    },
}

_LATENT: Fields = {
    **{key: value for key, value in _EXPERTS.items() if key != "head_dim"},
    "num_key_value_heads": 4,
    "num_hidden_layers": 4,
    "kv_lora_rank": 20,
    "qk_nope_head_dim": 10,
    "qk_rope_head_dim": 6,
    "v_head_dim": 14,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "moe_intermediate_size": 24,
    "first_k_dense_replace": 1,
    "num_nextn_predict_layers": 0,
}
_LATENT_YARN = {
    "type": "yarn",
    "factor": 8.0,
    "beta_fast": 8.0,
    "beta_slow": 1.0,
    "original_max_position_embeddings": 32,
}
FAMILIES |= {
    "deepseek-v2-lite": {
        **_LATENT,
        "model_type": "deepseek_v2",
        "q_lora_rank": None,
        "topk_method": "greedy",
        "rope_scaling": {**_LATENT_YARN, "mscale": 0.707, "mscale_all_dim": 0.707},
    },
    "deepseek-v2": {
        **_LATENT,
        "model_type": "deepseek_v2",
        "q_lora_rank": 24,
        "topk_method": "group_limited_greedy",
        "n_group": 4,
        "topk_group": 2,
        "routed_scaling_factor": 1.5,
        "rope_scaling": {**_LATENT_YARN, "mscale": 1.0, "mscale_all_dim": 0.5},
    },
    "deepseek-v3": {
        **_LATENT,
        "model_type": "deepseek_v3",
        "q_lora_rank": 24,
        "topk_method": "noaux_tc",
        "n_group": 4,
        "topk_group": 2,
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.5,
        "rope_scaling": {**_LATENT_YARN, "mscale": 1.0, "mscale_all_dim": 1.0},
    },
    "deepseek-v3-halves": {
        **_LATENT,
        "model_type": "deepseek_v3",
        "q_lora_rank": None,
        "rope_interleave": False,
        "n_group": 1,
        "topk_group": 1,
    },
}

_GEMMA_NORMS = (
    "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)  # fmt: skip
NORMS: dict[str, tuple[str, ...]] = {
    "gemma2": _GEMMA_NORMS,
    "gemma3_text": _GEMMA_NORMS,
    "olmo2": ("post_attention_layernorm", "post_feedforward_layernorm"),
    "glm4": (
        "input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm",
        "post_mlp_layernorm",
    ),
}  # fmt: skip
"""Norms of a layer, in the order in which public models name them, where not as Llama's."""


def tensor_shapes(fields: Fields) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that a checkpoint with this config.json has, by public name."""
    D, F, H = fields["hidden_size"], fields["intermediate_size"], fields.get("head_dim", 0)
    queries, keys = fields["num_attention_heads"] * H, fields["num_key_value_heads"] * H
    family = fields["model_type"]
    norms = NORMS.get(family, ("input_layernorm", "post_attention_layernorm"))
    block: dict[str, tuple[int, ...]] = {f"{norm}.weight": (D,) for norm in norms}
    if "kv_lora_rank" in fields:
        block |= latent_shapes(fields)
    elif family == "phi3":
        block["self_attn.qkv_proj.weight"] = (queries + 2 * keys, D)
    else:
        rows = {"q": queries, "k": keys, "v": keys}
        block |= {f"self_attn.{part}_proj.weight": (rows[part], D) for part in rows}
        if family == "qwen2" or fields["attention_bias"]:
            block |= {f"self_attn.{part}_proj.bias": (rows[part],) for part in rows}
    if "kv_lora_rank" not in fields:
        block["self_attn.o_proj.weight"] = (D, queries)
    if family in ("llama", "gpt_oss") and fields["attention_bias"]:
        block["self_attn.o_proj.bias"] = (D,)
    if family == "gpt_oss":
        block["self_attn.sinks"] = (fields["num_attention_heads"],)
    if family in ("phi3", "glm4"):
        block["mlp.gate_up_proj.weight"] = (2 * F, D)
    elif family != "nemotron":
        block["mlp.gate_proj.weight"] = (F, D)
    if family not in ("phi3", "glm4"):
        block["mlp.up_proj.weight"] = (F, D)
    block["mlp.down_proj.weight"] = (D, F)
    if family in ("qwen3", "qwen3_moe", "gemma3_text", "glm4_moe"):
        block |= {"self_attn.q_norm.weight": (H,), "self_attn.k_norm.weight": (H,)}
    if family == "olmo2":
        block |= {"self_attn.q_norm.weight": (queries,), "self_attn.k_norm.weight": (keys,)}
    top: dict[str, tuple[int, ...]] = {"model.norm.weight": (D,)}
    if family == "nemotron":
        block |= {f"{norm}.bias": (D,) for norm in norms}
        top["model.norm.bias"] = (D,)
    if not fields["tie_word_embeddings"]:
        top["lm_head.weight"] = (fields["vocab_size"], D)
    mixed = {name: shape for name, shape in block.items() if not name.startswith("mlp.")}
    mixed |= expert_shapes(fields)
    experts_from = fields.get("first_k_dense_replace", 0) if len(expert_shapes(fields)) else 10**9
    shapes: dict[str, tuple[int, ...]] = {
        f"model.layers.{layer}.{name}": shape
        for layer in range(fields["num_hidden_layers"])
        for name, shape in (mixed if layer >= experts_from else block).items()
    }
    return shapes | {"model.embed_tokens.weight": (fields["vocab_size"], D)} | top


def latent_shapes(fields: Fields) -> dict[str, tuple[int, ...]]:
    """Of a layer's multi-head latent attention."""
    D, N, latent = fields["hidden_size"], fields["num_attention_heads"], fields["kv_lora_rank"]
    plain, rotated, value = (fields[f"{part}_head_dim"] for part in ("qk_nope", "qk_rope", "v"))
    queries, rank = N * (plain + rotated), fields["q_lora_rank"]
    shapes: dict[str, tuple[int, ...]] = {"self_attn.q_proj.weight": (queries, D)}
    if rank:
        shapes = {
            "self_attn.q_a_proj.weight": (rank, D), "self_attn.q_a_layernorm.weight": (rank,),
            "self_attn.q_b_proj.weight": (queries, rank),
        }  # fmt: skip
    return shapes | {
        "self_attn.kv_a_proj_with_mqa.weight": (latent + rotated, D),
        "self_attn.kv_a_layernorm.weight": (latent,),
        "self_attn.kv_b_proj.weight": (N * (plain + value), latent),
        "self_attn.o_proj.weight": (D, N * value),
    }


def expert_shapes(fields: Fields) -> dict[str, tuple[int, ...]]:
    """Of a layer's mixture of experts; empty for a dense model."""
    D, F, family = fields["hidden_size"], fields["intermediate_size"], fields["model_type"]
    if "num_experts_per_tok" not in fields:
        return {}
    counts = ("num_local_experts", "num_experts", "n_routed_experts")
    E = next(fields[name] for name in counts if name in fields)
    if family == "gpt_oss":
        return {
            "mlp.router.weight": (E, D), "mlp.router.bias": (E,),
            "mlp.experts.gate_up_proj": (E, D, 2 * F), "mlp.experts.gate_up_proj_bias": (E, 2 * F),
            "mlp.experts.down_proj": (E, F, D), "mlp.experts.down_proj_bias": (E, D),
        }  # fmt: skip
    F = fields.get("moe_intermediate_size", F)
    base, parts = "mlp", {"gate_proj": (F, D), "up_proj": (F, D), "down_proj": (D, F)}
    if family == "mixtral":
        base, parts = "block_sparse_moe", {"w1": (F, D), "w3": (F, D), "w2": (D, F)}
    shapes: dict[str, tuple[int, ...]] = {f"{base}.gate.weight": (E, D)}
    for number in range(E):
        for part, shape in parts.items():
            shapes[f"{base}.experts.{number}.{part}.weight"] = shape
    if "n_shared_experts" in fields:
        J = F * fields["n_shared_experts"]
        if family != "deepseek_v2":
            shapes["mlp.gate.e_score_correction_bias"] = (E,)
        shared = {"gate_proj": (J, D), "up_proj": (J, D), "down_proj": (D, J)}
        shapes |= {f"mlp.shared_experts.{part}.weight": shape for part, shape in shared.items()}
    return shapes


def tensors(fields: Fields, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights under which every part matters: peaked attention, norms and biases off 1 and 0."""
    drawn = {name: _tensor(name, shape, seed) for name, shape in tensor_shapes(fields).items()}
    if fields["model_type"] in ("gemma2", "gemma3_text", "nemotron"):  # scales of 1 + these
        drawn = {k: v - 1 if k.endswith("norm.weight") else v for k, v in drawn.items()}
    return drawn


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    # RandomState, not default_rng: its stream is frozen for all versions of numpy (NEP 19).
    normal = np.random.RandomState([zlib.crc32(name.encode()), seed]).standard_normal(shape)
    if "norm" in name:
        values = 1.0 + 0.3 * normal
    elif name.endswith(("bias", "sinks")):
        values = 0.7 * normal
    elif name.endswith("embed_tokens.weight"):
        values = 0.25 * normal
    else:
        values = 1.5 * normal / np.sqrt(shape[-1])
    return values.astype(np.float32)


def token_sequence(length: int, vocabulary: int = VOCAB, seed: int = 0) -> np.ndarray:
    """`length` token ids."""
    return np.random.RandomState([1, seed]).randint(0, vocabulary, length)
