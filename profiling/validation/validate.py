"""One validation: predictions against measurements, worked problems and peers, as a record.

A case is also predicted by the fit that had not seen its model or source, as `calibrate` left it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Literal

from .. import predicted as predict
from ..errors import Silent, Watcher
from ..predicted.cases import Case, Predicted, predict_cases
from ..records.base import Interval
from ..records.validation import (
    ErrorSummary,
    Fold,
    MeasuredRow,
    UnpredictedRow,
    Validation,
    WorkedRow,
)
from .measurements import read_measurements
from .measurements.csv_rows import read_table
from .peers import peer_rows, prefill_parts
from .worked import scaling_book, scaling_book_inference
from .worked.problems import Problem, Solution, problems

FILE = Path(predict.__file__).parent / "data" / "held_out.csv"


@cache
def held_out_predictions() -> dict[str, Interval]:
    """By `case_key`; written by the fit beside its parameters."""
    return {
        row.text("key"): Interval(
            median=row.number("median"), low=row.number("low"), high=row.number("high")
        )
        for row in read_table(FILE).rows
    }


def case_key(case: Case) -> str:
    """16 hexadecimal digits of what was measured where, and the value: a published row keeps its
    key in another file, and the key does not give the value away."""
    where = f"{case.group}|{case.stack}|{case.slice.name}"
    text = f"{where}|{case.model}|{case.note}|{case.observed:.6g}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


Predictor = Callable[[Sequence[Case]], Sequence[Predicted]]
FOLDS: tuple[Fold, ...] = ("held out", "fitted")


def score(
    cases: Sequence[Case], predictor: Predictor, held_out: Mapping[str, Interval]
) -> tuple[list[MeasuredRow], list[UnpredictedRow]]:
    """A row for each case, in their order, and those whose chip's power is not known.

    `held_out` has, by `case_key`, what a fit without the row's model or source predicted for the
    rows that the shipped fit has seen; all others are held out of it as they are.
    """
    rows: list[MeasuredRow] = []
    left_out: list[UnpredictedRow] = []
    for case, predicted in zip(cases, predictor(cases), strict=True):
        if isfinite(predicted.median):
            rows.append(_row(case, predicted, held_out.get(case_key(case))))
        else:
            reason = f"the power of {case.slice.chip.name} is not known"
            left_out.append(UnpredictedRow(id=case.id, source=case.source, reason=reason))
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


def summaries(rows: Sequence[MeasuredRow]) -> list[ErrorSummary]:
    """Over all rows, by regime, by chip and by stack, the two folds apart."""
    summaries = []
    for fold in FOLDS:
        predicted = [row for row in rows if row.predicted(fold) is not None]
        for by in _GROUPINGS:
            parts: dict[str, list[MeasuredRow]] = defaultdict(list)
            for row in predicted:
                parts[_GROUPINGS[by](row)].append(row)
            summaries += [_summary(by, name, fold, parts[name]) for name in sorted(parts)]
    return summaries


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


_DATA = Path(__file__).parent / "data"
SHIPPED = tuple(
    _DATA / f"measured_{name}.csv" for name in ("inference", "ops", "v6e_llama3_8b_layers")
)


def validate(
    files: Sequence[Path],
    worked: bool,
    peers: bool,
    command: str,
    watcher: Watcher | None = None,
) -> Validation:
    """Every row of `files` predicted, and worked problems and peers where requested. Raises
    ProfileInputError for a file that is no table of measurements."""
    cases: list[Case] = []
    left_out: list[UnpredictedRow] = []
    for file in files:
        read, passed_over = read_measurements(file)
        cases += read
        left_out += passed_over
    listener = watcher or Silent()
    listener.stage(f"Predicting {len(cases)} measurements")
    held_out = held_out_predictions() if cases else {}
    rows, without_power = score(cases, predict_cases, held_out) if cases else ([], [])
    listener.stage("Solving worked problems and comparing with other tools")
    solved, unsolved = solve_all() if worked else ([], [])
    return Validation(
        command=command,
        files=[file.name for file in files],
        rows=rows,
        left_out=[*left_out, *without_power],
        summaries=summaries(rows),
        worked=solved,
        worked_left_out=unsolved,
        peers=peer_rows() if peers else [],
        prefill_parts=prefill_parts() if peers else [],
    )


SOLUTIONS: dict[str, Solution] = {**scaling_book.SOLUTIONS, **scaling_book_inference.SOLUTIONS}

LEFT_OUT = {
    "A6": "divides given figures; with our own step of A5 (17.36 ms, not the book's rounded 17) "
    "it is 230",
    "A11": "the book's 67 does not follow from its own rows; from them it is 43.7",
    "A14": "its batch of 161 needs more than the slice's memory at the page's own KV size",
}
NO_ANSWER = "no answer was published"
NOT_EXPRESSED = "no function of ours expresses it"


def solve(problem: Problem) -> WorkedRow | UnpredictedRow:
    """Our answer, or why there is none."""
    if problem.answer is None:
        return UnpredictedRow(id=problem.id, source=problem.section, reason=NO_ANSWER)
    solution = SOLUTIONS.get(problem.id)
    if solution is None:
        reason = LEFT_OUT.get(problem.id, NOT_EXPRESSED)
        return UnpredictedRow(id=problem.id, source=problem.section, reason=reason)
    value = float(solution())
    return WorkedRow(
        id=problem.id,
        section=problem.section,
        question=problem.question,
        unit=problem.unit,
        published=problem.answer,
        value=value,
        error_percent=100 * (value / problem.answer - 1),
        tolerance_percent=problem.tolerance_percent,
        agrees=problem.agrees(value),
    )


def solve_all() -> tuple[list[WorkedRow], list[UnpredictedRow]]:
    """All problems of the file, in its order."""
    outcomes = [solve(problem) for problem in problems()]
    solved = [outcome for outcome in outcomes if isinstance(outcome, WorkedRow)]
    return solved, [outcome for outcome in outcomes if isinstance(outcome, UnpredictedRow)]
