"""Predictions set against what was measured, row by row and summed up."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from statistics import median
from typing import Literal

from ..predict.case_times import Predicted
from ..predict.cases import Case, LeftOut
from ..record.interval import Interval
from ..record.validation import ErrorSummary, Fold, MeasuredRow, UnpredictedRow
from .identity import case_key

Predictor = Callable[[Sequence[Case]], Sequence[Predicted]]
FOLDS: tuple[Fold, ...] = ("held out", "fitted")


def score(
    cases: Sequence[Case], predictor: Predictor, held_out: Mapping[str, Interval]
) -> tuple[list[MeasuredRow], list[LeftOut]]:
    """A row for each case, in their order, and those whose chip's power is not known.

    `held_out` has, by `case_key`, what a fit without the row's model or source predicted for the
    rows that the shipped fit has seen; all others are held out of it as they are.
    """
    rows: list[MeasuredRow] = []
    left_out: list[LeftOut] = []
    for case, predicted in zip(cases, predictor(cases), strict=True):
        if isfinite(predicted.median):
            rows.append(_row(case, predicted, held_out.get(case_key(case))))
        else:
            reason = f"the power of {case.slice.chip.name} is not known"
            left_out.append(LeftOut(case.id, case.source, reason))
    return rows, left_out


def _row(case: Case, predicted: Predicted, unseen: Interval | None) -> MeasuredRow:
    whole = Interval(median=predicted.median, low=predicted.low, high=predicted.high)
    return MeasuredRow(
        id=case.id,
        source=case.source,
        reliability=case.reliability,
        stack=case.stack,
        group=case.group,
        model=case.model,
        chip=case.slice.chip.name,
        slice=case.slice.name,
        unit=case.unit,
        note=case.note,
        observed=case.observed,
        fitted=whole if unseen else None,
        held_out=unseen or whole,
        basis=predicted.basis,
    )


def unpredicted(left_out: Iterable[LeftOut]) -> list[UnpredictedRow]:
    """As the record has them."""
    return [UnpredictedRow(id=each.id, source=each.source, reason=each.reason) for each in left_out]


def summaries(rows: Sequence[MeasuredRow]) -> list[ErrorSummary]:
    """Over all rows, by regime, by chip and by stack, the two folds apart."""
    found = []
    for fold in FOLDS:
        predicted = [row for row in rows if row.predicted(fold) is not None]
        for by in _GROUPINGS:
            parts: dict[str, list[MeasuredRow]] = defaultdict(list)
            for row in predicted:
                parts[_GROUPINGS[by](row)].append(row)
            found += [_summary(by, name, fold, parts[name]) for name in sorted(parts)]
    return found


Grouping = Literal["all", "group", "chip", "stack"]
_GROUPINGS: dict[Grouping, Callable[[MeasuredRow], str]] = {
    "all": lambda row: f"all in {'seconds' if row.unit == 's' else 'joules'}",
    "group": lambda row: row.group,
    "chip": lambda row: f"{row.chip}, {_kind(row)}",
    "stack": lambda row: f"{row.stack}, {_kind(row)}",
}


def _kind(row: MeasuredRow) -> str:
    """Kernels, models and joules are never mixed in one figure."""
    if row.unit == "J":
        return "energy"
    return "operations" if row.group in ("matmul", "vector", "collective") else "models"


def _summary(by: Grouping, name: str, fold: Fold, rows: Sequence[MeasuredRow]) -> ErrorSummary:
    errors = [error for row in rows if (error := row.error(fold)) is not None]
    return ErrorSummary(
        by=by,
        name=name,
        fold=fold,
        rows=len(rows),
        median_absolute_error=median(map(abs, errors)),
        bias=median(errors),
        coverage=sum(bool(row.covered(fold)) for row in rows) / len(rows),
    )
