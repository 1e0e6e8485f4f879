"""Evaluation: what strategies got right, and what each answer cost. Data only.

A cell is one strategy at one budget of thought, over all problems. Costs of a question are the
counted lens's; those on a slice are predicted. Estimates are over problems: attempts at one problem
are not independent, so a problem is the unit that intervals are made of.
"""

from typing import Literal

from pydantic import Field

from .base import Amount, Count, Positive, Range, Record, Spread, Whole, dtype_words
from .lenses import Phase
from .prediction import Amounts
from .profile import Provenance

CostKind = Literal["flops", "usd"]


class Option(Record):
    """A way to answer: its accuracy, and its cost per query."""

    label: str
    cost: Amount
    accuracy: Amount
    low: Amount
    high: Amount
    on_frontier: bool = Field(description="no option as cheap or cheaper is more accurate")
    points_per_cost: float | None = Field(description="gained on the option before, per cost")


class Frontier(Record):
    """All options by one kind of cost, cheapest first."""

    kind: CostKind
    slice: str | None = Field(description="slice of the dollars; None for counted FLOPs")
    options: list[Option]


class OptimalPoint(Record):
    """The compute-optimal choice at one budget of FLOPs a query."""

    budget_flops: Positive
    flops: Amount = Field(description="spent per query, on problems not used for the choice")
    accuracy: Amount = Field(description="on problems not used for the choice")
    chosen: dict[str, list[str]] = Field(description="options by level, those of each fold")


class Baseline(Record):
    """Best of N, the same for every problem."""

    label: str
    flops: Amount
    accuracy: Amount
    reached_flops: Amount | None = Field(description="least for the same accuracy; None: never")

    @property
    def times_less(self) -> float | None:
        """How much less compute the choice needs for the same accuracy."""
        return self.flops / self.reached_flops if self.reached_flops else None


class Optimal(Record):
    """Compute-optimal choice of an option for each level (Snell et al. 2024, arXiv 2408.03314,
    section 3): chosen on one half of the problems and reported on the other, both ways round."""

    difficulty: str = Field(description="what the levels are")
    points: list[OptimalPoint]
    baselines: list[Baseline]
    said: str = Field(description="what was reached against best of N, in a sentence")


class Estimate(Record):
    """A mean over problems with its 95 % interval."""

    value: Amount
    low: Amount
    high: Amount


class LedgerEntry(Record):
    """One phase of one question, on branches that were kept or on those that were discarded."""

    phase: str
    discarded: bool = Field(description="the work ended in no finished attempt")
    tokens: Count = Field(description="positions read")
    forced_tokens: Count
    flops: Count
    hbm_bytes: Amount = Field(description="a pass's weights are shared out by positions read")
    wall_j: Amount | None = Field(description="at the wall, on the evaluation's first slice")
    usd: Amount | None


class SharedPrompt(Record):
    """What a question's attempts saved by reading one prompt, and its cache, together."""

    tokens: Count = Field(description="prompt positions that were not read again")
    flops: Count
    hbm_bytes: Count = Field(description="cached positions not read, KV not written again")


class Ledger(Record):
    """All that one question cost. Entries add up to the cell's totals."""

    entries: list[LedgerEntry]
    saved: SharedPrompt

    @property
    def tokens(self) -> int:
        """Positions read in all phases."""
        return sum(entry.tokens for entry in self.entries)

    @property
    def flops(self) -> int:
        """Of all phases."""
        return sum(entry.flops for entry in self.entries)

    @property
    def hbm_bytes(self) -> float:
        """Of all phases."""
        return sum(entry.hbm_bytes for entry in self.entries)


class TriedAnswer(Record):
    """One attempt."""

    answer: str | None = Field(description="in the spelling that votes compare; None: no answer")
    right: bool
    score: float | None = Field(description="a verifier's, or the model's confidence in its tokens")


