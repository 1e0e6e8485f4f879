"""What a decoder may be besides its sizes: which conventions its family has, how its positions are
scaled, how its layers differ, in how many bits it is held, and the axes of its parameters. Plain
data, without JAX.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

from .architecture import DTYPE_BITS

Family = Literal[
    "llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "phi3", "olmo2", "smollm3",
    "glm4", "nemotron", "mixtral", "qwen3_moe", "gpt_oss", "glm4_moe", "deepseek_v2",
    "deepseek_v3", "kimi_k2",
]  # fmt: skip


@dataclass(frozen=True)
class Llama3Scaling:
    """Frequency scaling of Llama 3.1 (config.json `rope_scaling` with rope_type 'llama3')."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True)
class LinearScaling:
    """Every frequency divided by `factor` (Chen et al. 2023, arXiv 2306.15595)."""

    factor: float


@dataclass(frozen=True)
class YarnScaling:
    """YaRN (Peng et al. 2023, arXiv 2309.00071): frequencies that turn at least `beta_fast` times
    within the original context are kept, those of at most `beta_slow` divided by `factor`. Cosines
    and sines are multiplied by `attention_factor`. `whole` dimensions begin and end the ramp."""

    yarn_factor: float
    original_context: int
    attention_factor: float
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    whole: bool = True


@dataclass(frozen=True)
class ListedScaling:
    """Each frequency divided by its own of `divisors` (LongRoPE, arXiv 2402.13753; Phi-3's
    `short_factor`), cosines and sines multiplied by `attention_factor`."""

    divisors: tuple[float, ...]
    attention_factor: float


LINEAR = frozenset({
    "query", "key", "value", "output", "gate", "up", "down", "shared_gate", "shared_up",
    "shared_down", "head", "latent", "latent_query", "query_down", "query_up",
})  # fmt: skip
"""Last part of the name of each matrix that may be held in few bits; embedding and router stay,
and so do those that make a head's keys and values of latents."""

WeightDType = Literal["int8", "int4", "fp8"]
KVDType = Literal["int8", "fp8"]
SCALE_BYTES = 2
"""Scales are bfloat16."""


