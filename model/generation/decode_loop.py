"""The passes that generation is made of: read prompts, decode until something ends, read what is
given, copy rows.

Each is a plain function of arrays with its jitted form below it. A `*_program` is what a kind of
phase runs (a phase's `program` in `model.phases` says which), which the compiled lens lowers.
What is large (the KV cache) stays on the device in `Rows`; what is small ([B, A] each) is a
`Cursor`, which the host reads and edits between stretches. All rows share one slot counter; the
tokens of a row lie in its slots with gaps where it was idle.

Axis letters as in `config`; N passes of one call, T positions of one pass, M the longest ending,
C the longest cue.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..kv_cache import EMPTY, KVCache
from ..sampling import Sampler
from ..transformer import Transformer
from .stopping import Stop, ThoughtRules

Small = Array | np.ndarray
"""numpy on the host, jax under jit."""

PASSES_PER_CALL = 16
"""Decode passes in one call of the jitted loop: how often the host hears of progress."""

ANY = -2
"""Matches every token of a marker's row; a row of `NEVER` matches none."""

NEVER = -3

SILENT = -4
"""In `Emitted.token` where a row read a token and emitted none: at an end that is not kept."""

NOT_FORCED = -1

KEEP_ALL = np.int32(np.iinfo(np.int32).max)
"""In `truncate`, of a row that keeps all of its positions."""


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
    """Where each row stands."""

    token: Small  # [B, A] int32: the last token emitted
    pending: Small  # [B, A] bool: it is not yet read
    position: Small  # [B, A] int32: the position at which the next token is read
    emitted: Small  # [B, A] int32: tokens emitted since the prompt, forced ones included
    left: Small  # [B, A] int32: tokens that may still be emitted
    recent: Small  # [B, A, M] int32: the last tokens emitted, newest last
    active: Small  # [B, A] bool: at work in this stretch
    forced: Small  # [B, A] int32: next token of the cue to force, or NOT_FORCED
    stop: Small  # [B, A] int32: Stop


def fresh_cursor(read: Small, attempts: int, looks_back: int) -> Cursor:
    """Rows at prompts of which `read` [B] positions are read, and that have said nothing; they look
    back on M = `looks_back` tokens."""
    shape = (read.shape[0], attempts)
    none = np.zeros(shape, np.int32)
    return Cursor(
        token=none,
        pending=np.zeros(shape, bool),
        position=read[:, None] + none,
        emitted=none,
        left=none,
        recent=np.full((*shape, looks_back), EMPTY, np.int32),
        active=np.zeros(shape, bool),
        forced=np.full(shape, NOT_FORCED, np.int32),
        stop=none,
    )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Endings:
    """What ends a stretch of decoding, besides its budget: data, so that all stretches of a shape
    share one program.

    An end token that is not kept is sampled and then not emitted. With a cue, a row that comes to
    an end token or to its budget emits the cue instead, a token a pass, and that ends it (budget
    forcing, s1, arXiv 2501.19393; the cue as a second prompt, Kojima et al. 2022).
    """

    markers: Small  # [endings, M] int32: right-aligned, ANY before their first token
    end_tokens: Small  # [ends] int32
    keeps_end: Small  # [] bool
    cue: Small  # [C] int32
    cue_tokens: Small  # [] int32: of `cue`; none where a stretch ends without one


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Emitted:
    """The tokens of one call, pass by pass: [N, B, A] each. Figures are None unless wanted."""

    token: Array  # int32; EMPTY for a row that was idle, SILENT for one that emitted none
    logprob: Array | None  # float32
    margin: Array | None  # float32


def prompt_pass(
    model: Transformer, prompts: Array, lengths: Array, keys: Array, slots: int
) -> tuple[Rows, Array]:
    """Read `prompts` [B, P] of `lengths` [B] once for the attempts that have `keys` [B, A].

    Positions beyond a prompt's length are padding. Returns rows with `slots` empty slots each,
    and logits [B, 1, V] of what follows the prompts.
    """
    B, P = prompts.shape
    index = jnp.arange(P)
    positions = jnp.where(index < lengths[:, None], index, EMPTY)[:, None]
    blank = KVCache.empty(model.config, B, 1, P, model.dtype)
    hidden, cache = model.forward(prompts[:, None], positions, blank, 0)
    last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None, None], axis=2)
    rows = Rows(cache.share(keys.shape[1], slots), keys, jnp.int32(0))
    return rows, model.logits(last)[:, :, 0]


