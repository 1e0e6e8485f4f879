"""The frozen table of predictions, against which a group's error may not grow.

    PYTHONPATH=tests/support python -m freeze_predictions

writes tests/data/predictions.csv anew: after a calibration whose errors have been looked at, or
with new rows. Of each group it holds `MOST` rows, those with the least keys, which are hashes: a
draw by chance that stays the same when rows are added elsewhere.
"""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rooflink.profiling.predicted.cases import Case, predict_cases
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.validate import SHIPPED, case_key, held_out_predictions

TABLE = Path(__file__).parents[1] / "data" / "predictions.csv"
MOST = 60
COLUMNS = ("key", "group", "fitted", "held_out")


class Frozen(NamedTuple):
    """Median seconds or joules of a row, by the fit that saw it and by that without its model."""

    group: str
    fitted: float
    held_out: float


def shipped_cases() -> dict[str, Case]:
    """Every case that ships, by its key."""
    return {case_key(case): case for file in SHIPPED for case in read_measurements(file)[0]}


def predictions(cases: dict[str, Case]) -> dict[str, Frozen]:
    """Of the cases whose chip's power is known where it matters, as rooflink predicts them."""
    unseen = held_out_predictions()
    predicted = zip(cases.items(), predict_cases(list(cases.values())), strict=True)
    return {
        key: Frozen(case.group, found.whole.median, unseen[key]["model"].median)
        for (key, case), found in predicted
        if found is not None and key in unseen
    }


def frozen_table() -> dict[str, Frozen]:
    """What was written."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Frozen(row["group"], float(row["fitted"]), float(row["held_out"]))
            for row in csv.DictReader(file)
        }


def group_errors(table: dict[str, Frozen], cases: dict[str, Case]) -> dict[tuple[str, str], float]:
    """Median of |predicted / measured - 1| by group and by 'fitted' or 'held_out'."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for key, row in table.items():
        for fold in ("fitted", "held_out"):
            error = abs(getattr(row, fold) / cases[key].observed - 1)
            errors[row.group, fold].append(error)
    return {name: median(of) for name, of in errors.items()}


def main() -> None:
    taken: dict[str, int] = defaultdict(int)
    cases = dict(sorted(shipped_cases().items()))
    for key, case in list(cases.items()):
        taken[case.group] += 1
        if taken[case.group] > MOST:
            del cases[key]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, row in predictions(cases).items():
            writer.writerow((key, row.group, f"{row.fitted:.6g}", f"{row.held_out:.6g}"))
    print(TABLE)


if __name__ == "__main__":
    main()