class QuestionResult(Record):
    """One problem."""

    problem: str = Field(description="a question's first words, or a log's problem id")
    level: int | None
    answer: str | None
    right: bool = Field(description="of the answer that the strategy chose")
    tried: list[TriedAnswer]
    ledger: Ledger | None = Field(description="None where a log does not say what was read")
    limit: str | None = Field(description="the limit that it hit, as '64 tokens'")


class SliceCost(Record):
    """A query on a described slice, and a correct answer: all queries over the correct ones."""

    slice: str
    chip: str | None = Field(default=None, description="None in evaluations of older versions")
    chips: Count | None = None
    time_s: Range = Field(description="of the slice for one query; a batch shares it")
    amounts: Amounts
    per_correct_s: Range | None = Field(
        description="None where no answer was correct; its interval holds that of the accuracy too"
    )
    per_correct: Amounts | None = Field(description="likewise")


class AttemptsPoint(Record):
    """What k attempts do, estimated without bias from all that were made."""

    k: Count
    coverage: Estimate = Field(description="pass@k: any of k is right (arXiv 2107.03374)")
    majority: Estimate | None = Field(description="majority@k; None where a log has no answers")
    best: Estimate | None = Field(description="the best by score of k; None without scores")
    tokens: Amount | None = Field(description="positions read for a query")
    flops: Amount | None
    hbm_bytes: Amount | None
    usd: Amount | None = Field(description="what a log says that was paid for a query")
    slices: list[SliceCost] = Field(description="a correct answer is a covered one here")


class Cell(Record):
    """One strategy at one budget."""

    schema_version: Literal["rooflink.cell/3"] = "rooflink.cell/3"
    strategy: str
    budget: Count | None = Field(description="tokens of thought; None: the strategy has none")
    accuracy: Estimate
    by_level: dict[str, Estimate] = Field(description="accuracy by level; empty where all are one")
    questions: list[QuestionResult]
    phases: list[Phase] = Field(description="of all questions, counted")
    usd: Amount | None = Field(default=None, description="what a log says that was paid for all")
    time_per_question_s: Spread | None = Field(
        default=None,
        description="on this machine, of batches whose programs were all traced and compiled "
        "before; a batch's time over its questions. None: not run, or in an older version",
    )
    timed_questions: Count = Field(default=0, description="in those batches, repeats included")
    slices: list[SliceCost]
    attempts: list[AttemptsPoint]

    @property
    def label(self) -> str:
        """Strategy and budget in a few words."""
        return self.strategy if self.budget is None else f"{self.strategy} @{self.budget}"

    @property
    def correct(self) -> int:
        """Questions whose chosen answer is right."""
        return sum(question.right for question in self.questions)


class Evaluation(Record):
    """All cells over one task, and what follows from them together."""

    schema_version: Literal["rooflink.evaluation/3"] = "rooflink.evaluation/3"
    name: str
    provenance: Provenance
    model: str
    parameters: Positive = Field(description="resident ones")
    dtype: str = Field(description="of weights and KV cache where these have no other")
    weight_dtype: str | None = Field(default=None, description="of matrices: int8, int4, fp8")
    weight_group: int | None = Field(
        default=None, ge=1, description="rows that share a scale of int4"
    )
    kv_dtype: str | None = Field(default=None, description="int8 or fp8")
    task: str
    problems: Whole
    guess_rate: Amount | None = Field(description="of a random guess; None where nobody knows it")
    batch: Whole = Field(description="questions that run together")
    limit: str | None = Field(description="the limit on each question, as '--budget' said it")
    ledger_slice: str | None = Field(description="the slice whose J and $ the ledgers have")
    cells: list[Cell]
    frontiers: list[Frontier]
    optimal: Optimal | None
    notes: list[str] = Field(description="what a reader must know of the figures")

    @property
    def dtype_words(self) -> str:
        """As `base.dtype_words`."""
        return dtype_words(self.dtype, self.weight_dtype, self.weight_group, self.kv_dtype)