def first_tokens(
    keys: Array,
    cursor: Cursor,
    logits: Array,
    given: Array,
    endings: Endings,
    sampler: Sampler,
    figures: bool,
) -> tuple[Cursor, Emitted]:
    """Say one token of each active row from `logits` [B, A or 1, V] that are at hand: no pass.

    `given` [B, A] is said instead of a sampled token where it is not EMPTY.
    """
    full = jnp.broadcast_to(logits, (*cursor.token.shape, logits.shape[-1]))
    drawn = _sample(keys, jnp.asarray(cursor.emitted), full, sampler)
    chosen = jnp.where(given != EMPTY, given, drawn)
    cursor, emitted = emit(cursor, full, chosen, endings, figures)
    return cursor, jax.tree.map(lambda x: x[None], emitted)


def decode_passes(
    model: Transformer,
    rows: Rows,
    cursor: Cursor,
    limit: Array | int,
    endings: Endings,
    sampler: Sampler,
    passes: int,
    figures: bool,
) -> tuple[Rows, Cursor, Emitted, Array]:
    """Up to `limit` <= `passes` passes: read each active row's token, say the next.

    Stops early once no row is active. The last result is the number of passes made.
    """
    shape = (passes, *cursor.token.shape)
    blank = Emitted(
        token=jnp.full(shape, EMPTY, jnp.int32),
        logprob=jnp.zeros(shape) if figures else None,
        margin=jnp.zeros(shape) if figures else None,
    )
    Carry = tuple[Array, Rows, Cursor, Emitted]

    def goes_on(carry: Carry) -> Array:
        done, _, cursor, _ = carry
        return (done < limit) & cursor.active.any()

    def once(carry: Carry) -> Carry:
        done, rows, cursor, emitted = carry
        rows, cursor, logits = _read_pending(model, rows, cursor)
        drawn = _sample(rows.keys, jnp.asarray(cursor.emitted), logits, sampler)
        cursor, now = emit(cursor, logits, drawn, endings, figures)
        emitted = jax.tree.map(
            lambda all_, one: jax.lax.dynamic_update_index_in_dim(all_, one, done, 0), emitted, now
        )
        return done + 1, rows, cursor, emitted

    done, rows, cursor, emitted = jax.lax.while_loop(
        goes_on, once, (jnp.int32(0), rows, cursor, blank)
    )
    return rows, cursor, emitted, done


def given_pass(
    model: Transformer, rows: Rows, tokens: Array, positions: Array
) -> tuple[Rows, Array, Array]:
    """One pass over given `tokens` [B, A, T] at `positions` [B, A, T], EMPTY where none.

    A row's tokens end in the last column. Returns hidden states [B, A, D] and logits [B, A, V] of
    that column.
    """
    hidden, rows = read(model, rows, tokens, positions)
    last = hidden[:, :, -1:]
    return rows, last[:, :, 0], model.logits(last)[:, :, 0]


def copied_rows(rows: Rows, parents: Array) -> Rows:
    """Row a becomes a copy of row `parents[b, a]` [B, A]; each row keeps its own key."""
    return replace(rows, cache=rows.cache.taken(parents))


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
class State:
    """What generation carries from one program to the next."""

    rows: Rows
    cursor: Cursor


def prompt_program(
    model: Transformer, prompts: Array, lengths: Array, keys: Array, endings: Endings,
    sampler: Sampler, rules: ThoughtRules,
) -> State:  # fmt: skip
    """Prompts read once for the attempts that have `keys`, and the first token of each thought."""
    rows, logits = prompt_pass(model, prompts, lengths, keys, rules.slots)
    fresh = fresh_cursor(lengths, keys.shape[1], endings.markers.shape[1])
    start = replace(fresh, left=fresh.left + rules.think_budget, active=~fresh.active)
    given = jnp.full(keys.shape, EMPTY, jnp.int32)
    cursor, _ = first_tokens(keys, start, logits, given, endings, sampler, figures=False)
    return State(rows, cursor)


def decode_program(
    model: Transformer, state: State, endings: Endings, sampler: Sampler, passes: int
) -> tuple[State, Array]:
    """`passes` tokens more of each row, and what was said [N, B, A]."""
    rows, cursor, emitted, _ = decode_passes(
        model, state.rows, state.cursor, passes, endings, sampler, passes, figures=False
    )
    return State(rows, cursor), emitted.token


def read_program(
    model: Transformer, state: State, tokens: Array, positions: Array
) -> tuple[State, Array]:
    """Given `tokens` [B, A, T] read by every row, and the hidden states [B, A, D] behind them."""
    rows, hidden, _ = given_pass(model, state.rows, tokens, positions)
    return replace(state, rows=rows), hidden


def check_program(
    model: Transformer, state: State, tokens: Array, positions: Array
) -> tuple[State, Array]:
    """Given `tokens` [B, A, T] read by every row, and the likeliest token after each of them."""
    hidden, rows = read(model, state.rows, tokens, positions)
    return replace(state, rows=rows), jnp.argmax(model.logits(hidden), axis=-1)


def copy_program(state: State, parents: Array) -> State:
    """Each row a copy of the one that `parents` [B, A] names."""
    return replace(state, rows=copied_rows(state.rows, parents))


