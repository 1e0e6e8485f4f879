"""KVCache: keys and values of what the model has read, in a shared part and a part per attempt.

All attempts at one prompt read the same prompt keys and values: they are stored once and read
once a step, not once an attempt.

Axis letters as in `config`; P prompt slots, S slots of each attempt.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from .config import ModelConfig

EMPTY = -1
"""Position of a slot that holds nothing; no query sees it."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KVCache:
    """Keys and values with the position that each slot holds (`EMPTY` for none).

    A query at position q sees the slots whose position is in [0, q]: one rule for causality,
    padding and the gaps of attempts that were idle while others thought.
    """

    prompt_keys: Array  # [L, B, K, P, H]
    prompt_values: Array  # [L, B, K, P, H]
    prompt_positions: Array  # [B, P] int32
    keys: Array  # [L, B, A, K, S, H]
    values: Array  # [L, B, A, K, S, H]
    positions: Array  # [B, A, S] int32

    @staticmethod
    def empty(
        config: ModelConfig, batch: int, attempts: int, slots: int, dtype: jnp.dtype
    ) -> "KVCache":
        """A cache without a prompt part and with `slots` empty slots for each attempt."""
        shape = (config.layers, batch, config.kv_heads, 0, config.head_dim)
        prompt = (jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))
        return KVCache.after(*prompt, jnp.zeros((batch, 0), jnp.int32), attempts, slots)

    def share(self, attempts: int, slots: int) -> "KVCache":
        """What one attempt has read becomes the prompt part of `attempts` new attempts."""
        prompt = (self.keys[:, :, 0], self.values[:, :, 0], self.positions[:, 0])
        return KVCache.after(*prompt, attempts, slots)

    @staticmethod
    def after(keys: Array, values: Array, positions: Array, attempts: int, slots: int) -> "KVCache":
        """`slots` empty slots for each of `attempts` after a prompt part, [L, B, K, P, H]."""
        L, B, K, _, H = keys.shape
        shape = (L, B, attempts, K, slots, H)
        own = (jnp.zeros(shape, keys.dtype), jnp.zeros(shape, values.dtype))
        empty = jnp.full((B, attempts, slots), EMPTY, jnp.int32)
        return KVCache(keys, values, positions, *own, empty)


def visible(slot_positions: Array, query_positions: Array) -> Array:
    """Which slots [..., S] each query [..., T] sees: bool [..., T, S]."""
    slots, queries = slot_positions[..., None, :], query_positions[..., :, None]
    return (slots >= 0) & (slots <= queries)
