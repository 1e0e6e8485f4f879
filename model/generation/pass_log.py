"""What every pass through a model worked on: the record from which costs are counted afterwards.

Axis letters as in `config`; N consecutive passes of one phase over one batch. A question is a
prompt's index in the whole workload. Nothing here knows what a pass costs.

A limit on what one question may cost is told of every pass and says stop. Budgets in FLOPs, joules,
dollars or seconds are limits that know a price, and live with whoever knows prices; here is the
one in tokens.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..phases import PREFILL

if TYPE_CHECKING:  # few runs have drafts
    from .acceptance import Acceptance

Counts = np.ndarray  # int64
ROOT = -1
"""Parent of a branch that begins with a prompt."""

REASONER = "model"
"""What records call the model that is asked."""


@dataclass(frozen=True)
class PassRecord:
    """N passes in a row of one phase. A row that is idle in a pass has 0 tokens in it.

    Prefill is one pass with one row a prompt (A = 1) and no shared part before it. A record with
    no tokens at all but `copied` ones is a branching: cached positions copied from row to row.
    """

    phase: str
    model: str  # whose weights are read: the engine's name
    questions: Counts  # [B]
    prompt: Counts  # [B] positions of the shared prompt that each of its rows sees; 0 in prefill
    own: Counts  # [N, B, A] positions of its own that a row had cached before the pass
    tokens: Counts  # [N, B, A] positions that a row reads
    heads: Counts  # [N, B, A] positions of it whose logits are wanted
    forced: Counts  # [N, B, A] tokens of it that were given, not chosen: cue, 'Wait', a replay
    copied: Counts  # [N, B, A] cached positions copied into the row
    branches: Counts  # [B, A] the branch that each row works on, an index into PassLog.parents
    slots: int  # positions that the program computes for each row, padding and idle ones included

    @staticmethod
    def of(
        phase: str,
        prompt: Counts,
        own: Counts,
        tokens: Counts,
        heads: Counts | None = None,
        forced: Counts | None = None,
        copied: Counts | None = None,
        questions: Counts | None = None,
        branches: Counts | None = None,
        slots: int = 1,
        model: str = REASONER,
    ) -> "PassRecord":
        """A record of rows that want the logits behind what they read, and nothing out of the
        ordinary where nothing else is said."""
        none = np.zeros_like(tokens)
        return PassRecord(
            phase=phase,
            model=model,
            questions=np.arange(tokens.shape[1]) if questions is None else questions,
            prompt=prompt,
            own=own,
            tokens=tokens,
            heads=np.minimum(tokens, 1) if heads is None else heads,
            forced=none if forced is None else forced,
            copied=none if copied is None else copied,
            branches=none[0] if branches is None else branches,
            slots=slots,
        )

    @property
    def passes(self) -> int:
        """Passes in which any row reads something: 0 where cached positions are only copied."""
        return int((self.tokens.sum(axis=(1, 2)) > 0).sum())

    @property
    def pairs(self) -> Counts:
        """[N, B, A] queries times the keys they see, causally."""
        before = self.prompt[:, None] + self.own
        return self.tokens * before + self.tokens * (self.tokens + 1) // 2

    @property
    def prompt_read(self) -> Counts:
        """[N, B] cached positions of shared prompts, read once a pass for all rows at work."""
        return np.where((self.tokens > 0).any(axis=2), self.prompt, 0)

    @property
    def prompt_saved(self) -> Counts:
        """[N, B] positions not read again because rows share their prompt's cache."""
        sharing = (self.tokens > 0).sum(axis=2)
        return self.prompt * (sharing - 1).clip(min=0)

    @property
    def own_read(self) -> Counts:
        """[N, B, A] cached positions of its own that each row at work reads."""
        return np.where(self.tokens > 0, self.own, 0)

    @property
    def idle_slots(self) -> int:
        """Positions that the program computed for nothing: padding, and rows that had ended."""
        return self.slots * self.tokens.size * (self.passes > 0) - int(self.tokens.sum())


