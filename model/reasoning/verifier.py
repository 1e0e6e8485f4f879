"""Verifiers: scores of attempts, from figures at hand or from passes of a phase `verify`.

A verifier knows nothing of right answers. Whatever it reads is noted in the session's log, so a
search pays for its judge.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import jax
import numpy as np
from jax import Array

from .branching import peek
from .engine import Engine
from .given import force_each
from .opening import open_session
from .session import Session

VERIFY = "verify"


class Verifier(Protocol):
    """Scores what rows have said so far: whole attempts, or steps of a thought."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Phases of the passes that a call makes; none where figures are at hand."""

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        """[B, A] in [0, 1], higher is better, of `rows` [B, A]; other rows have any score."""


@dataclass(frozen=True)
class MeanLogprob:
    """exp of the mean log-probability of a row's tokens: the geometric mean of their
    probabilities, as self-consistency weighs paths (Wang et al. 2023, arXiv 2203.11171, eq. 1).

    Costs no pass. Forced tokens count only where `replayed` has scored them.
    """

    forced_too: bool = False
    phases: tuple[str, ...] = ()

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        trace = session.trace
        index = np.arange(trace.tokens.shape[2])
        known = (index < trace.length[..., None]) & ~np.isnan(trace.logprobs)
        known &= self.forced_too | ~trace.forced
        total = np.where(known, trace.logprobs, 0).sum(axis=-1, dtype=np.float64)
        return np.exp(total / known.sum(axis=-1).clip(min=1)) * known.any(axis=-1)


CONFIDENCE = MeanLogprob()
"""The verifier that costs nothing: how likely a model held its own tokens."""


@dataclass(frozen=True)
class TokenVerifier:
    """The probability of the token `yes` after `cue` is read behind the attempt, among all
    tokens or against `no` alone: a generative verifier (Zhang et al. 2024, arXiv 2408.15240)."""

    cue: tuple[int, ...]
    yes: int
    no: int | None = None
    phases: tuple[str, ...] = (VERIFY,)

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        _, logits = peek(session, self.cue, VERIFY, rows)
        if self.no is None:
            return np.asarray(jax.nn.softmax(logits)[..., self.yes])
        return np.asarray(jax.nn.sigmoid(logits[..., self.yes] - logits[..., self.no]))


@dataclass(frozen=True, eq=False)
class HeadVerifier:
    """A trained head on the hidden state of the attempt's last token, or of `cue` behind it: an
    outcome or process reward model (Cobbe et al. 2021, arXiv 2110.14168).

    `head` maps hidden states before the final norm [B, A, D] to scores [B, A] in [0, 1].
    """

    head: Callable[[Array], Array]
    cue: tuple[int, ...] = ()
    phases: tuple[str, ...] = (VERIFY,)

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        hidden, _ = peek(session, self.cue, VERIFY, rows)
        return np.asarray(self.head(hidden))


@dataclass(frozen=True, eq=False)
class OnEngine:
    """Another model's judgement: `engine` reads each prompt once and every attempt in one
    teacher-forced pass, then `verifier` scores what it read (default: how likely it held it)."""

    engine: Engine
    verifier: Verifier = MeanLogprob(forced_too=True)
    phases: tuple[str, ...] = (VERIFY,)

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        B, A = session.alive.shape
        engine = replace(self.engine, limit=session.engine.limit)
        other = open_session(
            engine, session.asked, A, session.log, phase=VERIFY, present=session.present,
            roots=session.roots,
        )  # fmt: skip
        other.alive, other.branches = rows, session.branches
        said: Sequence[Sequence[Sequence[int]]] = [
            [session.trace.said(b, a) for a in range(A)] for b in range(B)
        ]
        force_each(other, said, VERIFY, other.alive, scored=True)
        return self.verifier.scores(other, rows)
