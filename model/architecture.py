"""Architecture: a decoder-only transformer's sizes, and everything that follows from them.

The one source of a model's sizes. `ModelConfig` (a model that runs) and the described models of
`profiling.predicted` (cost only) are both an Architecture; counting, prediction, memory checks and
records read what a layer holds, reads and moves from `ModelShape`, which `shape_of` builds.

Imports neither JAX nor Flax: commands that run no model stay light. Axis letters as in `config`.
"""

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt

Number = Any
"""A float or an array of floats, all of one shape."""

Share = Annotated[float, Field(ge=0, le=1)]

NO_WINDOW = float("inf")

DTYPE_BITS: dict[str, int] = {
    "float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "fp8": 8, "float8_e4m3fn": 8,
    "int4": 4, "fp4": 4, "float4_e2m1fn": 4,
}  # fmt: skip
"""Bits of one element by dtype; scales of quantised blocks are left out."""

LOGIT_BYTES = 4
"""Logits are float32 whatever the model's dtype."""


def dtype_bytes(dtype: str) -> float:
    """Bytes of one element of `dtype`, 0.5 for 4 bits; KeyError for one not in DTYPE_BITS."""
    return DTYPE_BITS[dtype] / 8


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes of a decoder-only transformer, dense or a mixture of experts.

    In a mixture `mlp_dim` is one expert's, and one token is sent to `active_experts`.
    `shared_mlp_dim` is the width of experts that every token visits; `dense_layers` have an MLP of
    `dense_mlp_dim` instead. `attention_parameters` are one layer's where heads do not tell them:
    latent attention. A share of the layers attends to `window` positions only.
    """

    name: str = ""
    layers: PositiveInt
    embed_dim: PositiveInt
    query_heads: PositiveInt
    kv_heads: PositiveInt
    head_dim: PositiveInt
    mlp_dim: PositiveInt
    vocab_size: PositiveInt
    tied_embeddings: bool = False
    gated: bool = True  # three matrices in the MLP, not two
    experts: PositiveInt = 1
    active_experts: PositiveInt = 1
    shared_mlp_dim: NonNegativeInt = 0
    dense_layers: NonNegativeInt = 0
    dense_mlp_dim: NonNegativeInt = 0
    attention_parameters: PositiveInt | None = None
    window: PositiveInt | None = None
    windowed_share: Share = 0.0

    @property
    def vector_parameters(self) -> int:
        """Norms and biases of all layers; 0 where the source of the sizes leaves them out."""
        return 0

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the token embedding (and of the head, if the head is untied)."""
        return self.vocab_size * self.embed_dim

    @property
    def parameters(self) -> int:
        """All parameters, a tied head counted once."""
        return round(shape_of(self).parameters)

    @property
    def active_parameters(self) -> int:
        """Those that one token visits."""
        return round(shape_of(self).active_parameters)

    def weight_bytes(self, dtype: str) -> int:
        """Bytes that the parameters take when all are held in `dtype`."""
        return self.parameters * DTYPE_BITS[dtype] // 8

    def layer_matmuls(self, shards: float = 1.0) -> list[tuple[float, float]]:
        """[depth, columns] of a dense layer's matmuls, heads and MLP width split over `shards`:
        q, k and v in one, the output, gate and up in one, down."""
        queries = self.query_heads * self.head_dim / shards
        # KV heads fewer than shards are held repeatedly.
        keys_values = 2 * self.head_dim * max(self.kv_heads / shards, 1.0)
        D, F = self.embed_dim, self.mlp_dim / shards
        return [(D, queries + keys_values), (queries, D), (D, (2 if self.gated else 1) * F), (F, D)]

    def kv_bytes_per_token(self, dtype: str) -> int:
        """Bytes of keys and values that one cached token takes over all layers."""
        return round(shape_of(self).kv_elements_per_token) * DTYPE_BITS[dtype] // 8


SIZES = tuple(field.name for field in fields(Architecture) if field.name != "name")
"""Names of an architecture's sizes, the same in every record that has them."""


