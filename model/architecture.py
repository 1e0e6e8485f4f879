"""Architecture: a decoder-only transformer's sizes, and everything that follows from them.

The one source of a model's sizes. `ModelConfig` (a model that runs) and the described models of
`profiling.predicted` (cost only) are both an Architecture; counting, prediction, memory checks and
records read what a layer holds, reads and moves from `ModelShape`, which `shape_of` builds.

Imports neither JAX nor Flax: commands that run no model stay light. Axis letters as in `config`.
"""

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, NonNegativeInt, PositiveInt

Number = Any
"""A float or an array of floats, all of one shape."""

Share = Annotated[float, Field(ge=0, le=1)]

NO_WINDOW = float("inf")
ALL_POSITIONS = 1e15  # more than any context; finite, for it is multiplied

DTYPE_BITS: dict[str, int] = {
    "float32": 32, "bfloat16": 16, "float16": 16, "int8": 8, "fp8": 8, "float8_e4m3fn": 8,
    "int4": 4, "fp4": 4, "float4_e2m1fn": 4,
}  # fmt: skip
"""Bits of one element by dtype; scales of quantised blocks are left out."""

LOGIT_BYTES = 4
"""Logits are float32 whatever the model's dtype."""

STATE_BYTES, CONVOLUTION_BYTES = 4, 2
"""An element of a linear attention's state and of the inputs that its convolution keeps: published
config.json files of Qwen3.5 have `mamba_ssm_dtype` float32, and the model runs in bfloat16."""


def dtype_bytes(dtype: str) -> float:
    """Bytes of one element of `dtype`, 0.5 for 4 bits; KeyError for one not in DTYPE_BITS."""
    return DTYPE_BITS[dtype] / 8


INDEX_BYTES = 1 + 4 / 128
"""An element of an index key: fp8 with a float32 scale for each 128, whatever the cache's dtype
(`Indexer` in inference/model.py of deepseek-ai/DeepSeek-V3.2-Exp)."""


