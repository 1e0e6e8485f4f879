"""What training differentiates: log-probabilities of given tokens, in one causal pass.

Axis letters as in `config`; here every row is a prompt of its own with one attempt.
"""

import jax
import jax.numpy as jnp
from jax import Array

from ..kv_cache import KVCache
from ..transformer import Transformer


def token_logits(model: Transformer, tokens: Array) -> Array:
    """Next-token logits [B, T, V] after each token of `tokens` [B, T], from an empty cache."""
    B, T = tokens.shape
    positions = jnp.broadcast_to(jnp.arange(T, dtype=jnp.int32), (B, 1, T))
    cache = KVCache.empty(model.config, B, 1, T, model.dtype)
    hidden, _ = model.forward(tokens[:, None], positions, cache, 0)
    return model.logits(hidden)[:, 0]


def token_logprobs(model: Transformer, tokens: Array) -> Array:
    """log p of each token of `tokens` [B, T] given those before it; the first token's is 0."""
    logits = jax.nn.log_softmax(token_logits(model, tokens[:, :-1]))
    said = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.pad(said, ((0, 0), (1, 0)))


def cross_entropy(model: Transformer, tokens: Array, taught: Array) -> Array:
    """Mean negative log-probability, in nats, of the tokens [B, T] that `taught` [B, T] marks."""
    return -(token_logprobs(model, tokens) * taught).sum() / jnp.maximum(taught.sum(), 1)
