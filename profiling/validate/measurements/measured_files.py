"""Any file of measurements, recognised by its columns."""

from collections.abc import Callable
from pathlib import Path

from ...errors import ProfileInputError
from ...predicted.cases import Case, LeftOut
from .csv_rows import LeftOutError, Row, read_table
from .measured_layers import OPS_COLUMNS, ops_cases
from .other_tables import ENERGY_COLUMNS, TPU_LAYERS_COLUMNS, energy_cases, tpu_layers_cases
from .steps import INFERENCE_COLUMNS, inference_cases

_FORMATS: tuple[tuple[str, tuple[str, ...], Callable[[Row], list[Case]]], ...] = (
    ("measured_inference.csv", INFERENCE_COLUMNS, inference_cases),
    ("measured_ops.csv", OPS_COLUMNS, ops_cases),
    ("measured_energy_h100.csv", ENERGY_COLUMNS, energy_cases),
    ("measured_v6e_llama3_8b_layers.csv", TPU_LAYERS_COLUMNS, tpu_layers_cases),
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
    present = {name: len(columns.intersection(needed)) for name, needed, _ in _FORMATS}
    name, needed, _ = max(_FORMATS, key=lambda form: present[form[0]] / len(form[1]))
    if not present[name]:
        raise ProfileInputError(f"{file}, line 1: the columns are of none of {', '.join(present)}")
    missing = next(column for column in needed if column not in columns)
    raise ProfileInputError(
        f"{file}, line 1: column '{missing}' is missing, without which it is no {name}"
    )
