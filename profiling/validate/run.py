"""One validation: measurements, worked problems and peers, as a record."""

from collections.abc import Sequence
from pathlib import Path

from ..predict.case_times import predict_cases
from ..predict.cases import Case, LeftOut
from ..record.validation import Validation, WorkedRow
from .held_out import held_out_predictions
from .measurements import read_measurements
from .peers import peer_rows, prefill_parts
from .score import score, summaries, unpredicted
from .worked import Solved, solve_all

_DATA = Path(__file__).parent / "data"
SHIPPED = tuple(
    _DATA / name
    for name in (
        "measured_inference.csv",
        "measured_ops.csv",
        "measured_v6e_llama3_8b_layers.csv",
    )
)


def validate(files: Sequence[Path], worked: bool, peers: bool, command: str) -> Validation:
    """Every row of `files` predicted, and worked problems and peers where they are asked for.

    Raises ProfileInputError for a file that is no table of measurements.
    """
    cases: list[Case] = []
    left_out: list[LeftOut] = []
    for file in files:
        read, passed_over = read_measurements(file)
        cases += read
        left_out += passed_over
    known = held_out_predictions() if cases else {}
    rows, without_power = score(cases, predict_cases, known) if cases else ([], [])
    solved, unsolved = solve_all() if worked else ([], [])
    return Validation(
        command=command,
        files=[file.name for file in files],
        rows=rows,
        left_out=unpredicted([*left_out, *without_power]),
        summaries=summaries(rows),
        worked=[_worked(each) for each in solved],
        worked_left_out=unpredicted(unsolved),
        peers=peer_rows() if peers else [],
        prefill_parts=prefill_parts() if peers else [],
    )


def _worked(solved: Solved) -> WorkedRow:
    problem = solved.problem
    assert problem.answer is not None
    return WorkedRow(
        id=problem.id,
        section=problem.section,
        question=problem.question,
        unit=problem.unit,
        published=problem.answer,
        value=solved.value,
        error_percent=solved.error_percent,
        tolerance_percent=problem.tolerance_percent,
        agrees=solved.agrees,
    )
