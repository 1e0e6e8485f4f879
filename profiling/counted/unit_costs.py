"""What one token, one query-key pair and one head position of a model cost.

A transformer's work is linear in these three, so they are read off the traced model itself at
its smallest sizes, and any phase is a sum of them. What a program computes beyond that (masked
scores, padding, idle attempts) is not the algorithm's and is not counted.
"""

from dataclasses import dataclass, replace
from functools import cache

import jax
import jax.numpy as jnp

from ...model.architecture import DTYPE_BITS, shape_of
from ...model.config import DType, ModelConfig
from ...model.kv_cache import KVCache
from ...model.transformer import Transformer, abstract_transformer
from .flops import Operations, count

HEAD_BYTES = 4
"""A verifier's head, and what it computes, are float32 whatever the model's dtype."""


@dataclass(frozen=True)
class UnitCosts:
    """Costs from which those of every phase are added up; bytes by the rules of `passes`."""

    token: Operations  # one position through all layers, attention pairs left out
    pair: Operations  # one query meeting one key, over all layers and heads
    head: Operations  # logits of one position
    pass_weight_bytes: int  # every weight that a pass reads whatever its tokens
    token_weight_bytes: int  # a token's row of the embedding
    kv_bytes: int  # keys and values of one position over all layers
    token_activation_bytes: int  # `ModelShape.token_activation_elements`
    head_activation_bytes: int  # the head's input and its logits, for one position


@cache
def unit_costs(config: ModelConfig, dtype: DType) -> UnitCosts:
    """Unit costs of a model whose weights, activations and cache are all `dtype`."""
    model = abstract_transformer(config, jnp.dtype(dtype))
    pair = _forward(model, keys=2) - _forward(model, keys=1)
    size, shape = DTYPE_BITS[dtype] // 8, shape_of(config)
    return UnitCosts(
        token=_forward(model, keys=1) - pair,
        pair=pair,
        head=_head(model),
        pass_weight_bytes=round(shape.parameters - shape.embedding_parameters) * size,
        token_weight_bytes=config.embed_dim * size,
        kv_bytes=config.kv_bytes_per_token(dtype),
        token_activation_bytes=round(shape.token_activation_elements()) * size,
        head_activation_bytes=round(shape.head_activation_bytes(size)),
    )


@cache
def verifier_costs(config: ModelConfig, dtype: DType, hidden_units: int) -> UnitCosts:
    """Unit costs of a verifier: the model's trunk under a perceptron of `hidden_units` that scores.

    It reads neither the final norm nor the language model's head, and is float32 itself.
    """
    from ...model.reward_model import initial_head  # which opens folders, and few models have

    trunk, size = unit_costs(config, dtype), DTYPE_BITS[dtype] // 8
    D, N = config.embed_dim, hidden_units
    head = jax.eval_shape(lambda: initial_head(D, N, 0))
    state = jax.ShapeDtypeStruct((D,), jnp.float32)
    left_out = (config.embedding_parameters + D) * size
    return replace(
        trunk,
        head=count(jax.make_jaxpr(lambda h, x: h(x))(head, state)),
        pass_weight_bytes=trunk.pass_weight_bytes - left_out + (D + 2) * N * HEAD_BYTES,
        head_activation_bytes=(D + 2 * N + 1) * HEAD_BYTES,
    )


def _forward(model: Transformer, keys: int) -> Operations:
    """One position that meets `keys` keys."""
    cache = jax.eval_shape(lambda: KVCache.empty(model.config, 1, 1, keys, model.dtype))
    one = jax.ShapeDtypeStruct((1, 1, 1), jnp.int32)
    return count(jax.make_jaxpr(lambda m, t, c: m.forward(t, t, c, 0)[0])(model, one, cache))


def _head(model: Transformer) -> Operations:
    hidden = jax.ShapeDtypeStruct((1, 1, 1, model.config.embed_dim), model.dtype)
    return count(jax.make_jaxpr(lambda m, h: m.logits(h))(model, hidden))
