"""What a strategy hands back: its attempts at each question, and the answer it chose.

What each row has said, on the host: tokens with their figures, without the gaps of idle passes.

Axis letters as in `config`; E the most tokens that fit, M tokens looked back on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np

from ..kv_cache import EMPTY
from .pass_log import PassLog


class Stop(IntEnum):
    """What ended a thought; the first four as in `decode.StopReason`."""

    THINKING = 0
    MARKER = 1
    BUDGET = 2
    END_OF_SEQUENCE = 3
    CONFIDENT = 4  # a probe's answer was sure enough
    LIMIT = 5  # a limit on the whole question was hit
    PRUNED = 6  # a search went on with other branches


class Fate(StrEnum):
    """What became of an attempt."""

    CHOSEN = "chosen"  # its answer is the strategy's
    KEPT = "kept"  # finished, and took part in the choice
    DISCARDED = "discarded"  # pruned before it had an answer


@dataclass(frozen=True)
class Attempt:
    """One attempt at a question. Figures have one entry for each token of thought and answer."""

    question: int
    index: int
    thought: tuple[int, ...]  # token ids, the marker or forced cue last
    answer: tuple[int, ...]  # token ids, an end token included
    text: str  # the answer in words
    extracted: str | None  # the answer itself, in the one spelling that votes compare
    span: tuple[int, int] | None  # where its tokens lie in thought + answer
    stop: Stop
    logprobs: np.ndarray = field(repr=False, compare=False)  # [n] float32; NaN where not known
    margins: np.ndarray = field(repr=False, compare=False)  # [n] float32; NaN where not known
    forced: np.ndarray = field(repr=False, compare=False)  # [n] bool: given, not chosen
    score: float | None = None  # a verifier's
    fate: Fate = Fate.KEPT

    @property
    def said(self) -> tuple[int, ...]:
        """All tokens since the prompt."""
        return self.thought + self.answer

    @property
    def forced_tokens(self) -> int:
        """Tokens that were given to the model and not chosen by it."""
        return int(self.forced.sum())

    @property
    def mean_logprob(self) -> float:
        """Mean log-probability of the tokens that the model chose; -inf where it chose none."""
        return mean(self.logprobs[~self.forced], otherwise=-np.inf)

    @property
    def answer_margin(self) -> float:
        """CoT-decoding's delta: the mean margin of the answer's own tokens, 0 without an answer
        (Wang & Zhou 2024, arXiv 2402.10200, equation 1)."""
        return 0.0 if self.span is None else mean(self.margins[slice(*self.span)], otherwise=0.0)


@dataclass(frozen=True)
class Answered:
    """A strategy's answer to one question, with everything that led to it."""

    question: int
    answer: str | None  # None where no attempt has one
    chosen: int  # index in `attempts`
    attempts: tuple[Attempt, ...]
    log: PassLog = field(repr=False, compare=False)  # of the whole batch that it ran in
    votes: Mapping[str, float] = field(default_factory=dict)  # weight behind each answer
    cached: bool = False  # an earlier question's, for no further passes

    @property
    def limit(self) -> str | None:
        """The limit that this question hit, if it hit one."""
        return None if self.cached else self.log.hits.get(self.question)


def mean(figures: np.ndarray, otherwise: float) -> float:
    """Mean of those `figures` that are known."""
    known = figures[~np.isnan(figures)]
    return float(known.mean()) if known.size else otherwise


@dataclass
class Trace:
    """Growing columns for [B, A] rows; row (b, a) has `length[b, a]` tokens."""

    tokens: np.ndarray  # [B, A, E] int32
    logprobs: np.ndarray  # [B, A, E] float32, NaN where not known
    margins: np.ndarray  # [B, A, E] float32, NaN where not known
    forced: np.ndarray  # [B, A, E] bool
    length: np.ndarray  # [B, A] int64

    @staticmethod
    def empty(prompts: int, attempts: int, room: int = 16) -> "Trace":
        shape = (prompts, attempts, room)
        return Trace(
            tokens=np.full(shape, EMPTY, np.int32),
            logprobs=np.full(shape, np.nan, np.float32),
            margins=np.full(shape, np.nan, np.float32),
            forced=np.zeros(shape, bool),
            length=np.zeros(shape[:2], np.int64),
        )

    def add(
        self, rows: np.ndarray, token: np.ndarray, logprob: np.ndarray, margin: np.ndarray,
        forced: bool = False,
    ) -> None:  # fmt: skip
        """Append one token [B, A] with its figures to each of `rows` [B, A] bool."""
        if not rows.any():
            return
        while self.length[rows].max() >= self.tokens.shape[2]:
            self._grow()
        where = (*np.nonzero(rows), self.length[rows])
        self.tokens[where] = token[rows]
        self.logprobs[where] = logprob[rows]
        self.margins[where] = margin[rows]
        self.forced[where] = forced
        self.length += rows

    def recent(self, count: int) -> np.ndarray:
        """The last `count` tokens of each row [B, A, M], EMPTY before its first."""
        index = self.length[..., None] - count + np.arange(count)
        found = np.take_along_axis(self.tokens, np.maximum(index, 0), axis=2)
        return np.where(index >= 0, found, EMPTY)

    def take(self, parents: np.ndarray) -> "Trace":
        """A trace whose row a is a copy of row `parents[b, a]` [B, A]."""

        def pick(x: np.ndarray) -> np.ndarray:
            index = parents.reshape(parents.shape + (1,) * (x.ndim - 2))
            return np.take_along_axis(x, index, axis=1)

        return Trace(
            pick(self.tokens), pick(self.logprobs), pick(self.margins), pick(self.forced),
            pick(self.length),
        )  # fmt: skip

    def said(self, b: int, a: int) -> list[int]:
        """Tokens of one row."""
        return [int(token) for token in self.tokens[b, a, : self.length[b, a]]]

    def _grow(self) -> None:
        more = Trace.empty(*self.tokens.shape)
        for name in ("tokens", "logprobs", "margins", "forced"):
            both = (getattr(self, name), getattr(more, name))
            setattr(self, name, np.concatenate(both, axis=2))