LinearKind = Literal["gated delta net", "mamba2"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes of a decoder-only transformer, dense or a mixture of experts, or of a hybrid.

    In a mixture `mlp_dim` is one expert's, and one token is sent to `active_experts`.
    `shared_mlp_dim` is the width of experts that every token visits; `dense_layers` have an MLP of
    `dense_mlp_dim` instead. A share of the layers with attention sees `window` positions only, the
    others have `full_kv_heads` and `full_head_dim` where these differ. With a `latent_dim` keys and
    values are made of one compressed vector a position (multi-head latent attention, DeepSeek-V2,
    arXiv:2405.04434, section 2.1): `head_dim` is then the part of a key without position. With
    `index_heads` a query attends to the `index_positions` that a lightning indexer scores highest
    (DeepSeek-V3.2-Exp, GLM-5): `index_layers` score every position by a key of `index_dim`
    elements, the other layers take over the choice of the one before.
    `linear_layers` have linear attention, with a state in place of a cache. With `mlp_only_layers`
    each layer is one part: attention, linear attention or an MLP. Attention sinks, one number a
    head, cost nothing worth counting and are left out.
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
    expert_embed_dim: PositiveInt | None = None  # of experts between two projections of their own
    shared_mlp_dim: NonNegativeInt = 0
    dense_layers: NonNegativeInt = 0
    dense_mlp_dim: NonNegativeInt = 0
    mlp_only_layers: NonNegativeInt = 0
    mtp_layers: NonNegativeInt = 0  # that predict later tokens; no part of a plain step
    value_head_dim: PositiveInt | None = None  # where it is not `head_dim`
    gated_attention: bool = False  # its result is gated by a projection as wide
    window: PositiveInt | None = None
    windowed_share: Share = 0.0
    full_kv_heads: PositiveInt | None = None
    full_head_dim: PositiveInt | None = None
    full_values_are_keys: bool = False  # one projection for both, in layers without a window
    query_rank: NonNegativeInt = 0  # of latent attention's queries; 0 for one whole matrix
    latent_dim: NonNegativeInt = 0
    rotated_dim: NonNegativeInt = 0  # of a latent key: the part with position, for all heads
    index_heads: NonNegativeInt = 0
    index_dim: NonNegativeInt = 0
    index_positions: NonNegativeInt = 0
    index_layers: NonNegativeInt = 0
    linear_layers: NonNegativeInt = 0
    linear_kind: LinearKind = "gated delta net"
    linear_key_heads: NonNegativeInt = 0  # of Mamba-2: groups
    linear_value_heads: NonNegativeInt = 0
    linear_key_dim: NonNegativeInt = 0  # of Mamba-2: elements of state for each of a head
    linear_value_dim: NonNegativeInt = 0
    linear_conv: NonNegativeInt = 0  # positions of the convolution before it

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

    Layers that differ are one mean layer. Parameters of a layer are split by how a step reads them:
    attention's always, an expert's where one of its tokens needs it. Time may be differentiated by
    every field.
    """

    layers: Number  # L
    embed_dim: Number  # D
    query_heads: Number  # K * G
    kv_heads: Number  # K; 1 where attention is latent: what is cached serves all heads
    head_dim: Number  # H, the mean of a key's and a value's width
    attention_parameters: Number  # of a mean layer's projections, and of what all tokens visit
    mlp_parameters: Number  # of a mean layer, all experts
    active_mlp_parameters: Number  # of a mean layer, for one token
    experts_per_token: Number  # experts that one token is sent to in a mean layer; 1 where dense
    head_parameters: Number  # V * D, read by every step
    embedding_parameters: Number  # resident, of which a step reads a row a token; 0 where tied
    vector_parameters: Number  # norms and biases of all layers: read, but in no matmul
    vocab_size: Number  # V
    window: Number = NO_WINDOW  # positions that a windowed layer attends to
    windowed_share: Number = 0.0  # of the layers with attention, each counted by its heads' width
    windowed_kv_share: Number = 0.0  # the same, each counted by what it caches of a position
    attention_share: Number = 1.0  # of the layers: those with keys and values
    latent_dim: Number = 0.0  # compressed elements of a position, for keys and values; 0: neither
    rotated_dim: Number = 0.0  # cached with them, for keys alone
    attended: Number = ALL_POSITIONS  # by a query, where an index chooses them
    index_share: Number = 0.0  # of the layers: those that score all positions
    index_flops: Number = 0.0  # of one query's scores of one position, in such a layer
    index_bytes: Number = 0.0  # of one position's key, in such a layer
    state_bytes: Number = 0.0  # of one sequence, in all layers of linear attention
    state_flops: Number = 0.0  # of one token on that state
    linear_elements: Number = 0.0  # that linear attention moves of a token in a mean layer
    mtp_parameters: Number = 0.0  # of layers that predict later tokens; not in `parameters`

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
        of_heads = 2 * self.kv_heads * self.head_dim * (self.latent_dim == 0)
        return self.layers * self.attention_share * (of_heads + self.latent_dim + self.rotated_dim)

    def cached_bytes(self, element_bytes: Number) -> Number:
        """Of one position over all layers: keys and values of such elements, and index keys."""
        index_bytes = self.layers * self.index_share * self.index_bytes
        return self.kv_elements_per_token * element_bytes + index_bytes

    def with_kv_heads(self, heads: Number) -> "ModelShape":
        """The same with another number of KV heads, whose projections follow; not for a latent
        cache, which has none."""
        saved = 2 * self.embed_dim * self.head_dim * (self.kv_heads - heads)
        attention = self.attention_parameters - saved * self.attention_share
        return replace(self, kv_heads=heads, attention_parameters=attention)

    def with_window(self, positions: Number, share: Number = 1.0) -> "ModelShape":
        """The same with a window in `share` of the layers with attention."""
        return replace(self, window=positions, windowed_share=share, windowed_kv_share=share)

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
        heads = 4 * self.attention_share * self.query_heads * self.head_dim
        mlp = 3 * self.expert_width * self.experts_per_token
        split = (heads + self.linear_elements + mlp) / shards
        return self.layers * (4 * self.embed_dim + split) + self.embed_dim

    def head_activation_bytes(self, element_bytes: Number, shards: Number = 1) -> Number:
        """The head's input and its logits, for one position on one of `shards` chips."""
        return self.embed_dim * element_bytes + self.vocab_size / shards * LOGIT_BYTES


@cache
def shape_of(model: Architecture) -> ModelShape:
    """What follows from an architecture's sizes; of layers that differ, their mean. Where a layer
    is one part, two of them count as a layer of both."""
    layers = model.layers / 2 if model.mlp_only_layers else float(model.layers)
    attending = model.layers - model.linear_layers - model.mlp_only_layers
    visited = (model.mlp_only_layers or model.layers) - model.dense_layers  # with experts
    near, attention = _attention(model)
    linear = _linear(model)
    every, expert = _mlp(model)
    matrix = (3 if model.gated else 2) * model.embed_dim
    projections = attending * attention.parameters + model.linear_layers * linear.parameters
    mlps = visited * every + model.dense_layers * matrix * model.dense_mlp_dim
    one_mtp = attention.parameters + every + model.experts * expert + 2 * model.embed_dim**2
    table = float(model.embedding_parameters)
    return ModelShape(
        layers=layers,
        embed_dim=float(model.embed_dim),
        query_heads=float(model.query_heads),
        kv_heads=1.0 if model.latent_dim else attention.cached / attention.width,
        head_dim=attention.width / 2,
        attention_parameters=(projections + mlps) / layers,
        mlp_parameters=model.experts * expert * visited / layers,
        active_mlp_parameters=model.active_experts * expert * visited / layers,
        experts_per_token=model.active_experts * visited / layers,
        head_parameters=table,
        embedding_parameters=0.0 if model.tied_embeddings else table,
        vector_parameters=float(model.vector_parameters),
        vocab_size=float(model.vocab_size),
        window=float(model.window or NO_WINDOW),
        windowed_share=model.windowed_share * (near.width / attention.width),
        windowed_kv_share=model.windowed_share * (near.cached / attention.cached),
        attention_share=attending / layers,
        latent_dim=float(model.latent_dim),
        rotated_dim=float(model.rotated_dim),
        attended=float(model.index_positions or ALL_POSITIONS),
        index_share=model.index_layers / layers,
        index_flops=2.0 * model.index_heads * model.index_dim,
        index_bytes=model.index_dim * INDEX_BYTES,
        state_bytes=float(model.linear_layers * linear.state_bytes),
        state_flops=float(model.linear_layers * linear.state_flops),
        linear_elements=model.linear_layers * linear.elements / layers,
        mtp_parameters=float(model.mtp_layers * one_mtp),
    )


class _Attention(NamedTuple):
    """One layer's attention."""

    parameters: float
    width: float  # of a key and a value of one head
    cached: float  # elements of one position


def _attention(model: Architecture) -> tuple[_Attention, _Attention]:
    """(a layer with a window, the mean of all layers with attention)."""
    if model.latent_dim:
        return _latent_attention(model), _latent_attention(model)
    D, share = model.embed_dim, model.windowed_share
    near = _head_attention(model, model.kv_heads, model.head_dim, D)
    heads, width = model.full_kv_heads or model.kv_heads, model.full_head_dim or model.head_dim
    full = _head_attention(model, heads, width, 0 if model.full_values_are_keys else D)
    mean = (f + share * (n - f) for n, f in zip(near, full, strict=True))
    return near, _Attention(*mean)


def _head_attention(model: Architecture, kv_heads: int, key_dim: int, rows: int) -> _Attention:
    """With a projection of values from `rows` elements, 0 for none."""
    D, value_dim = model.embed_dim, model.value_head_dim or key_dim
    queries = D * (key_dim + value_dim * (2 if model.gated_attention else 1))
    keys_values = D * key_dim + rows * value_dim
    width = key_dim + value_dim
    return _Attention(model.query_heads * queries + kv_heads * keys_values, width, kv_heads * width)


def _latent_attention(model: Architecture) -> _Attention:
    D, latent, value_dim = model.embed_dim, model.latent_dim, model.value_head_dim or model.head_dim
    key_dim, cached = model.head_dim + model.rotated_dim, latent + model.rotated_dim
    queries, rank = model.query_heads * key_dim, model.query_rank
    into = rank * (D + queries) if rank else D * queries
    keys_values = latent * model.query_heads * (model.head_dim + value_dim)
    output = model.query_heads * value_dim * D
    # Of an index: queries of the compressed ones, the key, and a weight for each head.
    index = rank * model.index_heads * model.index_dim + D * (model.index_dim + model.index_heads)
    share = model.index_layers / (model.layers - model.linear_layers - model.mlp_only_layers)
    parameters = into + D * cached + keys_values + output
    return _Attention(parameters + share * index, key_dim + value_dim, cached)


class _Linear(NamedTuple):
    """One layer of linear attention, or of a state space."""

    parameters: int
    state_bytes: int  # of a sequence
    state_flops: int  # of a token
    elements: int  # that its projections write and its state reads of a token, and back


def _linear(model: Architecture) -> _Linear:
    """Gated delta net (arXiv:2412.06464): queries, keys, values, a gate as wide and two numbers a
    head. Mamba-2 (arXiv:2405.21060): the same but one number a head; its groups are keys' heads."""
    delta = model.linear_kind == "gated delta net"
    keys = model.linear_key_heads * model.linear_key_dim
    values = model.linear_value_heads * model.linear_value_dim
    state = values * model.linear_key_dim
    convolved = 2 * keys + values
    numbers = (2 if delta else 1) * model.linear_value_heads
    into = model.embed_dim * (convolved + values + numbers)
    kept = convolved * max(model.linear_conv - 1, 0)
    return _Linear(
        into + convolved * model.linear_conv + values * model.embed_dim,
        STATE_BYTES * state + CONVOLUTION_BYTES * kept,
        (6 if delta else 4) * state,  # products with the state: the delta rule reads it once more
        2 * (convolved + values) + 2 * values,
    )


def _mlp(model: Architecture) -> tuple[int, int]:
    """(parameters that every token visits of a layer with experts, those of one expert); of a dense
    model its MLP is the one expert."""
    matrices, D = 3 if model.gated else 2, model.embed_dim
    inner = model.expert_embed_dim or D
    router = model.experts * D if model.experts > 1 else 0
    around = 2 * D * inner if model.expert_embed_dim else 0
    every = matrices * D * model.shared_mlp_dim + router + around
    return every, matrices * inner * model.mlp_dim
