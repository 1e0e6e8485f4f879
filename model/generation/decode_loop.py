"""The jitted passes over rows: decode until something ends, or read tokens that are given.

Axis letters as in `config`; N passes of one call, T positions of one pass, M the longest ending.

Rows: attempts over shared prompts. Their state, and the jitted moves of their cache.

What is large (the KV cache) stays on the device in `Rows`; what is small ([B, A] each) is a
`Cursor`, which the host reads and edits between calls. All rows share one slot counter; the tokens
of a row lie in its slots with gaps where it was idle.

Axis letters as in `config`; M the longest ending.

How sure a model was of each token: two figures that come out of the same logits as the token.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from ..kv_cache import EMPTY, KVCache
from ..sampling import Sampler
from ..transformer import Transformer
from .attempt import Stop

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


def token_confidence(logits: Array, token: Array) -> tuple[Array, Array]:
    """Log-probability of `token` [...] and top-1 minus top-2 probability, of `logits` [..., V].

    Both are of the model's own softmax, whatever the sampler's temperature. The margin is
    CoT-decoding's (Wang & Zhou 2024, arXiv 2402.10200, section 2.2), the log-probability what
    DeepConf (arXiv 2508.15260) averages. Three reductions over the vocabulary, no sort.
    """
    with jax.named_scope("confidence"):
        total = jax.nn.logsumexp(logits, axis=-1)
        chosen = jnp.take_along_axis(logits, jnp.maximum(token, 0)[..., None], axis=-1)[..., 0]
        best = jnp.argmax(logits, axis=-1)
        index = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
        second = jnp.where(index == best[..., None], -jnp.inf, logits).max(axis=-1)
        margin = jnp.exp(logits.max(axis=-1) - total) - jnp.exp(second - total)
        return chosen - total, margin


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Endings:
    """What ends a stretch of decoding, besides its budget: data, so that all stretches of a shape
    share one program.

    An end token that is not kept is sampled and then not said, as where a thought ends and a cue
    takes its place.
    """

    markers: Small  # [endings, M] int32: right-aligned, ANY before their first token
    end_tokens: Small  # [ends] int32
    keeps_end: Small  # [] bool


ANY = -2
"""Matches every token of a marker's row; a row of `NEVER` matches none."""

NEVER = -3


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Said:
    """What one call said, pass by pass: [N, B, A] each."""

    token: Array  # int32; EMPTY where nothing was said
    logprob: Array  # float32
    margin: Array  # float32
    read: Array  # bool: rows that took part in the pass


@partial(jax.jit, static_argnames="sampler")
def begin(
    keys: Array, cursor: Cursor, logits: Array, given: Array, endings: Endings, sampler: Sampler
) -> tuple[Cursor, Said]:
    """Say one token of each active row from `logits` [B, A or 1, V] that are at hand: no pass.

    `given` [B, A] is said instead of a sampled token where it is not EMPTY.
    """
    full = jnp.broadcast_to(logits, (*cursor.token.shape, logits.shape[-1]))
    cursor, said = _say(keys, cursor, full, given, endings, sampler)
    return cursor, jax.tree.map(lambda x: x[None], said)


@partial(jax.jit, static_argnames=("sampler", "passes"), donate_argnames="rows")
def decode(
    model: Transformer,
    rows: Rows,
    cursor: Cursor,
    limit: Array,
    endings: Endings,
    sampler: Sampler,
    passes: int,
) -> tuple[Rows, Cursor, Said, Array]:
    """Up to `limit` <= `passes` passes: read each active row's token, say the next.

    Stops early once no row is active. The last result is the number of passes made.
    """
    shape = (passes, *cursor.token.shape)
    blank = Said(
        token=jnp.full(shape, EMPTY, jnp.int32),
        logprob=jnp.zeros(shape),
        margin=jnp.zeros(shape),
        read=jnp.zeros(shape, bool),
    )
    none_given = jnp.full(cursor.token.shape, EMPTY, jnp.int32)
    Carry = tuple[Array, Rows, Cursor, Said]

    def goes_on(carry: Carry) -> Array:
        done, _, cursor, _ = carry
        return (done < limit) & cursor.active.any()

    def once(carry: Carry) -> Carry:
        done, rows, cursor, said = carry
        position = jnp.where(cursor.active, cursor.position, EMPTY)
        hidden, cache = model.forward(
            cursor.token[..., None], position[..., None], rows.cache, rows.slot
        )
        rows = replace(rows, cache=cache, slot=rows.slot + 1)
        cursor = replace(
            cursor,
            position=cursor.position + cursor.active,
            pending=cursor.pending & ~cursor.active,
        )
        logits = model.logits(hidden)[:, :, 0]
        cursor, now = _say(rows.keys, cursor, logits, none_given, endings, sampler)
        said = jax.tree.map(lambda all_, one: all_.at[done].set(one), said, now)
        return done + 1, rows, cursor, said

    done, rows, cursor, said = jax.lax.while_loop(
        goes_on, once, (jnp.int32(0), rows, cursor, blank)
    )
    return rows, cursor, said, done


