"""Errors of predictions summed up: by group, chip, stack and length of answers; tests of agreement.

A median says nothing of how far predictions are from what was measured as a whole. Two one-sided
t-tests say whether they are the same within 10 %, and Kolmogorov-Smirnov whether they are spread
alike.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import Literal

from ..predicted.calibration import KERNELS
from ..predicted.cases import Case
from ..records.validation import (
    FOLDS,
    WAYS,
    Agreement,
    Comparison,
    ErrorSummary,
    Fold,
    MeasuredRow,
    Way,
)

MARGIN, LEVEL = 1.1, 0.05
"""Of equivalence: a ratio within 10 % either way on the logarithmic scale, at 5 %."""
LONG_TOKENS = 8000
"""Of an answer: from here on it is a chain of reasoning."""
QUARTER = 1.25
FOLD_OF: dict[Way, Fold] = {
    "model": "held out", "system": "system held out", "stack": "stack held out",
}  # fmt: skip


def summaries(rows: Sequence[MeasuredRow]) -> list[ErrorSummary]:
    """Over all rows, by group, by chip, by stack and by length of answers, the folds apart."""
    found = []
    for fold in FOLDS:
        for by, name_of in _GROUPINGS.items():
            parts: dict[str, list[MeasuredRow]] = defaultdict(list)
            for row in rows:
                if row.predicted(fold) is not None and (name := name_of(row)):
                    parts[name].append(row)
            found += [_summary(by, name, fold, parts[name]) for name in sorted(parts)]
    return found


Grouping = Literal["all", "group", "chip", "stack", "length"]


def group_of(row: MeasuredRow) -> str:
    """Its group; apart from it where requests wait for memory."""
    return f"{row.group}, beyond memory" if row.overfull else row.group


def model_unit(row: Case | MeasuredRow) -> str:
    """The rows that err alike, or are neighbours: those of one model, or of one table of
    kernels."""
    if row.group in KERNELS:
        return f"{row.model}, {row.source}"
    return row.model or row.source


def _length(row: MeasuredRow) -> str:
    if row.output_tokens is None or row.unit == "J":
        return ""
    lengths = "8k tokens or more" if row.output_tokens >= LONG_TOKENS else "below 8k tokens"
    return f"{group_of(row)}, answers of {lengths}"


_GROUPINGS: dict[Grouping, Callable[[MeasuredRow], str]] = {
    "all": lambda row: f"all in {'seconds' if row.unit == 's' else 'joules'}",
    "group": group_of,
    "chip": lambda row: f"{row.chip}, {_kind(row)}",
    "stack": lambda row: f"{row.stack}, {_kind(row)}",
    "length": _length,
}


def _kind(row: MeasuredRow) -> str:
    """Kernels, models and joules are never mixed in one figure."""
    if row.unit == "J":
        return "energy"
    return "operations" if row.group in KERNELS else "models"


def _summary(by: Grouping, name: str, fold: Fold, rows: Sequence[MeasuredRow]) -> ErrorSummary:
    errors = [error for row in rows if (error := row.error(fold)) is not None]
    return ErrorSummary(
        by=by, name=name, fold=fold, rows=len(rows),
        median_absolute_error=median(map(abs, errors)),
        bias=median(errors),
        coverage=sum(bool(row.covered(fold)) for row in rows) / len(rows),
    )  # fmt: skip


def equivalence_p(log_ratios: Sequence[float], margin: float = MARGIN) -> float | None:
    """The p of two one-sided t-tests that the mean is within the logarithm of `margin`, either
    way; None for fewer than two values."""
    from scipy.stats import ttest_1samp

    if len(log_ratios) < 2:
        return None
    if max(log_ratios) == min(log_ratios):
        return 0.0 if abs(log_ratios[0]) < math.log(margin) else 1.0
    above = ttest_1samp(log_ratios, -math.log(margin), alternative="greater").pvalue
    below = ttest_1samp(log_ratios, math.log(margin), alternative="less").pvalue
    return float(max(above, below))


def agreements(rows: Sequence[MeasuredRow]) -> list[Agreement]:
    """Of each group's held-out predictions."""
    parts: dict[str, list[MeasuredRow]] = defaultdict(list)
    for row in rows:
        if row.held_out is not None:
            parts[group_of(row)].append(row)
    return [_agreement(name, parts[name]) for name in sorted(parts)]


def _agreement(group: str, rows: Sequence[MeasuredRow]) -> Agreement:
    from scipy.stats import ks_2samp

    units: dict[str, list[float]] = defaultdict(list)
    predicted, observed = [], [row.observed for row in rows]
    for row in rows:
        assert row.held_out is not None
        predicted.append(row.held_out.median)
        # Rows of one model err alike: they are one witness, not many.
        units[model_unit(row)].append(math.log(row.held_out.median / row.observed))
    means = [fmean(of_unit) for of_unit in units.values()]
    p = equivalence_p(means)
    # The limit for many rows has no value for one pair.
    spread = ks_2samp(predicted, observed, method="asymp" if len(rows) > 1 else "exact")
    return Agreement(
        group=group, units=len(means), mean_ratio=math.exp(fmean(means)), tost_p=p,
        equivalent=p is not None and p < LEVEL, rows=len(rows),
        ks_distance=float(spread.statistic), ks_p=float(spread.pvalue),
    )  # fmt: skip


def compared(rows: Sequence[MeasuredRow], published: Sequence[ErrorSummary]) -> list[Comparison]:
    """Rows that no fit saw, by group and by what else of them none saw, beside the published
    errors of rows held out the same way."""
    known: Mapping[tuple[str, Fold], ErrorSummary] = {
        (each.name, each.fold): each for each in published if each.by == "group"
    }
    found = []
    for group in sorted({group_of(row) for row in rows if row.unseen}):
        for way in WAYS:
            of = [row for row in rows if row.unseen == way and group_of(row) == group]
            if of:
                found.append(_comparison(of, group, way, known.get((group, FOLD_OF[way]))))
    return found


def _comparison(
    rows: Sequence[MeasuredRow], group: str, way: Way, published: ErrorSummary | None
) -> Comparison:
    here = _summary("group", group, "held out", rows)
    error = published.median_absolute_error if published else None
    return Comparison(
        group=group, unseen=way, rows=len(rows),
        median_absolute_error=here.median_absolute_error, coverage=here.coverage,
        published_rows=published.rows if published else 0, published_error=error,
        within_a_quarter=None if error is None else here.median_absolute_error <= QUARTER * error,
    )  # fmt: skip
