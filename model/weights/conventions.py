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