def prompt_record(lengths: Sequence[int], phase: str = PREFILL) -> PassRecord:
    """One pass over a batch of prompts; logits of each prompt's last position alone."""
    tokens = np.asarray(lengths, np.int64)[None, :, None]
    return PassRecord.of(phase, np.zeros(len(lengths), np.int64), np.zeros_like(tokens), tokens)


def decode_record(
    phase: str, prompts: Sequence[int], before: np.ndarray, passes: np.ndarray
) -> PassRecord:
    """A decode phase over prompts of these lengths.

    `before` [B, A]: positions that each row had cached for itself when the phase began; `passes`
    [B, A]: passes that it takes part in, one token each, from the first on.
    """
    step = np.arange(int(passes.max(initial=0)))[:, None, None]
    own = before + np.minimum(step, passes)
    tokens = (step < passes).astype(np.int64)
    return PassRecord.of(phase, np.asarray(prompts, np.int64), own, tokens)


@dataclass
class PassLog:
    """All passes of one strategy over one batch, with the branches they worked on.

    A branch is a stretch of a path between two branchings; `parents` gives the one it grew from.
    `hits` names, for each question that a limit ended, the limit. `acceptance` is of drafts, where
    any were made.
    """

    records: list[PassRecord] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)
    hits: dict[int, str] = field(default_factory=dict)
    acceptance: "Acceptance | None" = None

    @property
    def phases(self) -> list[str]:
        """Names of the phases in the order of their first pass."""
        return list(dict.fromkeys(record.phase for record in self.records))

    def new_branches(self, parents: np.ndarray) -> Counts:
        """Numbers for new branches that grow from `parents` (any shape)."""
        first = len(self.parents)
        self.parents += [int(parent) for parent in parents.ravel()]
        return np.arange(first, len(self.parents)).reshape(parents.shape)

    def keep(self, branches: Iterable[int]) -> None:
        """Mark branches, and all they grew from, as part of an attempt that was finished."""
        for branch in branches:
            while branch != ROOT and branch not in self.kept:
                self.kept.add(int(branch))
                branch = self.parents[branch]

    def discarded(self, record: PassRecord) -> np.ndarray:
        """[B, A]: rows of `record` whose work ended in no finished attempt (pruned, probes)."""
        kept = np.zeros(len(self.parents), bool)
        kept[list(self.kept)] = True
        return ~kept[record.branches]

    def of_phase(self, phase: str) -> list[PassRecord]:
        """The records of one phase."""
        return [record for record in self.records if record.phase == phase]


class Limit(Protocol):
    """Told of each `PassRecord` as it is made."""

    def __call__(self, record: PassRecord) -> Sequence[str | None]:
        """For each question of the record: the name of the limit that it has hit, or None.

        A question that hit a limit thinks no further and gets no new attempts; what it has
        thought is answered, within the answer budget.
        """


@dataclass
class SpendingLimit:
    """Stops a question once what its passes have spent reaches `amount`. The pass that reaches the
    limit is the last but for the answer's."""

    name: str
    amount: float
    spent_by: Callable[[PassRecord], np.ndarray]  # [B] what a record spends of each question's
    spent: Counter[int] = field(default_factory=Counter)

    def __call__(self, record: PassRecord) -> Sequence[str | None]:
        for question, amount in zip(record.questions, self.spent_by(record), strict=True):
            self.spent[int(question)] += amount
        hits = (self.spent[int(question)] >= self.amount for question in record.questions)
        return [self.name if hit else None for hit in hits]


def token_limit(tokens: int) -> SpendingLimit:
    """At most `tokens` positions read for a question, by a verifier too, forced ones included."""
    return SpendingLimit(f"{tokens} tokens", tokens, lambda record: record.tokens.sum(axis=(0, 2)))
