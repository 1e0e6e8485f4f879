"""Speculative decoding: rounds of drafts that the model checks in one pass, in one compiled loop.

Lossless (Leviathan, Kalman & Matias 2023, arXiv 2211.17192, algorithm 1): a draft x that was drawn
by q is kept with probability min(1, p(x) / q(x)), p being what the sampler draws from; the first
that is not is replaced by a draw from max(p - q, 0). Greedy sampling is the case of one likely
token: a draft is kept where it is the likeliest. Every token then ends a stretch, or does not, by
the same rules as in the plain loop.

Axis letters as in `config`; N rounds of one call, T = n + 1 positions that a round checks.
"""

from dataclasses import dataclass, replace
from typing import Generic

import jax
import jax.numpy as jnp
from jax import Array

from ..kv_cache import EMPTY
from ..sampling import Sampler, draw
from ..transformer import Transformer
from .decode_loop import KEEP_ALL, Cursor, Emitted, Endings, Rows, emit, read, truncate
from .drafters import Drafter, State


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rounds:
    """What the rounds of one call did."""

    emitted: Emitted  # [N, T, B, A]: EMPTY beyond what a row said in a round
    proposed: Array  # [N, B, A] int32: drafts that a row had
    kept: Array  # [N, B, A] int32: of these, those that the rule kept, until one ended the stretch


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stand(Generic[State]):
    """What goes from round to round."""

    rows: Rows
    drafts: State  # the drafter's
    cursor: Cursor


def speculate_rounds(
    model: Transformer,
    drafter: Drafter[State],
    stand: Stand[State],
    limit: Array | int,
    endings: Endings,
    sampler: Sampler,
    n: int,
    rounds: int,
    figures: bool,
) -> tuple[Stand[State], Rounds, Array]:
    """Up to `limit` <= `rounds` rounds, each of `n` drafts and one pass over n + 1 positions.

    Stops early once no row is active. The last result is the number of rounds made.
    """
    shape = (rounds, *stand.cursor.token.shape)
    wide = (rounds, n + 1, *stand.cursor.token.shape)
    blank = Rounds(
        Emitted(
            token=jnp.full(wide, EMPTY, jnp.int32),
            logprob=jnp.zeros(wide) if figures else None,
            margin=jnp.zeros(wide) if figures else None,
        ),
        proposed=jnp.zeros(shape, jnp.int32),
        kept=jnp.zeros(shape, jnp.int32),
    )

    def goes_on(carry: tuple[Array, Stand[State], Rounds]) -> Array:
        done, stand, _ = carry
        return (done < limit) & stand.cursor.active.any()

    def once(carry: tuple[Array, Stand[State], Rounds]) -> tuple[Array, Stand[State], Rounds]:
        done, stand, made = carry
        stand, now = _round(model, drafter, stand, endings, sampler, n, figures)
        made = jax.tree.map(
            lambda all_, one: jax.lax.dynamic_update_index_in_dim(all_, one, done, 0), made, now
        )
        return done + 1, stand, made

    done, stand, made = jax.lax.while_loop(goes_on, once, (jnp.int32(0), stand, blank))
    return stand, made, done


speculate = jax.jit(
    speculate_rounds,
    static_argnames=("sampler", "n", "rounds", "figures"),
    donate_argnames="stand",
)


def _round(
    model: Transformer, drafter: Drafter[State], stand: Stand[State], endings: Endings,
    sampler: Sampler, n: int, figures: bool,
) -> tuple[Stand[State], Rounds]:  # fmt: skip
    cursor = stand.cursor
    draw_, keep, replace_ = _uniforms(stand.rows.keys, jnp.asarray(cursor.emitted), n + 1)
    with jax.named_scope("draft"):
        state, drafts, odds = drafter.propose(stand.drafts, cursor, draw_[:n], sampler)
    with jax.named_scope("check"):
        rows, logits = _check(model, stand.rows, cursor, drafts)
    chosen, kept = judge(sampler, logits, drafts, odds, keep, replace_)
    moved, emitted, taken, accepted = _say(cursor, logits, drafts, chosen, kept, endings, figures)
    said = jnp.moveaxis(emitted.token, 0, -1)
    rows = truncate(
        rows,
        jnp.where(cursor.active, moved.position, KEEP_ALL),
        stand.rows.slot + taken.max(),
    )
    state = drafter.hear(state, cursor, said, taken)
    proposed = ((drafts != EMPTY) & cursor.active[..., None]).sum(axis=-1)
    return Stand(rows, state, moved), Rounds(emitted, proposed.astype(jnp.int32), accepted)


