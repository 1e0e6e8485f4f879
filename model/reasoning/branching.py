"""Going back and branching out: rows that drop tokens, are put back, or become copies of others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jax import Array

from .given import force
from .rows import Cursor, forget, take_rows
from .session import Session


@dataclass(frozen=True)
class Place:
    """Where all rows stood at one time; see `place_of` and `put_back`."""

    cursor: Cursor
    length: np.ndarray
    fresh: np.ndarray
    logits: Array
    branches: np.ndarray
    slot: int


def place_of(session: Session) -> Place:
    """Remember where the rows stand, to come back after a probe or a verifier's question."""
    return Place(
        cursor=session.cursor,
        length=session.trace.length.copy(),
        fresh=session.fresh.copy(),
        logits=session.logits,
        branches=session.branches,
        slot=int(session.rows.slot),
    )


def put_back(session: Session, place: Place, rows: np.ndarray) -> None:
    """Put `rows` back to `place`: what they said since is forgotten, though not uncounted."""
    keep = np.where(rows, place.cursor.position, np.iinfo(np.int32).max).astype(np.int32)
    slot = place.slot if (rows | ~session.alive).all() else int(session.rows.slot)
    session.rows = forget(session.rows, jnp.asarray(keep), jnp.int32(slot))
    old, now = place.cursor, session.cursor
    session.cursor = replace(
        now,
        token=np.where(rows, old.token, now.token),
        pending=np.where(rows, old.pending, now.pending),
        position=np.where(rows, old.position, now.position),
        said=np.where(rows, old.said, now.said),
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
    position = (cursor.position - counts + unread).astype(np.int32)
    session.rows = forget(session.rows, jnp.asarray(position), session.rows.slot)
    session.trace.length = session.trace.length - counts
    session.cursor = replace(
        cursor,
        pending=cursor.pending & ~dropped,
        position=position,
        said=(cursor.said - counts).astype(np.int32),
    )
    session.fresh &= ~dropped


def branch(session: Session, parents: np.ndarray, alive: np.ndarray) -> None:
    """Row a becomes a copy of row `parents[b, a]` [B, A]; rows that are not `alive` are pruned.

    A row that stays where it is is not copied. The copies' cached positions are noted as a
    record of the phase 'branch'.
    """
    with session.during("branch"):
        _take(session, parents, alive)


def _take(session: Session, parents: np.ndarray, alive: np.ndarray) -> None:
    moved = (parents != np.arange(parents.shape[1])) & alive
    copied = np.where(moved, np.take_along_axis(session.own, parents, axis=1), 0)
    if moved.any():
        session.rows = take_rows(session.rows, jnp.asarray(parents.astype(np.int32)))

    def pick(x: np.ndarray) -> np.ndarray:
        index = parents.reshape(parents.shape + (1,) * (x.ndim - 2))
        return np.take_along_axis(x, index, axis=1)

    c = session.cursor
    session.cursor = Cursor(*map(pick, (c.token, c.pending, c.position, c.said, c.left, c.recent,
                                        c.active, c.stop)))  # fmt: skip
    session.trace = session.trace.take(parents)
    if session.logits.shape[1] > 1:
        index = jnp.asarray(parents)[..., None]
        session.logits = jnp.take_along_axis(session.logits, index, axis=1)
    session.fresh = pick(session.fresh)
    session.branches = session.log.new_branches(pick(session.branches))
    session.alive = pick(session.alive) & alive
    if moved.any():
        none = np.zeros_like(copied)[None]
        session.note_rows("branch", none, none, none, none, slots=0, copied=copied[None])


def unread(session: Session, rows: np.ndarray) -> None:
    """Let `rows` read the last token that they said once more, those that have read one."""
    again = rows & ~session.cursor.pending & (session.own > 0)
    position = (session.cursor.position - again).astype(np.int32)
    session.rows = forget(session.rows, jnp.asarray(position), session.rows.slot)
    pending = session.cursor.pending | again
    session.cursor = replace(session.cursor, pending=pending, position=position)
    session.fresh &= ~again


def peek(
    session: Session, cue: Sequence[int], phase: str, rows: np.ndarray, model: str | None = None
) -> tuple[Array, Array]:
    """Hidden states [B, A, D] and logits [B, A, V] after reading what is said, and `cue`.

    The rows are put back afterwards: `cue` is no part of what they said. The pass is noted as one
    of `model`, the engine's by default.
    """
    place = place_of(session)
    hidden = force(session, cue, phase, rows, model)
    if hidden is None:
        raise ValueError("nothing to read: rows have read all that they said, and the cue is empty")
    logits = session.logits
    put_back(session, place, rows)
    return hidden, logits
