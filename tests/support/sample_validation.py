"""A validation of three rows, one problem and one peer, for tests of what shows it."""

from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.validation import (
    ErrorSummary,
    MeasuredRow,
    PeerRow,
    PrefillPart,
    UnpredictedRow,
    Validation,
    WorkedRow,
)


def sample_row(
    id: str, observed: float, median: float, unit: str = "s", group: str = "decode",
    fitted: Interval | None = None,
) -> MeasuredRow:  # fmt: skip
    return MeasuredRow(
        id=id, source="somebody", reliability="A", stack="vLLM", group=group, model="a <model>",
        chip="TPU v5e", slice="v5e:2x4", unit=unit, note="", observed=observed, fitted=fitted,
        held_out=Interval(median=median, low=0.8 * median, high=1.3 * median), basis="7 rows",
    )  # fmt: skip


def sample_validation() -> Validation:
    fitted = Interval(median=0.021, low=0.018, high=0.025)
    return Validation(
        command="rooflink validate",
        files=["mine.csv"],
        rows=[
            sample_row("mine.csv:1", 0.02, 0.022, fitted=fitted),
            sample_row("mine.csv:2", 0.002, 0.001),
            sample_row("mine.csv:3", 90.0, 100.0, "J", "energy"),
        ],
        left_out=[UnpredictedRow(id="mine.csv:4", source="somebody", reason="no chip file for X")],
        summaries=[
            ErrorSummary(by="group", name="decode", fold="held out", rows=2,
                         median_absolute_error=0.3, bias=-0.2, coverage=0.5),
            ErrorSummary(by="group", name="decode", fold="fitted", rows=1,
                         median_absolute_error=0.05, bias=0.05, coverage=1.0),
        ],
        worked=[
            WorkedRow(id="R1", section="a chapter", question="how many?", unit="ms", published=10.0,
                      value=10.1, error_percent=1.0, tolerance_percent=2.0, agrees=True),
        ],
        worked_left_out=[UnpredictedRow(id="R2", source="a chapter", reason="no answer")],
        peers=[
            PeerRow(tool="by hand", chip="v5e", decode_1_ms=18.65, decode_32_ms=28.8,
                    prefill_ms=None, largest_batch=None),
            PeerRow(tool="rooflink --ideal", chip="v5e", decode_1_ms=18.66, decode_32_ms=None,
                    prefill_ms=150.7, largest_batch=1),
        ],
        prefill_parts=[PrefillPart(what="matmuls", counted=True, ms={"v5e": 145.1})],
    )  # fmt: skip
