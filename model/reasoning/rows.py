"""Rows: attempts over shared prompts. Their state, and the jitted moves of their cache.

What is large (the KV cache) stays on the device in `Rows`; what is small ([B, A] each) is a
`Cursor`, which the host reads and edits between calls. All rows share one slot counter; the tokens
of a row lie in its slots with gaps where it was idle.

Axis letters as in `config`; M the longest ending.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ..cache import EMPTY, KVCache
from ..transformer import Transformer

Small = Any
"""numpy on the host, jax under jit."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """What stays on the device between calls."""

    cache: KVCache
    keys: Array  # [B, A] PRNG keys, one an attempt
    slot: Array  # [] int32: the next slot to fill


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Cursor:
    """Where each row stands; numpy on the host, and small enough to cross at every call."""

    token: Small  # [B, A] int32: the last token said
    pending: Small  # [B, A] bool: it is not yet read
    position: Small  # [B, A] int32: the position at which the next token is read
    said: Small  # [B, A] int32: tokens said since the prompt, forced ones included
    left: Small  # [B, A] int32: tokens that this stretch may still say
    recent: Small  # [B, A, M] int32: the last tokens said, newest last
    active: Small  # [B, A] bool: at work in this stretch
    stop: Small  # [B, A] int32: Stop


@jax.jit
def read_prompts(model: Transformer, prompts: Array, lengths: Array) -> tuple[KVCache, Array]:
    """Read `prompts` [B, P] of `lengths` [B]: their cache, and logits [B, 1, V] of what follows."""
    B, P = prompts.shape
    with jax.named_scope("prefill"):
        index = jnp.arange(P)
        positions = jnp.where(index < lengths[:, None], index, EMPTY)[:, None]
        blank = KVCache.empty(model.config, B, 1, P, model.dtype)
        hidden, cache = model.forward(prompts[:, None], positions, blank, 0)
        last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None, None], axis=2)
        return cache, model.logits(last)[:, :, 0]


@partial(jax.jit, static_argnames=("attempts", "slots"))
def share(cache: KVCache, attempts: int, slots: int) -> KVCache:
    """A cache of `attempts` rows a prompt with `slots` slots each, over one prompt part."""
    return cache.share(attempts, slots)


@partial(jax.jit, donate_argnames="rows")
def forget(rows: Rows, keep: Array, slot: Array) -> Rows:
    """Empty the slots of each row that hold positions from `keep` [B, A] on; go back to `slot`."""
    positions = rows.cache.positions
    kept = jnp.where(positions >= keep[..., None], EMPTY, positions)
    return replace(rows, cache=replace(rows.cache, positions=kept), slot=slot)


@partial(jax.jit, donate_argnames="rows")
def take_rows(rows: Rows, parents: Array) -> Rows:
    """Row a becomes a copy of row `parents[b, a]` [B, A]; each row keeps its own key."""

    def pick(x: Array, axis: int) -> Array:
        shape = [1] * x.ndim
        shape[axis - 1 : axis + 1] = parents.shape
        return jnp.take_along_axis(x, parents.reshape(shape), axis=axis)

    cache = replace(
        rows.cache,
        keys=pick(rows.cache.keys, 2),
        values=pick(rows.cache.values, 2),
        positions=pick(rows.cache.positions, 1),
    )
    return replace(rows, cache=cache)


@partial(jax.jit, static_argnames="more")
def grow(rows: Rows, more: int) -> Rows:
    """`more` empty slots for each row."""
    cache = rows.cache
    wide = [(0, 0)] * 4 + [(0, more), (0, 0)]
    grown = replace(
        cache,
        keys=jnp.pad(cache.keys, wide),
        values=jnp.pad(cache.values, wide),
        positions=jnp.pad(cache.positions, ((0, 0), (0, 0), (0, more)), constant_values=EMPTY),
    )
    return replace(rows, cache=grown)


LEAST_SLOTS = 16
"""The fewest slots that a cache is compiled for."""


def up_to_step(slots: int) -> int:
    """`slots` rounded up to 16, 24, 32, 48, 64, 96 ...: few shapes are compiled."""
    size = LEAST_SLOTS
    while size < slots:
        size *= 2
    return size * 3 // 4 if LEAST_SLOTS < size * 3 // 4 >= slots else size
