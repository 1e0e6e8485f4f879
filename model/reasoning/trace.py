"""What each row has said, on the host: tokens with their figures, without the gaps of idle passes.

Axis letters as in `config`; E the most tokens that fit, M tokens looked back on.
"""

from dataclasses import dataclass

import numpy as np

from ..cache import EMPTY


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
