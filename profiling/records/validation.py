"""Record of a validation: predictions beside measurements, worked problems, other tools."""

from typing import Literal

from pydantic import Field

from .base import Amount, Count, Interval, Positive, Range, Record

Fold = Literal["fitted", "held out"]


class MeasuredRow(Record):
    """One measurement and what was predicted for it."""

    id: str = Field(description="file and row")
    source: str
    reliability: str
    stack: str
    group: str = Field(description="decode, prefill, serving, matmul, vector, collective, energy")
    model: str
    chip: str
    slice: str
    unit: str = Field(description="s or J, of the steps that the row stands for")
    note: str
    observed: Positive
    fitted: Range | None = Field(description="by the fit that saw it; None where none did")
    held_out: Range | None = Field(description="by a fit that did not see its model or source")
    basis: str = Field(description="the measurements that the prediction stands on")

    def predicted(self, fold: Fold) -> Interval | None:
        """The prediction of one kind."""
        return self.fitted if fold == "fitted" else self.held_out

    def error(self, fold: Fold) -> float | None:
        """Predicted over measured, less one."""
        predicted = self.predicted(fold)
        return predicted.median / self.observed - 1 if predicted else None

    def covered(self, fold: Fold) -> bool | None:
        """Whether the interval holds what was measured."""
        predicted = self.predicted(fold)
        return predicted.low <= self.observed <= predicted.high if predicted else None


class UnpredictedRow(Record):
    """A row or a problem that was left out."""

    id: str
    source: str
    reason: str


class ErrorSummary(Record):
    """Errors of the rows that share something."""

    by: Literal["all", "group", "chip", "stack"]
    name: str
    fold: Fold
    rows: Count
    median_absolute_error: Amount = Field(description="of predicted over measured, less one")
    bias: float = Field(description="median of the signed error")
    coverage: Amount = Field(description="share of the 80 % intervals that hold what was measured")


class WorkedRow(Record):
    """A textbook problem and our answer."""

    id: str
    section: str
    question: str
    unit: str
    published: float
    value: float
    error_percent: float
    tolerance_percent: float
    agrees: bool


class PeerRow(Record):
    """Milliseconds of one tool on one chip; None where it gave none."""

    tool: str
    chip: str
    decode_1_ms: Amount | None
    decode_32_ms: Amount | None
    prefill_ms: Amount | None
    largest_batch: Count | None = Field(description="that fits the memory; ours alone")


class PrefillPart(Record):
    """A part of our prefill, or what a peer counts and we do not, in milliseconds by chip."""

    what: str
    counted: bool
    ms: dict[str, Amount]


class Validation(Record):
    """Everything that one `rooflink validate` found."""

    schema_version: Literal["rooflink.validation/1"] = "rooflink.validation/1"
    command: str
    files: list[str]
    rows: list[MeasuredRow]
    left_out: list[UnpredictedRow]
    summaries: list[ErrorSummary]
    worked: list[WorkedRow]
    worked_left_out: list[UnpredictedRow]
    peers: list[PeerRow]
    prefill_parts: list[PrefillPart]
