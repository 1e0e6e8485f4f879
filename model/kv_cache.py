"""KVCache: keys and values of what the model has read, in a shared part and a part per attempt.

All attempts at one prompt read the same prompt keys and values: they are stored once and read
once a step, not once an attempt. What a session does to its rows it does to all stacks of layers
by the methods here.

Axis letters as in `config`; P prompt slots, S slots of each attempt.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from .config import ModelConfig

EMPTY = -1
"""Position of a slot that holds nothing; no query sees it."""


class Context(NamedTuple):
    """What the queries of a layer, or of a stack of layers (axis L first), may look at. Each is an
    array, or a `quantised.Quantised` whose scales have all of its axes but H. Of latent attention K
    is 1: keys are their part with position, R wide, and values the latents, Z wide."""

    prompt_keys: Array  # [L, B, K, P, H]
    prompt_values: Array  # [L, B, K, P, H]
    keys: Array  # [L, B, A, K, S, H]
    values: Array  # [L, B, A, K, S, H]

    @staticmethod
    def after(keys: Array, values: Array, attempts: int, slots: int) -> "Context":
        """Of a stack: `slots` empty slots for each of `attempts` after a prompt part."""

        def empty(part: Array) -> Array:
            L, B, K, _, *rest = part.shape
            return jnp.zeros((L, B, attempts, K, slots, *rest), part.dtype)

        return Context(keys, values, *jax.tree.map(empty, (keys, values)))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class KVCache:
    """Keys and values of each of `config.stacks`, with the position that each slot holds (`EMPTY`
    for none).

    A query at position q sees the slots whose position is in [0, q], in a layer with a window the
    last of them: one rule for causality, padding and the gaps of attempts that were idle while
    others thought.
    """

    stacks: tuple[Context, ...]
    prompt_positions: Array  # [B, P] int32
    positions: Array  # [B, A, S] int32

    @staticmethod
    def empty(
        config: ModelConfig, batch: int, attempts: int, slots: int, dtype: jnp.dtype
    ) -> "KVCache":
        """A cache without a prompt part and with `slots` empty slots for each attempt."""
        prompts = []
        for layers in config.stacks.values():
            shape = (len(layers), batch, config.cached_heads, 0)
            keys, values = (_no_rows(config, (*shape, H), dtype) for H in config.cached_widths)
            prompts.append((keys, values))
        return _after(prompts, jnp.zeros((batch, 0), jnp.int32), attempts, slots)

    def share(self, attempts: int, slots: int) -> "KVCache":
        """What one attempt has read becomes the prompt part of `attempts` new attempts."""
        prompts = [(one.keys[:, :, 0], one.values[:, :, 0]) for one in self.stacks]
        return _after(prompts, self.positions[:, 0], attempts, slots)

    def taken(self, parents: Array) -> "KVCache":
        """Attempt a becomes a copy of attempt `parents[b, a]` [B, A]."""
        stacks = tuple(
            one._replace(keys=_pick(one.keys, parents, 2), values=_pick(one.values, parents, 2))
            for one in self.stacks
        )
        return replace(self, stacks=stacks, positions=_pick(self.positions, parents, 1))

    def truncated(self, keep: Array) -> "KVCache":
        """Without what attempts hold at positions from `keep` [B, A] on."""
        kept = jnp.where(self.positions >= keep[..., None], EMPTY, self.positions)
        return replace(self, positions=kept)

    def grown(self, more: int) -> "KVCache":
        """`more` empty slots for each attempt."""

        def wide(part: Array) -> Array:
            return jnp.pad(part, [(0, more if axis == 4 else 0) for axis in range(part.ndim)])

        stacks = tuple(
            one._replace(**jax.tree.map(wide, {"keys": one.keys, "values": one.values}))
            for one in self.stacks
        )
        positions = jnp.pad(self.positions, ((0, 0), (0, 0), (0, more)), constant_values=EMPTY)
        return replace(self, stacks=stacks, positions=positions)


def _after(
    prompts: list[tuple[Array, Array]], positions: Array, attempts: int, slots: int
) -> KVCache:
    stacks = tuple(Context.after(*prompt, attempts, slots) for prompt in prompts)
    empty = jnp.full((positions.shape[0], attempts, slots), EMPTY, jnp.int32)
    return KVCache(stacks, positions, empty)


def _pick(x: Array, parents: Array, axis: int) -> Array:
    """`x` with, at each place b of the axis before `axis`, entry `parents[b, a]` at place a."""

    def picked(part: Array) -> Array:
        shape = [1] * part.ndim
        shape[axis - 1 : axis + 1] = parents.shape
        return jnp.take_along_axis(part, parents.reshape(shape), axis=axis)

    chosen: Array = jax.tree.map(picked, x)
    return chosen


def _no_rows(config: ModelConfig, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    """Keys or values of an empty cache, as `config` holds them."""
    if config.widths.kv is None:
        return jnp.zeros(shape, dtype)
    from .quantised import empty_rows  # which few models have

    return empty_rows(shape, config.widths.kv)


def visible(slot_positions: Array, query_positions: Array, window: int | None = None) -> Array:
    """Which slots [..., S] each query [..., T] sees, its own position and those before it, of a
    window the last: bool [..., T, S]."""
    slots, queries = slot_positions[..., None, :], query_positions[..., :, None]
    seen = (slots >= 0) & (slots <= queries)
    return seen if window is None else seen & (slots > queries - window)