@dataclass(frozen=True)
class ModelShape:
    """What one step reads and computes of an architecture, as numbers or arrays of them.

    Parameters of one layer are split by how a step reads them: attention's always, an expert's
    where one of its tokens needs it. Time may be differentiated by every field.
    """

    layers: Number  # L
    embed_dim: Number  # D
    query_heads: Number  # K * G
    kv_heads: Number  # K
    head_dim: Number  # H
    attention_parameters: Number  # of one layer's projections, and of MLPs that all tokens visit
    mlp_parameters: Number  # of one layer, all experts
    active_mlp_parameters: Number  # of one layer, for one token
    experts_per_token: Number  # experts that one token is sent to; 1 where dense
    head_parameters: Number  # V * D, read by every step
    embedding_parameters: Number  # resident, of which a step reads a row a token; 0 where tied
    vector_parameters: Number  # norms and biases of all layers: read, but in no matmul
    vocab_size: Number  # V
    window: Number = NO_WINDOW  # positions that a windowed layer attends to
    windowed_share: Number = 0.0  # of the layers

    @property
    def parameters(self) -> Number:
        """All parameters that must be resident."""
        return self._parameters(self.mlp_parameters)

    @property
    def active_parameters(self) -> Number:
        """Those that one token visits."""
        return self._parameters(self.active_mlp_parameters)

    def _parameters(self, mlp_parameters: Number) -> Number:
        layer = self.attention_parameters + mlp_parameters
        tables = self.head_parameters + self.embedding_parameters
        return self.layers * layer + tables + self.vector_parameters

    @property
    def kv_elements_per_token(self) -> Number:
        """Elements of keys and values that one position takes over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim

    def with_kv_heads(self, heads: Number) -> "ModelShape":
        """The same with another number of KV heads, whose projections follow."""
        saved = 2 * self.embed_dim * self.head_dim * (self.kv_heads - heads)
        attention = self.attention_parameters - saved
        return replace(self, kv_heads=heads, attention_parameters=attention)

    def with_mlp(self, factor: Number) -> "ModelShape":
        """The same with the MLP's width multiplied."""
        whole, active = self.mlp_parameters * factor, self.active_mlp_parameters * factor
        return replace(self, mlp_parameters=whole, active_mlp_parameters=active)

    def with_mlp_width(self, width: Number) -> "ModelShape":
        """The same with another `mlp_width`."""
        return self.with_mlp(width / self.mlp_width)

    @property
    def mlp_width(self) -> Number:
        """Width of the MLP, of all experts together, in the mean over all layers, as if gated."""
        return self.mlp_parameters / (3 * self.embed_dim)

    @property
    def active_share(self) -> Number:
        """Of the MLP's parameters, those that one token visits."""
        return self.active_mlp_parameters / self.mlp_parameters

    @property
    def expert_width(self) -> Number:
        """F: the MLP width of one expert, in the mean over all layers, as if it were gated."""
        return self.active_mlp_parameters / self.experts_per_token / (3 * self.embed_dim)

    def token_activation_elements(self, shards: Number = 1) -> Number:
        """Elements that cross HBM for one position on one of `shards` chips that split the layers.

        Each matmul reads its input and writes its result. Elementwise work rides along with a
        matmul; attention is one fused operation whose scores stay on the chip; the results k and v
        are counted as KV writes. A layer: query, key and value projections read D and write N*H;
        attention reads and writes N*H; the output projection reads N*H and writes D; gate and up
        read D and write 2F; down reads F and writes D. The embedding lookup writes D once.
        """
        heads = 4 * self.query_heads * self.head_dim / shards
        mlp = 3 * self.expert_width * self.experts_per_token / shards
        return self.layers * (4 * self.embed_dim + heads + mlp) + self.embed_dim

    def head_activation_bytes(self, element_bytes: Number, shards: Number = 1) -> Number:
        """The head's input and its logits, for one position on one of `shards` chips."""
        return self.embed_dim * element_bytes + self.vocab_size / shards * LOGIT_BYTES


@cache
def shape_of(model: Architecture) -> ModelShape:
    """What follows from an architecture's sizes; of layers that differ, their mean."""
    mixed_share = 1 - model.dense_layers / model.layers
    matrix = (3 if model.gated else 2) * model.embed_dim
    heads = 2 * model.query_heads + 2 * model.kv_heads
    attention = model.attention_parameters or model.embed_dim * model.head_dim * heads
    shared = matrix * model.shared_mlp_dim * mixed_share
    dense = matrix * model.dense_mlp_dim * (1 - mixed_share)
    expert = matrix * model.mlp_dim * mixed_share
    table = float(model.embedding_parameters)
    return ModelShape(
        layers=float(model.layers),
        embed_dim=float(model.embed_dim),
        query_heads=float(model.query_heads),
        kv_heads=float(model.kv_heads),
        head_dim=float(model.head_dim),
        attention_parameters=float(attention + shared + dense),
        mlp_parameters=float(model.experts * expert),
        active_mlp_parameters=float(model.active_experts * expert),
        experts_per_token=float(model.active_experts),
        head_parameters=table,
        embedding_parameters=0.0 if model.tied_embeddings else table,
        vector_parameters=float(model.vector_parameters),
        vocab_size=float(model.vocab_size),
        window=float(model.window or NO_WINDOW),
        windowed_share=model.windowed_share,
    )
