"""ModelShape: a transformer's sizes, as prediction needs them.

Every field is a number or an array (a sweep over models), and time may be differentiated by it.
Axis letters as in model.config.
"""

from dataclasses import dataclass
from typing import Any

import jax

from ...model.config import ModelConfig

Number = Any
"""A float or an array of floats, all of one shape."""

NO_WINDOW = float("inf")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ModelShape:
    """Sizes of a decoder-only transformer, dense or a mixture of experts.

    Parameters of one layer are split by how a step reads them: attention's always, an expert's
    where one of its tokens needs it.
    """

    layers: Number  # L
    embed_dim: Number  # D
    query_heads: Number  # K * G
    kv_heads: Number  # K
    head_dim: Number  # H
    attention_parameters: Number  # of one layer's projections
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
        layer = self.attention_parameters + self.mlp_parameters
        tables = self.head_parameters + self.embedding_parameters
        return self.layers * layer + tables + self.vector_parameters

    @property
    def kv_elements_per_token(self) -> Number:
        """Elements of keys and values that one position takes over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim


def shape_of(config: ModelConfig) -> ModelShape:
    """The shape of a dense model of this project; its parameters are the config's to the last."""
    mlp = 3 * config.embed_dim * config.mlp_dim
    projections = 2 * config.embed_dim * config.head_dim * (config.query_heads + config.kv_heads)
    vectors = config.layers * (config.parameters_per_layer - projections - mlp) + config.embed_dim
    table = config.embedding_parameters
    return ModelShape(
        layers=float(config.layers),
        embed_dim=float(config.embed_dim),
        query_heads=float(config.query_heads),
        kv_heads=float(config.kv_heads),
        head_dim=float(config.head_dim),
        attention_parameters=float(projections),
        mlp_parameters=float(mlp),
        active_mlp_parameters=float(mlp),
        experts_per_token=1.0,
        head_parameters=float(table),
        embedding_parameters=0.0 if config.tied_embeddings else float(table),
        vector_parameters=float(vectors),
        vocab_size=float(config.vocab_size),
    )
