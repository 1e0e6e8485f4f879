"""Edits of a session: rows are given tokens to read, in one pass (a cue, 'Wait', an attempt to be
scored); they drop tokens, go back to a snapshot, or become copies of others.

Masks `rows` are [B, A] bool; T positions of one pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..kv_cache import EMPTY
from ..phases import BRANCH
from .attempt import taken
from .decode_loop import KEEP_ALL, Cursor, copy_rows, read_given
from .engine import up_to_step
from .session import Session

Tokens = Sequence[int]


def feed(
    session: Session, tokens: Tokens, phase: str, rows: np.ndarray, model: str | None = None
) -> Array | None:
    """Make each of `rows` say `tokens`; what it had not read of its own is read along.

    The pass is noted as one of `model`, the engine's by default. Returns the hidden states
    [B, A, D] behind the last token, None where nothing was to be read.
    """
    B, A = rows.shape
    return feed_each(session, [[tokens] * A] * B, phase, rows, exact=True, model=model)


def feed_each(
    session: Session,
    tokens: Sequence[Sequence[Tokens]],
    phase: str,
    rows: np.ndarray,
    exact: bool = False,
    model: str | None = None,
) -> Array | None:
    """As `feed`, with tokens [B][A] of each row's own.

    Rows of many lengths are padded to few; `exact` is for tokens that all rows share. The pass is
    noted as one of `model`, the engine's by default.
    """
    emitted = np.array([[len(row) for row in question] for question in tokens]) * rows
    counts = emitted + (session.cursor.pending & rows)
    if not counts.any():
        return None
    T = int(counts.max()) if exact else up_to_step(int(counts.max()))
    with session.during(phase):
        return _read(session, tokens, phase, emitted, counts, T, model)


def _read(
    session: Session, tokens: Sequence[Sequence[Tokens]], phase: str, emitted: np.ndarray,
    counts: np.ndarray, T: int, model: str | None,
) -> Array:  # fmt: skip
    given, positions = _columns(session, tokens, emitted, counts, T)
    session.room(T)
    own = session.own
    session.rows, hidden, logits = read_given(
        session.engine.model, session.rows, jnp.asarray(given), jnp.asarray(positions)
    )
    session.filled += T
    spoken = np.where(np.arange(T) >= (T - emitted)[..., None], given, EMPTY)
    session.trace.add_passes(np.moveaxis(spoken, 2, 0), None, None)
    session.trace.mark_forced(emitted)
    read = counts > 0
    session.note_rows(
        phase, counts[None].astype(np.int64), own[None],
        heads=read[None].astype(np.int64), forced=emitted[None], slots=T, model=model,
    )  # fmt: skip
    _moved(session, given[..., -1], emitted, counts, logits)
    return hidden


def _columns(
    session: Session, tokens: Sequence[Sequence[Tokens]], emitted: np.ndarray, counts: np.ndarray,
    T: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """What each row reads [B, A, T], ending in the last column, and at which positions."""
    given = np.zeros((*emitted.shape, T), np.int32)
    for b, a in zip(*np.nonzero(counts), strict=True):
        if emitted[b, a]:
            given[b, a, T - emitted[b, a] :] = tokens[b][a]
        if counts[b, a] > emitted[b, a]:
            given[b, a, T - counts[b, a]] = session.cursor.token[b, a]
    offset = np.arange(T) - (T - counts[..., None])
    positions = np.where(offset >= 0, session.cursor.position[..., None] + offset, EMPTY)
    return given, positions.astype(np.int32)


def _moved(
    session: Session, last: np.ndarray, emitted: np.ndarray, counts: np.ndarray, logits: Array
) -> None:
    """Where the rows stand after the pass."""
    read, cursor = counts > 0, session.cursor
    session.cursor = replace(
        cursor,
        token=np.where(emitted > 0, last, cursor.token),
        pending=cursor.pending & ~read,
        position=(cursor.position + counts).astype(np.int32),
        emitted=(cursor.emitted + emitted).astype(np.int32),
    )
    session.logits = jnp.where(jnp.asarray(read)[..., None], logits, session.logits)
    session.fresh |= read


@dataclass(frozen=True)
class RowSnapshot:
    """Where all rows stood at one time; see `snapshot` and `restore`."""

    cursor: Cursor
    length: np.ndarray
    fresh: np.ndarray
    logits: Array
    branches: np.ndarray
    slot: int


def snapshot(session: Session) -> RowSnapshot:
    """Remember where the rows stand, to come back after a probe or a verifier's question."""
    return RowSnapshot(
        cursor=session.cursor,
        length=session.trace.length.copy(),
        fresh=session.fresh.copy(),
        logits=session.logits,
        branches=session.branches,
        slot=session.filled,
    )


