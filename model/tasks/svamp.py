"""SVAMP (Patel et al. 2021, arXiv 2103.07191) in its published JSON format."""

import json
from pathlib import Path

from ..errors import ModelInputError
from .problem import Problem, plain_number
from .text_file import read_text

_SIGNS = "+-*/"


def load_svamp(path: Path) -> list[Problem]:
    """The problems of a file that holds a list of 'Body', 'Question', 'Equation' and 'Answer'.

    A problem's level is the number of operations in its equation.

    Raises ModelInputError naming the file and the entry that is not of this form.
    """
    try:
        rows = json.loads(read_text(path, "SVAMP"))
    except json.JSONDecodeError as error:
        raise ModelInputError(f"the SVAMP file {path} is not JSON: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise ModelInputError(f"the SVAMP file {path} has no problems: expected a list of objects")
    return [_problem(path, number, row) for number, row in enumerate(rows, 1)]


def _problem(path: Path, number: int, row: object) -> Problem:
    try:
        assert isinstance(row, dict)
        body, question, equation = (row[key].strip() for key in ("Body", "Question", "Equation"))
        expected = float(row["Answer"])
    except (AssertionError, KeyError, AttributeError, TypeError, ValueError):
        raise ModelInputError(
            f"{path}, entry {number}: expected an object with the texts 'Body', 'Question' and "
            "'Equation', and the number 'Answer'"
        ) from None
    stop = "" if body.endswith((".", ",", "?", "!")) else "."
    return Problem(
        question=f"{body}{stop} {question}",
        expected=plain_number(repr(expected)),
        level=sum(f" {sign} " in f" {word} " for word in equation.split() for sign in _SIGNS),
    )
