"""ModelConfig: every fact about a model's shape, and the sizes that follow from it.

Axis letters used in every tensor comment of this package:
  B prompts in a batch      A attempts per prompt    T positions in one pass
  S slots of a KV cache     L layers                 D residual width (embed_dim)
  K KV heads                G query heads per KV head   H head width
  F MLP width               V vocabulary
  Q = K*G*H, all query heads side by side       C = K*H, all KV heads side by side

The one error that model code raises for a mistake its user can mend.

Public configurations by name. Source: each model's config.json on its publisher's hub page.

The parameter counts that follow from them are tested against the published ones.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Family = Literal["llama", "qwen2", "qwen3", "mistral"]
DType = Literal["float32", "bfloat16"]

DTYPE_BYTES: dict[DType, int] = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class RopeScaling:
    """Frequency scaling of Llama 3.1 (config.json `rope_scaling` with rope_type 'llama3')."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True)
class ModelConfig:
    """A decoder-only transformer of the Llama lineage, in the terms of its public config.json.

    Query, key and value projections may carry a bias (Qwen2); queries and keys may be
    RMS-normalised per head before rotation (Qwen3); the output head may share the embedding.
    """

    name: str
    family: Family
    layers: int
    embed_dim: int
    query_heads: int
    kv_heads: int
    head_dim: int
    mlp_dim: int
    vocab_size: int
    context_length: int
    rope_theta: float
    norm_eps: float
    tied_embeddings: bool
    qkv_bias: bool = False
    qk_norm: bool = False
    rope_scaling: RopeScaling | None = None

    @property
    def queries_per_kv_head(self) -> int:
        """G: query heads that share one KV head."""
        return self.query_heads // self.kv_heads

    @property
    def parameters_per_layer(self) -> int:
        """Parameters of one block: projections, their biases and norms, MLP, two norms."""
        D, H, F = self.embed_dim, self.head_dim, self.mlp_dim
        qkv_heads = self.query_heads + 2 * self.kv_heads
        attention = D * H * (qkv_heads + self.query_heads)
        bias = H * qkv_heads if self.qkv_bias else 0
        qk_norm = 2 * H if self.qk_norm else 0
        return attention + bias + qk_norm + 3 * D * F + 2 * D

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the token embedding (and of the head, if the head is untied)."""
        return self.vocab_size * self.embed_dim

    @property
    def parameters(self) -> int:
        """All parameters, a tied head counted once."""
        tables = self.embedding_parameters * (1 if self.tied_embeddings else 2)
        return self.layers * self.parameters_per_layer + tables + self.embed_dim

    def weight_bytes(self, dtype: DType) -> int:
        """Bytes that the parameters take when all are held in `dtype`."""
        return self.parameters * DTYPE_BYTES[dtype]

    def kv_bytes_per_token(self, dtype: DType) -> int:
        """Bytes of keys and values that one cached token takes over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * DTYPE_BYTES[dtype]


class ModelInputError(ValueError):
    """Says in one sentence what was wrong, where, and what to do; shown without a traceback."""


def _smollm2(
    size: str, layers: int, embed: int, heads: int, kv_heads: int, mlp: int, theta: float
) -> ModelConfig:
    return ModelConfig(
        name=f"smollm2-{size}", family="llama", layers=layers, embed_dim=embed,
        query_heads=heads, kv_heads=kv_heads, head_dim=64, mlp_dim=mlp, vocab_size=49152,
        context_length=8192, rope_theta=theta, norm_eps=1e-5, tied_embeddings=True,
    )  # fmt: skip


def _llama(
    name: str, layers: int, embed: int, heads: int, kv_heads: int, mlp: int,
    vocab: int, context: int, theta: float,
) -> ModelConfig:  # fmt: skip
    return ModelConfig(
        name=name, family="llama", layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=kv_heads, head_dim=128, mlp_dim=mlp, vocab_size=vocab, context_length=context,
        rope_theta=theta, norm_eps=1e-5, tied_embeddings=False,
    )  # fmt: skip


def _qwen3(size: str, layers: int, embed: int, heads: int, mlp: int, tied: bool) -> ModelConfig:
    return ModelConfig(
        name=f"qwen3-{size}", family="qwen3", layers=layers, embed_dim=embed, query_heads=heads,
        kv_heads=8, head_dim=128, mlp_dim=mlp, vocab_size=151936, context_length=40960,
        rope_theta=1e6, norm_eps=1e-6, tied_embeddings=tied, qk_norm=True,
    )  # fmt: skip


_MISTRAL_7B_V0_3 = ModelConfig(
    name="mistral-7b", family="mistral", layers=32, embed_dim=4096, query_heads=32, kv_heads=8,
    head_dim=128, mlp_dim=14336, vocab_size=32768, context_length=32768, rope_theta=1e6,
    norm_eps=1e-5, tied_embeddings=False,
)  # fmt: skip

PRESETS: dict[str, ModelConfig] = {
    config.name: config
    for config in (
        _smollm2("135m", 30, 576, 9, 3, 1536, 1e5),
        _smollm2("360m", 32, 960, 15, 5, 2560, 1e5),
        _smollm2("1.7b", 24, 2048, 32, 32, 8192, 1.3e5),
        _llama("llama2-7b", 32, 4096, 32, 32, 11008, 32000, 4096, 1e4),
        _llama("llama2-13b", 40, 5120, 40, 40, 13824, 32000, 4096, 1e4),
        _llama("llama2-70b", 80, 8192, 64, 8, 28672, 32000, 4096, 1e4),
        _llama("llama3-8b", 32, 4096, 32, 8, 14336, 128256, 8192, 5e5),
        _llama("llama3-70b", 80, 8192, 64, 8, 28672, 128256, 8192, 5e5),
        _qwen3("0.6b", 28, 1024, 16, 3072, True),
        _qwen3("8b", 36, 4096, 32, 12288, False),
        _qwen3("32b", 64, 5120, 64, 25600, False),
        _MISTRAL_7B_V0_3,
    )
}


def preset(name: str) -> ModelConfig:
    """The preset called `name` (any case); `ModelInputError` lists the near names."""
    found = PRESETS.get(name.lower())
    if found is None:
        near = get_close_matches(name.lower(), PRESETS, n=3) or sorted(PRESETS)
        raise ModelInputError(
            f"unknown model '{name}': did you mean {', '.join(near)}? "
            "`rooflink models` lists the presets; a path to a .gguf file or to a "
            "Hugging Face folder works too."
        )
    return found
