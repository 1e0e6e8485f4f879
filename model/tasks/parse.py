"""Tasks by name, as in `FORMS`; and those whose problems are a fixed list: files in published
formats, and the bundled few.

The formats are GSM8K's (Cobbe et al. 2021, arXiv 2110.14168) JSON Lines and SVAMP's (Patel et al.
2021, arXiv 2103.07191) JSON. The bundled problems let the main command run without a file.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..config import ModelInputError
from ..input_files import json_rows, json_value, read_text, user_path
from .answer_values import value_of
from .answers import spelled
from .numbers import spelled_number
from .task import GeneratedTask, Problem, Split, Task, stable_hash

FORMS = "chain:k=8, chain:k=2-12, sum:n=8, countdown:n=3, gsm8k:FILE, svamp:FILE, bundled"


@dataclass(frozen=True)
class ListedTask:
    """Problems read from a file. A hash of each question sends it to one half or the other.

    Choose a strategy on 'train' and report it on 'test'. Where `whole`, all of the problems are
    'test' and there is no 'train'.
    """

    name: str
    listed: tuple[Problem, ...]
    whole: bool = False

    @property
    def guess_rate(self) -> float:
        """How often the answer of another problem, drawn at random, happens to be right."""
        n = len(self.listed)
        counts = Counter(problem.expected for problem in self.listed).values()
        return sum(count * (count - 1) for count in counts) / (n * (n - 1)) if n > 1 else 0.0

    def problems(self, split: Split, limit: int | None = None, seed: int = 0) -> list[Problem]:
        """`limit` problems of the split picked by `seed`, in the file's order."""
        ours = [problem for problem in self.listed if self._split_of(problem) == split]
        wanted = len(ours) if limit is None else limit
        if not ours:
            raise ModelInputError(f"{self.name} has no {split} problems: take another task or file")
        if wanted > len(ours):
            raise ModelInputError(
                f"{self.name} has {len(ours)} {split} problems, not {wanted}: ask for fewer"
            )
        picked = np.random.default_rng(seed).permutation(len(ours))[:wanted]
        return [ours[i] for i in sorted(picked)]

    def _split_of(self, problem: Problem) -> Split:
        return "test" if self.whole or stable_hash(problem.question) % 2 else "train"


def bundled_problems() -> list[Problem]:
    """Four one- and two-step word problems, written for this project (Apache-2.0)."""
    text = files(__package__).joinpath("bundled.json").read_text(encoding="utf-8")
    return [Problem(row["question"], row["expected"]) for row in json.loads(text)["problems"]]


ANSWER_MARK = "####"
CALCULATION = "<<"
"""Opens each calculation in a published solution, '<<48/2=24>>'."""


def load_gsm8k(path: Path) -> list[Problem]:
    """The problems of a file whose lines hold 'question' and 'answer' (#### N).

    A problem's level is the number of calculations in its published solution.

    Raises ModelInputError naming the file and line that is not of this form.
    """
    rows = [*json_rows(read_text(path, "GSM8K file"), str(path))]
    if not rows:
        raise ModelInputError(f"the GSM8K file {path} has no problems: expected one JSON a line")
    return [_problem(where, row) for where, row in rows]


def _problem(where: str, row: object) -> Problem:
    match row:
        case {"question": str(question), "answer": str(answer)}:
            solution, mark, expected = answer.rpartition(ANSWER_MARK)
            if mark and expected.strip():
                return Problem(question, spelled(expected), level=solution.count(CALCULATION))
    raise ModelInputError(
        f"{where} is no problem: expected a JSON object with 'question' and an 'answer' that ends "
        f"in '{ANSWER_MARK} N'"
    )


_SIGNS = "+-*/"


def load_svamp(path: Path) -> list[Problem]:
    """The problems of a file that holds a list of 'Body', 'Question', 'Equation' and 'Answer'.

    A problem's level is the number of operations in its equation.

    Raises ModelInputError naming the file and the entry that is not of this form.
    """
    rows = json_value(read_text(path, "SVAMP file"), f"the SVAMP file {path}")
    if not isinstance(rows, list) or not rows:
        raise ModelInputError(f"the SVAMP file {path} has no problems: expected a list of objects")
    return [_problem_of_svamp(f"{path}, entry {number}", row) for number, row in enumerate(rows, 1)]


def _problem_of_svamp(where: str, row: object) -> Problem:
    match row:
        case {
            "Body": str(body),
            "Question": str(question),
            "Equation": str(equation),
            "Answer": int() | float() | str() as expected,
        } if (number := value_of(str(expected)).number) is not None:
            body = body.strip()
            stop = "" if body.endswith((".", ",", "?", "!")) else "."
            words = equation.split()
            level = sum(f" {sign} " in f" {word} " for word in words for sign in _SIGNS)
            return Problem(f"{body}{stop} {question.strip()}", spelled_number(number), level)
    raise ModelInputError(
        f"{where}: expected an object with the texts 'Body', 'Question' and 'Equation', and the "
        "number 'Answer'"
    )


_LOADERS: dict[str, Callable[[Path], list[Problem]]] = {"gsm8k": load_gsm8k, "svamp": load_svamp}


def parse_task(text: str) -> Task:
    """The task that `text` names, in one of `FORMS`. Raises ModelInputError for another name, a
    level out of range, or a file that is not readable."""
    name, _, rest = text.partition(":")
    if name in _LOADERS and rest:
        return ListedTask(text, tuple(_LOADERS[name](user_path(rest))))
    if text == "bundled":
        return ListedTask(text, tuple(bundled_problems()), whole=True)
    return parse_generated(text)


def parse_generated(text: str) -> GeneratedTask:
    """The generated task that `text` names, such as 'sum:n=2-8'; ModelInputError for others.

    Only the module of that task is loaded.
    """
    name, _, rest = text.partition(":")
    if name == "chain":
        from .modular import MOST_OPERATIONS, ChainTask

        return ChainTask(*_range(text, rest, "k", 1, MOST_OPERATIONS))
    if name == "sum":
        from .modular import MOST_SUMMED, SumTask

        return SumTask(*_range(text, rest, "n", 2, MOST_SUMMED))
    if name == "countdown":
        from .countdown import FEWEST_NUMBERS, MOST_NUMBERS, CountdownTask

        fewest, most = _range(text, rest, "n", FEWEST_NUMBERS, MOST_NUMBERS)
        if fewest == most:
            return CountdownTask(fewest)
    raise ModelInputError(f"no task called '{text}': --task takes one of {FORMS}")


def _range(text: str, rest: str, key: str, least: int, most: int) -> tuple[int, int]:
    """'k=8' as (8, 8) and 'k=2-12' as (2, 12), inside `least` .. `most`."""
    match = re.fullmatch(rf"{key}=([0-9]{{1,4}})(?:-([0-9]{{1,4}}))?", rest)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not least <= low <= high <= most:
        raise ModelInputError(
            f"'{text}' does not say how hard: write {key}={most} or {key}={least}-{most}, from "
            f"{least} to {most}"
        )
    return low, high
