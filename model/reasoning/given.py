"""Tokens that a model is given to read after a prompt: a cue, 'Wait', an attempt to be scored.

All of them, of all rows, are read in one pass. Masks `rows` are [B, A] bool; T positions.
"""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..cache import EMPTY
from .confidence import token_confidence
from .decoding import read_given, read_scored
from .rows import up_to_step
from .session import Session

Tokens = Sequence[int]

_confidence = jax.jit(token_confidence)


def force(
    session: Session, tokens: Tokens, phase: str, rows: np.ndarray, model: str | None = None
) -> Array | None:
    """Make each of `rows` say `tokens`; what it had not read of its own is read along.

    The pass is noted as one of `model`, the engine's by default. Returns the hidden states
    [B, A, D] behind the last token, None where nothing was to be read.
    """
    B, A = rows.shape
    return force_each(session, [[tokens] * A] * B, phase, rows, exact=True, model=model)


def force_each(
    session: Session,
    tokens: Sequence[Sequence[Tokens]],
    phase: str,
    rows: np.ndarray,
    exact: bool = False,
    scored: bool = False,
    model: str | None = None,
) -> Array | None:
    """As `force`, with tokens [B][A] of each row's own; `scored` finds how likely each was held.

    Rows of many lengths are padded to few; `exact` is for tokens that all rows share. The pass is
    noted as one of `model`, the engine's by default.
    """
    said = np.array([[len(row) for row in question] for question in tokens]) * rows
    counts = said + (session.cursor.pending & rows)
    if not counts.any():
        return None
    T = int(counts.max()) if exact else up_to_step(int(counts.max()))
    with session.during(phase):
        return _read(session, tokens, phase, said, counts, T, scored, model)


def _read(
    session: Session, tokens: Sequence[Sequence[Tokens]], phase: str, said: np.ndarray,
    counts: np.ndarray, T: int, scored: bool, model: str | None,
) -> Array:  # fmt: skip
    given, positions = _columns(session, tokens, said, counts, T)
    session.room(T)
    own = session.own
    arguments = (session.engine.model, session.rows, jnp.asarray(given), jnp.asarray(positions))
    figures = [np.full((*said.shape, T), np.nan, np.float32)] * 2
    if scored:
        first = _first_figures(session, given, T - said)
        session.rows, hidden, logits, *rest = read_scored(*arguments)
        at_first = session.fresh[..., None] & (np.arange(T) == (T - said)[..., None])
        figures = [
            np.where(at_first, of_first, np.pad(others, [(0, 0), (0, 0), (1, 0)]))
            for of_first, others in zip(first, rest, strict=True)
        ]
    else:
        session.rows, hidden, logits = read_given(*arguments)
    for t in range(T):
        session.trace.add(
            t >= T - said,
            given[..., t],
            figures[0][..., t],
            figures[1][..., t],
            forced=True,
        )
    read = counts > 0
    session.note_rows(
        phase, counts[None].astype(np.int64), own[None],
        heads=(counts if scored else read)[None].astype(np.int64), forced=said[None], slots=T,
        model=model,
    )  # fmt: skip
    _moved(session, given[..., -1], said, counts, logits)
    return hidden


def _columns(
    session: Session, tokens: Sequence[Sequence[Tokens]], said: np.ndarray, counts: np.ndarray,
    T: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """What each row reads [B, A, T], ending in the last column, and at which positions."""
    given = np.zeros((*said.shape, T), np.int32)
    for b, a in zip(*np.nonzero(counts), strict=True):
        if said[b, a]:
            given[b, a, T - said[b, a] :] = tokens[b][a]
        if counts[b, a] > said[b, a]:
            given[b, a, T - counts[b, a]] = session.cursor.token[b, a]
    offset = np.arange(T) - (T - counts[..., None])
    positions = np.where(offset >= 0, session.cursor.position[..., None] + offset, EMPTY)
    return given, positions.astype(np.int32)


def _first_figures(session: Session, given: np.ndarray, first: np.ndarray) -> list[np.ndarray]:
    """Figures [B, A, 1] of the tokens in columns `first` [B, A], from the logits at hand."""
    index = np.minimum(first, given.shape[2] - 1)[..., None]
    token = jnp.asarray(np.take_along_axis(given, index, axis=2)[..., 0])
    logits = jnp.broadcast_to(session.logits, (*token.shape, session.logits.shape[-1]))
    return [np.asarray(figure)[..., None] for figure in _confidence(logits, token)]


def _moved(
    session: Session, last: np.ndarray, said: np.ndarray, counts: np.ndarray, logits: Array
) -> None:
    """Where the rows stand after the pass."""
    read, cursor = counts > 0, session.cursor
    session.cursor = replace(
        cursor,
        token=np.where(said > 0, last, cursor.token),
        pending=cursor.pending & ~read,
        position=(cursor.position + counts).astype(np.int32),
        said=(cursor.said + said).astype(np.int32),
    )
    session.logits = jnp.where(jnp.asarray(read)[..., None], logits, session.logits)
    session.fresh |= read