@partial(jax.jit, donate_argnames="rows")
def read_given(
    model: Transformer, rows: Rows, tokens: Array, positions: Array
) -> tuple[Rows, Array, Array]:
    """One pass over given `tokens` [B, A, T] at `positions` [B, A, T], EMPTY where none.

    A row's tokens end in the last column. Returns hidden states [B, A, D] and logits [B, A, V] of
    that column.
    """
    hidden, rows = _read(model, rows, tokens, positions)
    last = hidden[:, :, -1:]
    return rows, last[:, :, 0], model.logits(last)[:, :, 0]


@partial(jax.jit, donate_argnames="rows")
def read_scored(
    model: Transformer, rows: Rows, tokens: Array, positions: Array
) -> tuple[Rows, Array, Array, Array, Array]:
    """As `read_given`, with the log-probability and margin [B, A, T - 1] of columns 1 and on.

    The vocabulary's logits are held for one column at a time.
    """
    hidden, rows = _read(model, rows, tokens, positions)

    def of_column(column: tuple[Array, Array]) -> tuple[Array, Array]:
        before, token = column
        return token_confidence(model.logits(before[:, :, None])[:, :, 0], token)

    columns = (jnp.moveaxis(hidden[:, :, :-1], 2, 0), jnp.moveaxis(tokens[:, :, 1:], 2, 0))
    logprob, margin = jax.lax.map(of_column, columns)
    last = hidden[:, :, -1:]
    figures = (jnp.moveaxis(logprob, 0, 2), jnp.moveaxis(margin, 0, 2))
    return rows, last[:, :, 0], model.logits(last)[:, :, 0], *figures


def _read(model: Transformer, rows: Rows, tokens: Array, positions: Array) -> tuple[Array, Rows]:
    hidden, cache = model.forward(tokens, positions, rows.cache, rows.slot)
    return hidden, replace(rows, cache=cache, slot=rows.slot + tokens.shape[2])


def _say(
    keys: Array, cursor: Cursor, logits: Array, given: Array, endings: Endings, sampler: Sampler
) -> tuple[Cursor, Said]:
    """One token of each active row; a row's n-th depends on its own key and n alone."""
    token = jnp.where(given != EMPTY, given, _sample(keys, cursor.said, logits, sampler))
    logprob, margin = token_confidence(logits, token)
    ended = cursor.active & (token[..., None] == endings.end_tokens).any(axis=-1)
    says = cursor.active & (endings.keeps_end | ~ended)
    shifted = jnp.concatenate((cursor.recent[..., 1:], token[..., None]), axis=-1)
    recent = jnp.where(says[..., None], shifted, cursor.recent)
    spelt = (recent[..., None, :] == endings.markers) | (endings.markers == ANY)
    marker = says & ~ended & spelt.all(axis=-1).any(axis=-1)
    left = cursor.left - says
    spent = says & ~ended & ~marker & (left <= 0)
    stop = jnp.where(ended, Stop.END_OF_SEQUENCE, cursor.stop)
    stop = jnp.where(marker, Stop.MARKER, stop)
    stop = jnp.where(spent, Stop.BUDGET, stop)
    moved = replace(
        cursor,
        token=jnp.where(says, token, cursor.token),
        pending=cursor.pending | says,
        said=cursor.said + says,
        left=left,
        recent=recent,
        active=cursor.active & ~(ended | marker | spent),
        stop=stop,
    )
    said = Said(jnp.where(says, token, EMPTY), logprob, margin, cursor.active)
    return moved, said


def _sample(keys: Array, said: Array, logits: Array, sampler: Sampler) -> Array:
    with jax.named_scope("sampling"):
        folded = jax.vmap(jax.random.fold_in)(keys.reshape(-1), said.reshape(-1))
        uniform = jax.vmap(jax.random.uniform)(folded)
        rows = logits.reshape(-1, logits.shape[-1])
        return sampler.sample(rows, uniform).reshape(said.shape)
