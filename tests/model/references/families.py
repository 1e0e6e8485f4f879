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


def tensor_shapes(fields: Fields) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that a checkpoint with this config.json has, by public name."""
    D, F, H = fields["hidden_size"], fields["intermediate_size"], fields["head_dim"]
    queries, keys = fields["num_attention_heads"] * H, fields["num_key_value_heads"] * H
    block: dict[str, tuple[int, ...]] = {
        "input_layernorm.weight": (D,),
        "self_attn.q_proj.weight": (queries, D),
        "self_attn.k_proj.weight": (keys, D),
        "self_attn.v_proj.weight": (keys, D),
        "self_attn.o_proj.weight": (D, queries),
        "post_attention_layernorm.weight": (D,),
        "mlp.gate_proj.weight": (F, D),
        "mlp.up_proj.weight": (F, D),
        "mlp.down_proj.weight": (D, F),
    }
    if fields["model_type"] == "qwen2":
        block["self_attn.q_proj.bias"] = (queries,)
        block["self_attn.k_proj.bias"] = (keys,)
        block["self_attn.v_proj.bias"] = (keys,)
    if fields["model_type"] == "qwen3":
        block["self_attn.q_norm.weight"] = (H,)
        block["self_attn.k_norm.weight"] = (H,)
    shapes: dict[str, tuple[int, ...]] = {
        f"model.layers.{layer}.{name}": shape
        for layer in range(fields["num_hidden_layers"])
        for name, shape in block.items()
    }
    shapes["model.embed_tokens.weight"] = (fields["vocab_size"], D)
    shapes["model.norm.weight"] = (D,)
    if not fields["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (fields["vocab_size"], D)
    return shapes


def tensors(fields: Fields, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights under which every part matters: peaked attention, norms and biases off 1 and 0."""
    return {name: _tensor(name, shape, seed) for name, shape in tensor_shapes(fields).items()}


def _tensor(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    # RandomState, not default_rng: its stream is frozen for all versions of numpy (NEP 19).
    normal = np.random.RandomState([zlib.crc32(name.encode()), seed]).standard_normal(shape)
    if "norm" in name:
        values = 1.0 + 0.3 * normal
    elif name.endswith("bias"):
        values = 0.7 * normal
    elif name.endswith("embed_tokens.weight"):
        values = 0.25 * normal
    else:
        values = 1.5 * normal / np.sqrt(shape[-1])
    return values.astype(np.float32)


def token_sequence(length: int, vocabulary: int = VOCAB, seed: int = 0) -> np.ndarray:
    """`length` token ids."""
    return np.random.RandomState([1, seed]).randint(0, vocabulary, length)
