"""How families publish their tensors, where that is not as Llama's: other names of norms,
projections fused into one tensor, rotary pairs side by side.

Axis letters as in `config`.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from ..config import ModelConfig, ModelInputError

NamedTensor = tuple[str, np.ndarray]

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
    for name, tensor in tensors:
        path, _, kind = name.rpartition(".")
        stem, _, projection = path.rpartition(".")
        if projection in parts:
            rows = parts[projection]
            _require_rows(name, tensor, sum(rows.values()))
            ends = np.cumsum([*rows.values()])[:-1]
            for part, piece in zip(rows, np.split(tensor, ends), strict=True):
                yield f"{stem}.{part}.{kind}", piece
        elif config.family == "glm4" and projection in heads:
            _require_rows(name, tensor, heads[projection] * H)
            yield name, in_halves(tensor, heads[projection], rotated)
        else:
            yield name, tensor


def in_halves(tensor: np.ndarray, heads: int, rotated: int) -> np.ndarray:
    """Rows [heads * H, ...] of each head, of which the first `rotated` are adjacent rotary pairs:
    those as two halves, the first of each pair and then the second."""
    by_head = tensor.reshape(heads, -1, *tensor.shape[1:])
    pairs = by_head[:, :rotated].reshape(heads, -1, 2, *tensor.shape[1:])
    halves = pairs.swapaxes(1, 2).reshape(heads, rotated, *tensor.shape[1:])
    return np.concatenate((halves, by_head[:, rotated:]), axis=1).reshape(tensor.shape)


def _require_rows(name: str, tensor: np.ndarray, rows: int) -> None:
    if tensor.shape[0] != rows:
        raise ModelInputError(
            f"tensor '{name}' has {tensor.shape[0]} rows, the configuration says {rows}: the "
            "weights and the configuration are not of one model."
        )