def _check(model: Transformer, rows: Rows, cursor: Cursor, drafts: Array) -> tuple[Rows, Array]:
    """One pass over each active row's pending token and its drafts; logits [B, A, T, V]."""
    tokens = jnp.concatenate((jnp.asarray(cursor.token)[..., None], drafts), axis=-1)
    there = cursor.active[..., None] & (tokens != EMPTY)
    ahead = jnp.asarray(cursor.position)[..., None] + jnp.arange(tokens.shape[-1])
    hidden, rows = read(model, rows, jnp.maximum(tokens, 0), jnp.where(there, ahead, EMPTY))
    return rows, model.logits(hidden)


def judge(
    sampler: Sampler, logits: Array, drafts: Array, odds: Array | None, keep: Array, other: Array
) -> tuple[Array, Array]:
    """The token [B, A, T] at each position, as if all drafts before it were kept, and whether it is
    its draft, kept by the rule: [B, A, T] bool.

    `drafts` [B, A, n] were drawn by `odds` [B, A, n, V], or are certain where that is None; `keep`
    and `other` [T, B, A] are uniform in [0, 1). At the last position there is no draft.
    """
    shape, V = logits.shape[:-1], logits.shape[-1]
    with jax.named_scope("sampling"):
        weights = sampler.weights(logits.reshape(-1, V)).reshape(logits.shape)
        wanted = weights / weights.sum(axis=-1, keepdims=True)
        padded = jnp.concatenate((drafts, jnp.full_like(drafts[..., :1], EMPTY)), axis=-1)
        drafted = jax.nn.one_hot(padded, V)  # none where EMPTY
        if odds is not None:
            drafted = jnp.pad(odds, [(0, 0)] * 2 + [(0, 1), (0, 0)])
        place = jnp.maximum(padded, 0)[..., None]
        p, q = (jnp.take_along_axis(x, place, axis=-1)[..., 0] for x in (wanted, drafted))
        kept = (padded != EMPTY) & (jnp.moveaxis(keep, 0, -1) * q < p)
        rest = jnp.maximum(wanted - drafted, 0.0)
        rest = jnp.where(rest.sum(axis=-1, keepdims=True) > 0, rest, wanted)
        drawn = draw(rest.reshape(-1, V), jnp.moveaxis(other, 0, -1).reshape(-1)).reshape(shape)
    return jnp.where(kept, padded, drawn), kept


def _say(
    cursor: Cursor, logits: Array, drafts: Array, chosen: Array, kept: Array, endings: Endings,
    figures: bool,
) -> tuple[Cursor, Emitted, Array, Array]:  # fmt: skip
    """Each active row says its `chosen` tokens [B, A, T] up to the first that is no draft or that
    ends the stretch.

    Returns what was said [T, B, A], positions that were taken [B, A] and drafts kept [B, A].
    """
    active, goes = cursor.active, cursor.active
    now = replace(cursor, pending=cursor.pending & ~active)
    ended, taken, accepted = (
        jnp.zeros_like(active),
        jnp.zeros_like(now.left),
        jnp.zeros_like(now.left),
    )
    said = []
    for place in range(chosen.shape[-1]):
        fed = replace(now, active=goes, pending=now.pending & ~goes)
        now, emitted = emit(fed, logits[:, :, place], chosen[..., place], endings, figures)
        said.append(emitted)
        ended |= goes & ~now.active
        taken += goes
        agrees = kept[..., place] & (now.token == chosen[..., place])
        accepted += goes & agrees
        goes = now.active & agrees
    position = cursor.position + taken
    moved = replace(now, active=active & ~ended, position=position)
    return moved, jax.tree.map(lambda *parts: jnp.stack(parts), *said), taken, accepted


def _uniforms(keys: Array, emitted: Array, count: int) -> Array:
    """Uniform numbers [3, count, B, A] for a row's next `count` tokens: to draw a draft, to keep it
    and to replace it. Those of a row's n-th token depend on its own key and n alone."""

    def of_row(key: Array, first: Array) -> Array:
        folded = jax.vmap(lambda ahead: jax.random.fold_in(key, first + ahead))(jnp.arange(count))
        return jax.vmap(lambda one: jax.random.uniform(one, (3,)))(folded)  # [count, 3]

    made = jax.vmap(jax.vmap(of_row))(keys, emitted)
    return jnp.moveaxis(made, (2, 3), (1, 0))