@dataclass(frozen=True)
class Widths:
    """What a model's matrices and its cache are held in, beside the dtype that it computes in; None
    for that. int4 has a scale for each `group` of rows of a matrix, the others for each column."""

    weights: WeightDType | None = None
    group: int | None = None
    kv: KVDType | None = None

    def saved_bytes(self, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> int:
        """How much less the parameters of these shapes, by name, take than all in `dtype`."""
        if self.weights is None:
            return 0
        saved = 0
        for name, shape in shapes.items():
            if name.rpartition(".")[2] in LINEAR:
                scales = prod(shape) // (self.group or shape[-2])
                fewer_bits = DTYPE_BITS[dtype] - DTYPE_BITS[self.weights]
                saved += prod(shape) * fewer_bits // 8 - scales * SCALE_BYTES
        return saved

    def kv_bytes(self, elements: int, vectors: int, dtype: str) -> int:
        """Of so many `elements` of a cache in so many `vectors`, keys or values of one head."""
        if self.kv is None:
            return elements * DTYPE_BITS[dtype] // 8
        return elements * DTYPE_BITS[self.kv] // 8 + vectors * SCALE_BYTES


AS_COMPUTED = Widths()

RopeScaling = Llama3Scaling | LinearScaling | YarnScaling | ListedScaling


@dataclass(frozen=True)
class LayerKind:
    """What may differ from layer to layer of one model."""

    windowed: bool = False  # sees the last `window` positions alone
    rotates: bool = True  # queries and keys have a position
    experts: bool = False  # a mixture of experts in place of the MLP


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """How a mixture of experts chooses, and what its experts are beside their sizes.

    A token goes to the `active_experts` of the highest scores, which are then its weights. Softmax
    over all, normalised, is softmax over the chosen (Mixtral, Qwen3, gpt-oss); DeepSeek-V2 leaves
    it as it is. DeepSeek-V3 (arXiv:2412.19437, section 2.1.2), GLM-4.5 and MiniMax-M2 choose by
    sigmoids and a correction that balances the experts' loads.
    """

    scores: Literal["softmax", "sigmoid"] = "softmax"
    normalised: bool = True  # weights divided by their sum
    scale: float = 1.0  # times the weights, after that
    corrected: bool = False  # a number an expert is added for the choice, and not for the weights
    groups: int = 1  # of like size, side by side
    chosen_groups: int = 1  # that one token's experts are of
    group_best: int = 1  # highest scores whose sum is the group's
    shared_is_gated: bool = False  # what shared experts say times a sigmoid (Qwen3-Next)
    biased: bool = False  # router and experts (gpt-oss)
    limit: float | None = None  # of a clamped SwiGLU (gpt-oss)


@dataclass(frozen=True)
class Style:
    """Conventions that all models of a family share.

    Norms stand before attention and MLP, on their results before these are added, or both. A norm
    with `norm_offset` multiplies by 1 + its scale. Gemma multiplies embeddings by sqrt(D).
    """

    norm: Literal["rms", "layer"] = "rms"
    norm_offset: bool = False
    norm_places: Literal["before", "result", "both"] = "before"
    activation: Literal["silu", "gelu", "relu2"] = "silu"
    scaled_embedding: bool = False
    sinks: bool = False  # a number a head that takes part in each softmax and has no value
    norms_all_heads: bool = False  # QK norm over all heads side by side, not over each
    adjacent_pairs: bool = False  # published with rotary pairs side by side; ours are two halves


LLAMA_STYLE = Style()
_GEMMA = Style(norm_offset=True, norm_places="both", activation="gelu", scaled_embedding=True)
STYLES: dict[Family, Style] = {
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "olmo2": Style(norm_places="result", norms_all_heads=True),
    "glm4": Style(norm_places="both", adjacent_pairs=True),
    "gpt_oss": Style(sinks=True),
    "nemotron": Style(norm="layer", norm_offset=True, activation="relu2"),
    "deepseek_v2": Style(adjacent_pairs=True),
    "deepseek_v3": Style(adjacent_pairs=True),
    "kimi_k2": Style(adjacent_pairs=True),
}
"""Of the families that are not as Llama."""


PARAMETER_AXES: dict[str, str] = {
    "embedding": "VD", "head": "DV", "final_norm": "D", "final_norm_bias": "D",
    "blocks.attention_norm": "LD", "blocks.attention_norm_bias": "LD",
    "blocks.attention_result_norm": "LD",
    "blocks.query": "LDQ", "blocks.key": "LDC", "blocks.value": "LDC",
    "blocks.query_bias": "LQ", "blocks.key_bias": "LC", "blocks.value_bias": "LC",
    "blocks.query_norm": "LH", "blocks.key_norm": "LH",
    "blocks.queries_norm": "LQ", "blocks.keys_norm": "LC",
    "blocks.latent_query": "LDY", "blocks.query_down": "LDU", "blocks.query_rank_norm": "LU",
    "blocks.query_up": "LUY", "blocks.latent": "LDW", "blocks.latent_norm": "LZ",
    "blocks.key_up": "LGHZ", "blocks.value_up": "LGZO",
    "blocks.output": "LQD", "blocks.output_bias": "LD", "blocks.sinks": "LKG",
    "blocks.mlp_norm": "LD", "blocks.mlp_norm_bias": "LD", "blocks.mlp_result_norm": "LD",
    "blocks.gate": "LDF", "blocks.up": "LDF", "blocks.down": "LFD",
}  # fmt: skip
"""Axes of every parameter of the transformer, by its dotted name without a stack's number; not
every model has all."""


def unnumbered(name: str) -> str:
    """A dotted name without numbers of stacks: 'blocks.0.query' is 'blocks.query'."""
    return re.sub(r"\.\d+", "", name)


EXPERT_AXES: dict[str, str] = {
    "router": "DE", "router_bias": "E", "correction": "E",
    "gate": "EDF", "up": "EDF", "down": "EFD",
    "gate_bias": "EF", "up_bias": "EF", "down_bias": "ED",
    "shared_gate": "DJ", "shared_up": "DJ", "shared_down": "JD", "shared_score": "D",
}  # fmt: skip
"""Axes of every parameter of `experts.Experts`, of one layer; not every mixture has all."""
PARAMETER_AXES |= {f"experts.{name}": f"L{axes}" for name, axes in EXPERT_AXES.items()}


def absent_parameters(mixture: Mixture, shared_mlp_dim: int) -> tuple[str, ...]:
    """Endings of the names in EXPERT_AXES that a mixture of experts does not have."""
    endings = {
        "bias": mixture.biased, "correction": mixture.corrected,
        "shared_score": mixture.shared_is_gated,
        **dict.fromkeys(("shared_gate", "shared_up", "shared_down"), shared_mlp_dim > 0),
    }  # fmt: skip
    return tuple(ending for ending, is_there in endings.items() if not is_there)


class Segment(NamedTuple):
    """Layers that repeat: `repeats` times one of each of `kinds`. They run under one scan, and the
    layers at one place of the pattern are one stack."""

    kinds: tuple[LayerKind, ...]
    first: int  # of its layers
    repeats: int

    def layers(self, place: int) -> range:
        """Numbers of the layers in the stack at `place` of the pattern."""
        period = len(self.kinds)
        return range(self.first + place, self.first + period * self.repeats, period)
