"""A strategy's result: its attempts at each question, and the answer it chose; and the tokens of
each row so far, on the host, without the gaps of idle passes.

Axis letters as in `config`; N passes of one call, E the most tokens that fit, M recent tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import partial

import numpy as np

from ..kv_cache import EMPTY
from .pass_log import PassLog
from .stopping import Stop

_NONE = partial(np.zeros, 0, np.float32)


class Fate(StrEnum):
    """What became of an attempt."""

    CHOSEN = "chosen"  # its answer is the strategy's
    KEPT = "kept"  # finished, and took part in the choice
    DISCARDED = "discarded"  # pruned before it had an answer


@dataclass(frozen=True)
class Attempt:
    """One attempt at a question. Figures have one entry for each token of thought and answer, and
    are NaN where they were not wanted (see `Session.figures`)."""

    question: int
    index: int
    thought: tuple[int, ...]  # token ids, the marker or forced cue last
    answer: tuple[int, ...]  # token ids, an end token included
    stop: Stop
    text: str = ""  # the answer in words
    extracted: str | None = None  # the answer itself, in the one spelling that votes compare
    span: tuple[int, int] | None = None  # where its tokens lie in thought + answer
    logprobs: np.ndarray = field(default_factory=_NONE, repr=False, compare=False)  # [n] float32
    margins: np.ndarray = field(default_factory=_NONE, repr=False, compare=False)  # [n] float32
    forced: np.ndarray = field(  # [n] bool: given, not chosen
        default_factory=partial(np.zeros, 0, bool), repr=False, compare=False
    )
    score: float | None = None  # a verifier's
    fate: Fate = Fate.KEPT
    after_cue: bool = False  # `text` goes on from the words 'The answer is'

    @property
    def emitted(self) -> tuple[int, ...]:
        """All tokens since the prompt."""
        return self.thought + self.answer

    @property
    def forced_tokens(self) -> int:
        """Tokens that were given to the model, not chosen by it."""
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


def answered(
    attempts: Sequence[Attempt], chosen: int, log: PassLog, votes: dict[str, float] | None = None
) -> Answered:
    """The answer of attempt number `chosen`."""
    marked = [*attempts]
    marked[chosen] = replace(marked[chosen], fate=Fate.CHOSEN)
    return Answered(
        question=marked[chosen].question,
        answer=marked[chosen].extracted,
        chosen=chosen,
        attempts=tuple(marked),
        log=log,
        votes=votes or {},
    )


def mean(figures: np.ndarray, otherwise: float) -> float:
    """Mean of those `figures` that are not NaN."""
    finite = figures[~np.isnan(figures)]
    return float(finite.mean()) if finite.size else otherwise


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

    def add_passes(
        self, token: np.ndarray, logprob: np.ndarray | None, margin: np.ndarray | None
    ) -> None:
        """Append what passes said: tokens [N, B, A], below 0 where a row said nothing, with their
        figures where they are known."""
        emitted = token >= 0
        index = self.length + np.cumsum(emitted, axis=0) - emitted
        self.length = self.length + emitted.sum(axis=0)
        while self.length.max() > self.tokens.shape[2]:
            self._grow()
        _, b, a = np.nonzero(emitted)
        where = (b, a, index[emitted])
        self.tokens[where] = token[emitted]
        self.forced[where] = False
        for column, figures in ((self.logprobs, logprob), (self.margins, margin)):
            column[where] = np.nan if figures is None else figures[emitted]

    def mark_forced(self, counts: np.ndarray) -> None:
        """The last `counts` [B, A] tokens of each row were given to it."""
        index = np.arange(self.forced.shape[2])
        end = self.length[..., None]
        self.forced |= (index < end) & (index >= end - counts[..., None])

    def recent(self, count: int) -> np.ndarray:
        """The last `count` tokens of each row [B, A, M], EMPTY before its first."""
        index = self.length[..., None] - count + np.arange(count)
        tokens = np.take_along_axis(self.tokens, np.maximum(index, 0), axis=2)
        return np.where(index >= 0, tokens, EMPTY)

    def take(self, parents: np.ndarray) -> "Trace":
        """A trace whose row a is a copy of row `parents[b, a]` [B, A]."""
        return Trace(*(taken(getattr(self, column.name), parents) for column in fields(self)))

    def emitted(self, b: int, a: int) -> list[int]:
        """Tokens of one row."""
        return [int(token) for token in self.tokens[b, a, : self.length[b, a]]]

    def _grow(self) -> None:
        more = Trace.empty(*self.tokens.shape)
        for name in ("tokens", "logprobs", "margins", "forced"):
            both = (getattr(self, name), getattr(more, name))
            setattr(self, name, np.concatenate(both, axis=2))


def taken(x: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """`x` [B, A, ...] with row `parents[b, a]` [B, A] as row a."""
    return np.take_along_axis(x, parents.reshape(parents.shape + (1,) * (x.ndim - 2)), axis=1)
