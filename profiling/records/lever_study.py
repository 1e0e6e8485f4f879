"""Levers measured: what each change of a model did to its answers, and what it costs. Data only.

All are run on the same problems with the same seed, so that differences are of pairs.
"""

from typing import Literal

from pydantic import Field

from .base import Amount, Count, Positive, Record, Whole
from .evaluation import Estimate, SliceCost
from .profile import Provenance

LeverKind = Literal[
    "base", "dtype", "weights", "kv", "magnitude", "nm", "mlp", "heads", "kv-heads", "layers",
    "exit", "window", "think", "drafts",
]  # fmt: skip
"""What a lever changes: the widths that numbers are held in, zeros among the weights, the sizes of
the model, what attention sees, how long a thought may be, or how tokens are drafted."""


Z95 = 1.959964
"""Of a normal distribution, 95 % within it on both sides."""


class PairedDifference(Record):
    """How much more often one way is right than another, on the same problems, with the 95 %
    interval and the exact test of McNemar."""

    value: float = Field(description="share of the problems, gained less lost")
    low: float
    high: float
    lost: Count = Field(description="problems that the first way alone has right")
    gained: Count = Field(description="problems that the second way alone has right")
    p_value: Amount = Field(description="1e-9 where it is smaller")
    answers_changed: Count = Field(description="problems with another answer, right or wrong")

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return (self.high - self.low) / (2 * Z95)


class MeasuredLever(Record):
    """One changed model, or the base, on all problems."""

    lever: str = Field(description="as --levers takes it, 'weights=int8'; 'base'")
    kind: LeverKind
    change: str = Field(description="what was done to the model, in words")
    accuracy: Estimate
    difference: PairedDifference | None = Field(description="to the base; None for the base")
    thought_tokens: Amount | None = Field(
        description="read in thoughts, per query; None where drafts are checked too"
    )
    flops: Amount = Field(description="counted, per query")
    hbm_bytes: Amount = Field(description="counted, per query")
    weight_bytes: Positive = Field(description="of all weights as they are held")
    slices: list[SliceCost] = Field(description="predicted")
    saves: str = Field(description="what a chip must be able to do for it to save; '' for no more")


class LeverStudy(Record):
    """All levers of one model on one task."""

    schema_version: Literal["rooflink.levers/1"] = "rooflink.levers/1"
    name: str
    provenance: Provenance
    model: str
    parameters: Positive = Field(description="of the base, resident ones")
    dtype: str = Field(description="of the base's weights")
    task: str
    problems: Whole
    think_budget: Count = Field(description="most tokens of a thought of the base")
    batch: Whole = Field(description="questions that run together")
    base: MeasuredLever
    levers: list[MeasuredLever]
    left_out: list[str] = Field(description="levers that this model has not, each with the reason")
    notes: list[str] = Field(description="what a reader must know of the figures")
