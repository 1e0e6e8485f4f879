"""Verifiers: scores of attempts, from figures at hand or from passes of a phase `verify`.

A verifier knows nothing of right answers. Whatever it reads is noted in the session's log, so a
search pays for its judge.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from jax import Array

from ..generation.engine import Engine
from ..generation.session import Session, open_session
from ..generation.session_edits import feed_each, reread_last, score_continuation
from ..phases import VERIFY
from ..transformer import Transformer


class Verifier(Protocol):
    """Scores what rows have said so far: whole attempts, or steps of a thought."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of the passes that a call makes; none where figures are at hand."""

    @property
    def reads_figures(self) -> bool:
        """Whether it reads how likely each token of the session was."""

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        """[B, A] in [0, 1], higher is better, of `rows` [B, A]; other rows have any score."""


@dataclass(frozen=True)
class MeanLogprob:
    """exp of the mean log-probability of a row's own tokens: the geometric mean of their
    probabilities, as self-consistency weighs paths (Wang et al. 2023, arXiv 2203.11171, eq. 1).

    Costs no pass. Forced tokens do not count.
    """

    phases: tuple[str, ...] = ()
    reads_figures: bool = True

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        trace = session.trace
        index = np.arange(trace.tokens.shape[2])
        chosen = (index < trace.length[..., None]) & ~np.isnan(trace.logprobs) & ~trace.forced
        total = np.where(chosen, trace.logprobs, 0).sum(axis=-1, dtype=np.float64)
        return np.exp(total / chosen.sum(axis=-1).clip(min=1)) * chosen.any(axis=-1)


CONFIDENCE = MeanLogprob()
"""The verifier that costs nothing: how likely a model held its own tokens."""
VERIFIERS: Mapping[str, Verifier] = {"confidence": CONFIDENCE}
"""Those that come along, by the name that a strategy's setting gives."""


@dataclass(frozen=True, eq=False)
class HeadVerifier:
    """A trained head on the hidden state of the attempt's last token: an outcome or process reward
    model (Cobbe et al. 2021, arXiv 2110.14168).

    `head` maps hidden states before the final norm [B, A, D] to scores [B, A] in [0, 1]. Its
    passes are noted under `name`, whose head is not the language model's. A row that has said
    nothing scores 0.
    """

    head: Callable[[Array], Array]
    name: str | None = None  # None: the engine's
    phases: tuple[str, ...] = (VERIFY,)
    reads_figures: bool = False

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        judged = rows & (session.trace.length > 0)
        if not judged.any():
            return np.zeros(rows.shape)
        reread_last(session, judged)
        hidden, _ = score_continuation(session, (), VERIFY, judged, self.name)
        return _headed(session, self.head, hidden, judged)


@dataclass(frozen=True, eq=False)
class TrunkVerifier:
    """A trained head on a trunk of its own, of the same vocabulary: `model` reads each prompt once
    and every attempt in one pass, noted under `name`. A row that has said nothing scores 0."""

    model: Transformer
    head: Callable[[Array], Array]
    name: str
    phases: tuple[str, ...] = (VERIFY,)
    reads_figures: bool = False

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        judged = rows & (session.trace.length > 0)
        if not judged.any():
            return np.zeros(rows.shape)
        engine = replace(session.engine, model=self.model, name=self.name)
        other = _reader(engine, session, judged)
        hidden = feed_each(other, _emitted(session), VERIFY, judged)
        assert hidden is not None  # every row that is judged has said something
        return _headed(other, self.head, hidden, judged)


def _reader(engine: Engine, session: Session, rows: np.ndarray) -> Session:
    """A session of `engine` that has read the prompts of `session`, in its log."""
    other = open_session(
        engine, session.batch, session.alive.shape[1], session.log, phase=VERIFY,
        present=session.present & rows.any(axis=1), roots=session.roots, scored=False,
    )  # fmt: skip
    other.alive, other.branches = rows, session.branches
    return other


def _emitted(session: Session) -> Sequence[Sequence[Sequence[int]]]:
    B, A = session.alive.shape
    return [[session.trace.emitted(b, a) for a in range(A)] for b in range(B)]


def _headed(
    session: Session, head: Callable[[Array], Array], hidden: Array, rows: np.ndarray
) -> np.ndarray:
    """The head's scores [B, A] of `rows`; 0 of others."""
    with session.during(VERIFY):
        scores = np.asarray(head(hidden))
    return np.where(rows, scores, 0)
