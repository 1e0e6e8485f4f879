"""What a strategy hands back: its attempts at each question, and the answer it chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np

from .passes import PassLog


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
