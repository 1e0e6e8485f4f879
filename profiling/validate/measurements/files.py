"""Any file of measurements, recognised by its columns."""

from collections.abc import Callable
from pathlib import Path

from ...errors import ProfileInputError
from ...predicted.cases import Case, LeftOut
from . import layers, other_tables, steps
from .csv_rows import LeftOutError, Row, read_table

_FORMATS: tuple[tuple[str, tuple[str, ...], Callable[[Row], list[Case]]], ...] = (
    ("measured_inference.csv", steps.COLUMNS, steps.inference_cases),
    ("measured_ops.csv", layers.COLUMNS, layers.ops_cases),
    ("measured_energy_h100.csv", other_tables.COLUMNS, other_tables.energy_cases),
    (
        "measured_v6e_llama3_8b_layers.csv",
        other_tables.COLUMNS_TPU_LAYERS,
        other_tables.layers_cases,
    ),
)


def read_measurements(file: Path) -> tuple[list[Case], list[LeftOut]]:
    """Every row of a file as one or more cases, or as left out with the reason.

    The columns say which of the formats it has; further ones are passed over.

    Raises ProfileInputError where the file is none of them, or a line is malformed (file, line
    and column are named).
    """
    table = read_table(file)
    read = _reader(file, set(table.columns))
    cases: list[Case] = []
    left_out: list[LeftOut] = []
    for row in table.rows:
        try:
            cases += read(row)
        except LeftOutError as error:
            left_out.append(LeftOut(row.id, row.text("source"), str(error)))
    return cases, left_out


def _reader(file: Path, columns: set[str]) -> Callable[[Row], list[Case]]:
    for _, needed, read in _FORMATS:
        if columns.issuperset(needed):
            return read
    nearest = max(_FORMATS, key=lambda each: len(columns.intersection(each[1])) / len(each[1]))
    missing = next(column for column in nearest[1] if column not in columns)
    if columns.intersection(nearest[1]):
        raise ProfileInputError(
            f"{file}, line 1: column '{missing}' is missing, without which it is no {nearest[0]}"
        )
    raise ProfileInputError(
        f"{file}, line 1: the columns are of none of {', '.join(each[0] for each in _FORMATS)}"
    )