def restore(session: Session, place: RowSnapshot, rows: np.ndarray) -> None:
    """Put `rows` back to `place`: what they said since is forgotten, though not uncounted."""
    keep = np.where(rows, place.cursor.position, KEEP_ALL).astype(np.int32)
    session.truncate(keep, place.slot if (rows | ~session.alive).all() else None)
    old, now = place.cursor, session.cursor
    session.cursor = replace(
        now,
        token=np.where(rows, old.token, now.token),
        pending=np.where(rows, old.pending, now.pending),
        position=np.where(rows, old.position, now.position),
        emitted=np.where(rows, old.emitted, now.emitted),
    )
    session.trace.length = np.where(rows, place.length, session.trace.length)
    session.fresh = np.where(rows, place.fresh, session.fresh)
    session.logits = jnp.where(jnp.asarray(rows)[..., None], place.logits, session.logits)
    session.branches = np.where(rows, place.branches, session.branches)


def new_branches(session: Session, rows: np.ndarray) -> None:
    """What `rows` do from here on is a branch of its own, kept or discarded by itself."""
    grown = session.log.new_branches(session.branches)
    session.branches = np.where(rows, grown, session.branches)


def drop(session: Session, counts: np.ndarray) -> None:
    """Take the last `counts` [B, A] tokens of each row back; given tokens must follow them."""
    dropped = counts > 0
    cursor = session.cursor
    unread = dropped & cursor.pending
    position = np.asarray(cursor.position - counts + unread, np.int32)
    session.truncate(position)
    session.trace.length = session.trace.length - counts
    session.cursor = replace(
        cursor,
        pending=cursor.pending & ~dropped,
        position=position,
        emitted=(cursor.emitted - counts).astype(np.int32),
    )
    session.fresh &= ~dropped


def branch(session: Session, parents: np.ndarray, alive: np.ndarray) -> None:
    """Row a becomes a copy of row `parents[b, a]` [B, A]; rows that are not `alive` are pruned.

    A row that stays where it is is not copied. The copies' cached positions are noted as a
    record of the phase 'branch'.
    """
    with session.during(BRANCH):
        _take(session, parents, alive)


def _take(session: Session, parents: np.ndarray, alive: np.ndarray) -> None:
    moved = (parents != np.arange(parents.shape[1])) & alive
    copied = np.where(moved, np.take_along_axis(session.own, parents, axis=1), 0)
    if moved.any():
        session.rows = copy_rows(session.rows, jnp.asarray(parents.astype(np.int32)))
    session.cursor = jax.tree.map(lambda x: taken(x, parents), session.cursor)
    session.trace = session.trace.take(parents)
    if session.logits.shape[1] > 1:
        index = jnp.asarray(parents)[..., None]
        session.logits = jnp.take_along_axis(session.logits, index, axis=1)
    session.fresh = taken(session.fresh, parents)
    session.branches = session.log.new_branches(taken(session.branches, parents))
    session.alive = taken(session.alive, parents) & alive
    if copied.any():
        none = np.zeros_like(copied)[None]
        session.note_rows(BRANCH, none, none, none, none, slots=0, copied=copied[None])


def reread_last(session: Session, rows: np.ndarray) -> None:
    """Let `rows` read the last token that they said once more, those that have read one."""
    again = rows & ~session.cursor.pending & (session.own > 0)
    position = np.asarray(session.cursor.position - again, np.int32)
    session.truncate(position)
    pending = session.cursor.pending | again
    session.cursor = replace(session.cursor, pending=pending, position=position)
    session.fresh &= ~again


def score_continuation(
    session: Session, cue: Sequence[int], phase: str, rows: np.ndarray, model: str | None = None
) -> tuple[Array, Array]:
    """Hidden states [B, A, D] and logits [B, A, V] after reading what is said, and `cue`.

    The rows are put back afterwards: `cue` is no part of what they said. The pass is noted as one
    of `model`, the engine's by default.
    """
    place = snapshot(session)
    hidden = feed(session, cue, phase, rows, model)
    if hidden is None:
        raise ValueError("nothing to read: rows have read all that they said, and the cue is empty")
    logits = session.logits
    restore(session, place, rows)
    return hidden, logits
