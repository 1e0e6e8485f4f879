"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168) in its published JSON Lines format."""

import json
from pathlib import Path

from ..errors import ModelInputError
from .problem import Problem
from .text_file import read_text

ANSWER_MARK = "####"
CALCULATION = "<<"
"""Opens each calculation in a published solution, '<<48/2=24>>'."""


def load_gsm8k(path: Path, limit: int | None = None) -> list[Problem]:
    """The first `limit` problems of a file whose lines hold 'question' and 'answer' (#### N).

    A problem's level is the number of calculations in its published solution.

    Raises ModelInputError naming the file and line that is not of this form.
    """
    lines = read_text(path, "GSM8K").splitlines()
    wanted = [(n, line) for n, line in enumerate(lines, 1) if line.strip()][:limit]
    if not wanted:
        raise ModelInputError(f"the GSM8K file {path} has no problems: expected one JSON a line")
    return [_problem(path, number, line) for number, line in wanted]


def _problem(path: Path, number: int, line: str) -> Problem:
    try:
        row = json.loads(line)
        solution, mark, expected = row["answer"].rpartition(ANSWER_MARK)
        question = row["question"]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        mark = ""
    if not mark or not isinstance(question, str):
        raise ModelInputError(
            f"{path}, line {number}: expected a JSON object with 'question' and an 'answer' that "
            f"ends in '{ANSWER_MARK} N'"
        )
    return Problem(
        question=question,
        expected=expected.strip().replace(",", ""),
        level=solution.count(CALCULATION),
    )
