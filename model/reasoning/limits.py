"""Limits on what one question may cost, whatever the strategy: told of every pass, they say stop.

Budgets in FLOPs, joules, dollars or seconds are limits that know a price; they live with whoever
knows prices. Here is the one in tokens.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .passes import PassRecord


class Limit(Protocol):
    """Told of each `PassRecord` as it is made."""

    def __call__(self, record: PassRecord) -> Sequence[str | None]:
        """For each question of the record: the name of the limit that it has hit, or None.

        A question that hit a limit thinks no further and gets no new attempts; what it has
        thought is answered, within the answer budget.
        """


@dataclass
class TokenLimit:
    """At most `tokens` positions read for a question, its prompt, forced tokens and verifier's
    passes included. The pass that reaches the limit is the last but for the answer's."""

    tokens: int
    spent: Counter[int] = field(default_factory=Counter)

    def __call__(self, record: PassRecord) -> Sequence[str | None]:
        for question, read in zip(record.questions, record.tokens.sum(axis=(0, 2)), strict=True):
            self.spent[int(question)] += int(read)
        over = (self.spent[int(question)] >= self.tokens for question in record.questions)
        return [f"{self.tokens} tokens" if hit else None for hit in over]