read_prompts = jax.jit(prompt_pass, static_argnames="slots")
begin = jax.jit(first_tokens, static_argnames=("sampler", "figures"))
decode = jax.jit(
    decode_passes, static_argnames=("sampler", "passes", "figures"), donate_argnames="rows"
)
read_given = jax.jit(given_pass, donate_argnames="rows")
copy_rows = jax.jit(copied_rows, donate_argnames="rows")


@jax.jit(donate_argnames="rows")
def truncate(rows: Rows, keep: Array, slot: Array) -> Rows:
    """Empty the slots of each row that hold positions from `keep` [B, A] on; go back to `slot`."""
    return replace(rows, cache=rows.cache.truncated(keep), slot=slot)


@jax.jit(static_argnames="more")
def grow(rows: Rows, more: int) -> Rows:
    """`more` empty slots for each row."""
    return replace(rows, cache=rows.cache.grown(more))


def read(model: Transformer, rows: Rows, tokens: Array, positions: Array) -> tuple[Array, Rows]:
    """Hidden states [B, A, T, D] of `tokens` [B, A, T], read into the next T slots."""
    hidden, cache = model.forward(tokens, positions, rows.cache, rows.slot)
    return hidden, replace(rows, cache=cache, slot=rows.slot + tokens.shape[2])


def _read_pending(model: Transformer, rows: Rows, cursor: Cursor) -> tuple[Rows, Cursor, Array]:
    """One pass: the active rows' pending tokens into the next slot; logits [B, A, V] of what
    follows."""
    position = jnp.where(cursor.active, cursor.position, EMPTY)
    token = jnp.asarray(cursor.token)
    hidden, rows = read(model, rows, token[..., None], position[..., None])
    cursor = replace(
        cursor, position=cursor.position + cursor.active, pending=cursor.pending & ~cursor.active
    )
    return rows, cursor, model.logits(hidden)[:, :, 0]


def emit(
    cursor: Cursor, logits: Array, sampled: Array, endings: Endings, figures: bool
) -> tuple[Cursor, Emitted]:
    """Each active row says its token of `sampled` [B, A], which was chosen by `logits` [B, A, V],
    or what its cue has instead."""
    active, has_cue = cursor.active, endings.cue_tokens > 0
    ended = active & (sampled[..., None] == endings.end_tokens).any(axis=-1)
    ended &= cursor.forced == NOT_FORCED
    begins = has_cue & (ended | (active & (cursor.forced == NOT_FORCED) & (cursor.left <= 0)))
    forced = jnp.where(begins, 0, cursor.forced)
    cued = active & (forced != NOT_FORCED)
    token = jnp.where(cued, endings.cue[jnp.maximum(forced, 0)], sampled)
    forced = forced + cued

    says = active & (endings.keeps_end | ~ended | cued)
    shifted = jnp.concatenate((cursor.recent[..., 1:], token[..., None]), axis=-1)
    recent = jnp.where(says[..., None], shifted, cursor.recent)
    marker = says & ~cued & ~ended & _spells_any(recent, endings.markers)
    left = cursor.left - (says & ~cued)
    spent = says & ~cued & ~ended & ~marker & (left <= 0)
    out = jnp.where(has_cue, cued & (forced >= endings.cue_tokens), ended | spent)

    stop = jnp.where(spent & ~has_cue | begins & ~ended, Stop.BUDGET, cursor.stop)
    stop = jnp.where(ended, Stop.END_OF_SEQUENCE, stop)
    stop = jnp.where(marker, Stop.MARKER, stop)
    moved = replace(
        cursor,
        token=jnp.where(says, token, cursor.token),
        pending=cursor.pending | says,
        emitted=cursor.emitted + says,
        left=left,
        recent=recent,
        active=active & ~(marker | out),
        forced=forced,
        stop=stop,
    )
    shown = jnp.where(says, token, jnp.where(active, SILENT, EMPTY))
    return moved, Emitted(shown, *(token_confidence(logits, token) if figures else (None, None)))


def _spells_any(recent: Array, markers: Small) -> Array:
    """Whether the newest tokens of `recent` [B, A, M] spell one of `markers`: [B, A]."""
    spelt = (recent[..., None, :] == markers) | (markers == ANY)
    return spelt.all(axis=-1).any(axis=-1)


def _sample(keys: Array, emitted: Array, logits: Array, sampler: Sampler) -> Array:
    """A token of each row: its n-th depends on its own key and n alone."""
    with jax.named_scope("sampling"):
        folded = jax.vmap(jax.random.fold_in)(keys.reshape(-1), emitted.reshape(-1))
        uniform = jax.vmap(jax.random.uniform)(folded)
        rows = logits.reshape(-1, logits.shape[-1])
        return sampler.sample(rows, uniform).reshape(emitted.shape)
