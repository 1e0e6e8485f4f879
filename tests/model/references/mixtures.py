"""Tiny mixtures of experts of each family: the fields of a public config.json, and weights.

numpy only, as families.py: make_references.py (torch) and the tests (JAX) build the same weights.
"""

from typing import Any, NamedTuple

import numpy as np

TOKENS, D, E, F, ACTIVE, SHARED = 40, 16, 12, 12, 3, 24

_COMMON = {
    "hidden_size": D, "num_experts_per_tok": ACTIVE, "intermediate_size": F,
    "moe_intermediate_size": F, "num_attention_heads": 2, "num_key_value_heads": 2,
}  # fmt: skip
_DEEPSEEK = {
    "n_routed_experts": E, "n_shared_experts": SHARED // F, "n_group": 4, "topk_group": 2,
    "routed_scaling_factor": 2.5,
}  # fmt: skip


class Mixture(NamedTuple):
    """One family's, by its class in transformers."""

    family: str  # its folder under transformers.models
    module: str
    fields: dict[str, Any]  # of config.json


def _mixture(family: str, module: str, **fields: Any) -> Mixture:
    return Mixture(family, module, {**_COMMON, **fields})


MIXTURES = {
    "mixtral": _mixture("mixtral", "MixtralSparseMoeBlock", num_local_experts=E),
    "qwen3": _mixture(
        "qwen3_moe", "Qwen3MoeSparseMoeBlock", num_local_experts=E, norm_topk_prob=True
    ),
    "qwen3-not-normalised": _mixture(
        "qwen3_moe", "Qwen3MoeSparseMoeBlock", num_local_experts=E, norm_topk_prob=False
    ),
    "qwen3-next": _mixture(
        "qwen3_next", "Qwen3NextSparseMoeBlock", num_experts=E, norm_topk_prob=True,
        shared_expert_intermediate_size=SHARED,
    ),
    "gpt-oss": _mixture("gpt_oss", "GptOssMLP", num_local_experts=E),
    "deepseek-v2": _mixture(
        "deepseek_v2", "DeepseekV2Moe", **_DEEPSEEK, topk_method="group_limited_greedy"
    ),
    "deepseek-v2-greedy": _mixture(
        "deepseek_v2", "DeepseekV2Moe", **_DEEPSEEK, topk_method="greedy"
    ),
    "deepseek-v3": _mixture("deepseek_v3", "DeepseekV3MoE", **_DEEPSEEK, norm_topk_prob=True),
    "glm-4.5": _mixture(
        "glm4_moe", "Glm4MoeMoE", **_DEEPSEEK | {"n_group": 1, "topk_group": 1},
        norm_topk_prob=True,
    ),
    "minimax-m2": _mixture("minimax_m2", "MiniMaxM2SparseMoeBlock", num_local_experts=E),
}  # fmt: skip

SHAPES: dict[str, tuple[int, ...]] = {
    "router": (E, D), "router_bias": (E,), "correction": (E,),
    "gate": (E, F, D), "up": (E, F, D), "down": (E, D, F),
    "gate_bias": (E, F), "up_bias": (E, F), "down_bias": (E, D),
    "shared_gate": (SHARED, D), "shared_up": (SHARED, D), "shared_down": (D, SHARED),
    "shared_score": (1, D),
}  # fmt: skip
"""Of all that any of them has, as torch keeps matrices: (columns of the result, summed)."""

_SCALES = {"router": 1.5, "correction": 0.3}


def tensors(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Float32 weights under which every rule shows; gpt-oss's are large enough for its clamp."""
    random = np.random.RandomState([2, seed])
    scales = _SCALES | ({"gate": 4.0, "up": 4.0} if name == "gpt-oss" else {})
    found = {}
    for part, shape in SHAPES.items():
        depth = 1 if part.endswith("bias") or part == "correction" else shape[-1]
        drawn = random.standard_normal(shape) * scales.get(part, 1.0) / np.sqrt(depth)
        found[part] = drawn.astype(np.float32)
    return found


def tokens(seed: int = 0) -> np.ndarray:
    """What comes in: [TOKENS, D] float32."""
    drawn = np.random.RandomState([3, seed]).standard_normal((TOKENS, D))
    return drawn.astype(np.float32)
