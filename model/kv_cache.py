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
        L, K, H = config.layers, config.kv_heads, config.head_dim
        return KVCache(
            prompt_keys=jnp.zeros((L, batch, K, 0, H), dtype),
            prompt_values=jnp.zeros((L, batch, K, 0, H), dtype),
            prompt_positions=jnp.zeros((batch, 0), jnp.int32),
            keys=jnp.zeros((L, batch, attempts, K, slots, H), dtype),
            values=jnp.zeros((L, batch, attempts, K, slots, H), dtype),
            positions=jnp.full((batch, attempts, slots), EMPTY, jnp.int32),
        )

    def share(self, attempts: int, slots: int) -> "KVCache":
        """What one attempt has read becomes the prompt part of `attempts` new attempts."""
        L, B, _, K, _, H = self.keys.shape
        return KVCache(
            prompt_keys=self.keys[:, :, 0],
            prompt_values=self.values[:, :, 0],
            prompt_positions=self.positions[:, 0],
            keys=jnp.zeros((L, B, attempts, K, slots, H), self.keys.dtype),
            values=jnp.zeros((L, B, attempts, K, slots, H), self.values.dtype),
            positions=jnp.full((B, attempts, slots), EMPTY, jnp.int32),
        )


def visible(slot_positions: Array, query_positions: Array) -> Array:
    """Which slots [..., S] each query [..., T] sees: bool [..., T, S]."""
    slots, queries = slot_positions[..., None, :], query_positions[..., :, None]
    return (slots >= 0) & (slots <= queries)
