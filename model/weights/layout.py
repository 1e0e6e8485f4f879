"""Where each public tensor goes: from Hugging Face names to this package's stacked arrays.

Axis letters are those of `config.py`. A public projection is [out, in] and ours [in, out]; its
query head n is (k, g) = (n // G, n % G), as Hugging Face's `repeat_kv` pairs them, which is the
order of heads side by side in Q.
"""

from dataclasses import dataclass

from ..config import ModelConfig


@dataclass(frozen=True)
class Placement:
    """One public tensor's way into a stacked array: `array[index]`, of the public `shape`."""

    array: str
    index: tuple[int, ...]
    shape: tuple[int, ...]
    transposed: bool = False


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The stacked parameter arrays of `config`: dotted name to shape."""
    L, D, F, V = config.layers, config.embed_dim, config.mlp_dim, config.vocab_size
    H = config.head_dim
    Q, C = config.query_heads * H, config.kv_heads * H
    shapes = {
        "embedding": (V, D),
        "blocks.attention_norm": (L, D),
        "blocks.query": (L, D, Q),
        "blocks.key": (L, D, C),
        "blocks.value": (L, D, C),
        "blocks.output": (L, Q, D),
        "blocks.mlp_norm": (L, D),
        "blocks.gate": (L, D, F),
        "blocks.up": (L, D, F),
        "blocks.down": (L, F, D),
        "final_norm": (D,),
    }
    if config.qkv_bias:
        shapes |= {"blocks.query_bias": (L, Q), "blocks.key_bias": (L, C)}
        shapes["blocks.value_bias"] = (L, C)
    if config.qk_norm:
        shapes |= {"blocks.query_norm": (L, H), "blocks.key_norm": (L, H)}
    if not config.tied_embeddings:
        shapes["head"] = (D, V)
    return shapes


def placements(config: ModelConfig) -> dict[str, Placement]:
    """Every public tensor that a model of `config` has, by name."""
    shapes = expected_shapes(config)

    def place(array: str, index: tuple[int, ...] = (), matrix: bool = False) -> Placement:
        ours = shapes[array][len(index) :]
        return Placement(array, index, ours[::-1] if matrix else ours, transposed=matrix)

    placed = {
        "model.embed_tokens.weight": place("embedding"),
        "model.norm.weight": place("final_norm"),
    }
    if not config.tied_embeddings:
        placed["lm_head.weight"] = place("head", matrix=True)
    for public, (array, matrix) in _BLOCK.items():
        if f"blocks.{array}" in shapes:
            for layer in range(config.layers):
                name = f"model.layers.{layer}.{public}"
                placed[name] = place(f"blocks.{array}", (layer,), matrix)
    return placed


_BLOCK: dict[str, tuple[str, bool]] = {
    "input_layernorm.weight": ("attention_norm", False),
    "self_attn.q_proj.weight": ("query", True),
    "self_attn.k_proj.weight": ("key", True),
    "self_attn.v_proj.weight": ("value", True),
    "self_attn.q_proj.bias": ("query_bias", False),
    "self_attn.k_proj.bias": ("key_bias", False),
    "self_attn.v_proj.bias": ("value_bias", False),
    "self_attn.q_norm.weight": ("query_norm", False),
    "self_attn.k_norm.weight": ("key_norm", False),
    "self_attn.o_proj.weight": ("output", True),
    "post_attention_layernorm.weight": ("mlp_norm", False),
    "mlp.gate_proj.weight": ("gate", True),
    "mlp.up_proj.weight": ("up", True),
    "mlp.down_proj.weight": ("down", True),
}
"""Public tensor of a layer -> array under `blocks`, and whether it is a matrix to turn."""
