"""ModelConfig: every fact about a model's shape, and the sizes that follow from it.

Axis letters used in every tensor comment of this package:
  B prompts in a batch      A attempts per prompt    T positions in one pass
  S slots of a KV cache     L layers                 D residual width (embed_dim)
  K KV heads                G query heads per KV head   H head width
  F MLP width               V vocabulary
  Q = K*G*H, all query heads side by side       C = K*H, all KV heads side by side
"""

from dataclasses import dataclass
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
