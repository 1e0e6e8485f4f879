"""Where each public tensor goes: from Hugging Face names to this package's stacked arrays.

Axis letters are those of `config.py`; N = K*G query heads. A public projection is [out, in] and its
query head n is (k, g) = (n // G, n % G), as Hugging Face's `repeat_kv` pairs them.
"""

from dataclasses import dataclass
from math import prod

from ..config import ModelConfig


@dataclass(frozen=True)
class Placement:
    """One public tensor's way into a stacked array.

    `array[index] = tensor.reshape(split).transpose(order)`; `shape` is the public shape.
    """

    array: str
    index: tuple[int | slice, ...]
    shape: tuple[int, ...]
    split: tuple[int, ...]
    order: tuple[int, ...]


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The stacked parameter arrays of `config`: dotted name to shape."""
    L, D, F, V = config.layers, config.embed_dim, config.mlp_dim, config.vocab_size
    K, G, H = config.kv_heads, config.queries_per_kv_head, config.head_dim
    shapes = {
        "embedding": (V, D),
        "blocks.attention_norm": (L, D),
        "blocks.query": (L, D, K, G, H),
        "blocks.key_value": (L, D, 2, K, H),  # keys, then values
        "blocks.output": (L, K, G, H, D),
        "blocks.mlp_norm": (L, D),
        "blocks.gate_up": (L, D, 2, F),  # gate, then up
        "blocks.down": (L, F, D),
        "final_norm": (D,),
    }
    if config.qkv_bias:
        shapes |= {"blocks.query_bias": (L, K, G, H), "blocks.key_value_bias": (L, 2, K, H)}
    if config.qk_norm:
        shapes |= {"blocks.query_norm": (L, H), "blocks.key_norm": (L, H)}
    if not config.tied_embeddings:
        shapes["head"] = (D, V)
    return shapes


def placements(config: ModelConfig) -> dict[str, Placement]:
    """Every public tensor that a model of `config` has, by name."""
    D, V = config.embed_dim, config.vocab_size
    placed = {
        "model.embed_tokens.weight": _whole("embedding", (), (V, D)),
        "model.norm.weight": _whole("final_norm", (), (D,)),
    }
    if not config.tied_embeddings:
        placed["lm_head.weight"] = _split("head", (), (V, D), (1, 0))
    for layer in range(config.layers):
        block = _block(config, layer)
        placed |= {f"model.layers.{layer}.{name}": place for name, place in block.items()}
    return placed


def _block(config: ModelConfig, layer: int) -> dict[str, Placement]:
    D, F = config.embed_dim, config.mlp_dim
    K, G, H = config.kv_heads, config.queries_per_kv_head, config.head_dim
    every = slice(None)
    keys, values = (layer, every, 0), (layer, every, 1)
    gate, up = (layer, every, 0), (layer, every, 1)
    placed = {
        "input_layernorm.weight": _whole("blocks.attention_norm", (layer,), (D,)),
        "self_attn.q_proj.weight": _split("blocks.query", (layer,), (K, G, H, D), (3, 0, 1, 2)),
        "self_attn.k_proj.weight": _split("blocks.key_value", keys, (K, H, D), (2, 0, 1)),
        "self_attn.v_proj.weight": _split("blocks.key_value", values, (K, H, D), (2, 0, 1)),
        "self_attn.o_proj.weight": Placement(
            "blocks.output", (layer,), (D, K * G * H), (D, K, G, H), (1, 2, 3, 0)
        ),
        "post_attention_layernorm.weight": _whole("blocks.mlp_norm", (layer,), (D,)),
        "mlp.gate_proj.weight": _split("blocks.gate_up", gate, (F, D), (1, 0)),
        "mlp.up_proj.weight": _split("blocks.gate_up", up, (F, D), (1, 0)),
        "mlp.down_proj.weight": _split("blocks.down", (layer,), (D, F), (1, 0)),
    }
    if config.qkv_bias:
        placed |= {
            "self_attn.q_proj.bias": _bias("blocks.query_bias", (layer,), (K, G, H)),
            "self_attn.k_proj.bias": _bias("blocks.key_value_bias", (layer, 0), (K, H)),
            "self_attn.v_proj.bias": _bias("blocks.key_value_bias", (layer, 1), (K, H)),
        }
    if config.qk_norm:
        placed |= {
            "self_attn.q_norm.weight": _whole("blocks.query_norm", (layer,), (H,)),
            "self_attn.k_norm.weight": _whole("blocks.key_norm", (layer,), (H,)),
        }
    return placed


def _whole(array: str, index: tuple[int | slice, ...], shape: tuple[int, ...]) -> Placement:
    """A tensor that keeps its shape."""
    return Placement(array, index, shape, shape, tuple(range(len(shape))))


def _split(
    array: str, index: tuple[int | slice, ...], split: tuple[int, ...], order: tuple[int, ...]
) -> Placement:
    """A projection [out, in] whose out axis falls into the leading axes of `split`."""
    return Placement(array, index, (prod(split[:-1]), split[-1]), split, order)


def _bias(array: str, index: tuple[int | slice, ...], split: tuple[int, ...]) -> Placement:
    """A bias [out] that falls into heads."""
    return Placement(array, index, (prod(split),), split, tuple(range(len(split))))
