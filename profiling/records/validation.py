"""Record of a validation: predictions beside measurements, worked problems, other tools."""

from typing import Literal, get_args

from pydantic import Field

from .base import Amount, Count, Interval, Positive, Range, Record

Way = Literal["model", "system", "stack"]
WAYS: tuple[Way, ...] = get_args(Way)
"""What is kept from the fit together with a row: its whole model (a kernel's whole table), all
rows of its chip, or all of its serving stack."""
Fold = Literal["held out", "system held out", "stack held out", "fitted"]
FOLDS: tuple[Fold, ...] = get_args(Fold)


class MeasuredRow(Record):
    """One measurement and what was predicted for it."""

    id: str = Field(description="file and row")
    source: str
    reliability: str
    stack: str
    group: str = Field(description="decode, prefill, serving, kernels by kind, energy")
    model: str
    chip: str
    slice: str
    unit: str = Field(description="s or J, of the steps that the row stands for")
    note: str
    observed: Positive
    fitted: Range | None = Field(description="by the fit that saw it; None where none did")
    held_out: Range | None = Field(description="by a fit that did not see its model or source")
    system_held_out: Range | None = Field(description="by a fit that did not see its chip")
    stack_held_out: Range | None = Field(description="by a fit that did not see its stack")
    unseen: Way | None = Field(description="of a row that no fit saw: what else of it none saw")
    output_tokens: Amount | None = Field(description="of each answer, where the row states them")
    overfull: bool = Field(description="of requests in flight, memory holds not all at a time")
    basis: str = Field(description="the measurements that the prediction stands on")

    def predicted(self, fold: Fold) -> Interval | None:
        """The prediction of one kind."""
        of_row: Interval | None = getattr(self, fold.replace(" ", "_"))
        return of_row

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

    by: Literal["all", "group", "chip", "stack", "length"]
    name: str
    fold: Fold
    rows: Count
    median_absolute_error: Amount = Field(description="of predicted over measured, less one")
    bias: float = Field(description="median of the signed error")
    coverage: Amount = Field(description="share of the 80 % intervals that hold what was measured")


class Agreement(Record):
    """Whether held-out predictions of a group are, as a whole, those measured.

    Equivalent: the mean of log(predicted / measured), each model or table counted once, lies
    within 10 % of none by two one-sided t-tests (Schuirmann 1987) at 5 %. Kolmogorov-Smirnov: the
    largest distance between the distributions of what was predicted and measured.
    """

    group: str
    units: Count = Field(description="models, or tables of kernels")
    mean_ratio: Positive = Field(description="geometric mean of predicted over measured")
    tost_p: Amount | None = Field(description="the larger of both tests'; None for one unit")
    equivalent: bool
    rows: Count
    ks_distance: Amount
    ks_p: Amount


class Comparison(Record):
    """Errors of rows that no fit saw, beside the published ones held out the same way."""

    group: str
    unseen: Way = Field(description="what else of the rows no fit saw")
    rows: Count
    median_absolute_error: Amount
    coverage: Amount
    published_rows: Count
    published_error: Amount | None = Field(description="None where nothing was published")
    within_a_quarter: bool | None = Field(description="at most 1.25 times the published error")


class HeldOutErrors(Record):
    """Errors of a calibration's own rows; of those that may not be shipped, no more than these."""

    shipped: list[ErrorSummary]
    not_shipped: list[ErrorSummary]
    not_shipped_rows: Count
    not_shipped_sources: list[str]


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

    schema_version: Literal["rooflink.validation/3"] = "rooflink.validation/3"
    command: str
    files: list[str]
    rows: list[MeasuredRow]
    left_out: list[UnpredictedRow]
    summaries: list[ErrorSummary]
    agreement: list[Agreement]
    comparisons: list[Comparison]
    not_shipped: list[ErrorSummary] = Field(description="of rows that the fit saw and none ships")
    not_shipped_sources: list[str]
    worked: list[WorkedRow]
    worked_left_out: list[UnpredictedRow]
    peers: list[PeerRow]
    prefill_parts: list[PrefillPart]
