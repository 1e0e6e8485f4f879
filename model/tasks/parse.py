"""Tasks by name: 'chain:k=8', 'chain:k=2-12', 'sum:n=8', 'countdown:n=3', 'gsm8k:FILE', ..."""

import re
from collections.abc import Callable
from pathlib import Path

from ..config import ModelInputError
from .chain import MOST_OPERATIONS, ChainTask
from .countdown import FEWEST_NUMBERS, MOST_NUMBERS, CountdownTask
from .sums import MOST_NUMBERS as MOST_SUMMED
from .sums import SumTask
from .task import GeneratedTask, Problem, Task
from .word_problems import ListedTask, bundled_problems, load_gsm8k, load_svamp

FORMS = "chain:k=8, chain:k=2-12, sum:n=8, countdown:n=3, gsm8k:FILE, svamp:FILE, bundled"
_LOADERS: dict[str, Callable[[Path], list[Problem]]] = {"gsm8k": load_gsm8k, "svamp": load_svamp}


def parse_task(text: str) -> Task:
    """The task that `text` names, in one of `FORMS`. Raises ModelInputError for another name, a
    level out of range, or a file that is not readable."""
    name, _, rest = text.partition(":")
    if name in _LOADERS and rest:
        return ListedTask(text, tuple(_LOADERS[name](Path(rest).expanduser())))
    if text == "bundled":
        return ListedTask(text, tuple(bundled_problems()), whole=True)
    return parse_generated(text)


def parse_generated(text: str) -> GeneratedTask:
    """The generated task that `text` names, such as 'sum:n=2-8'; ModelInputError for others."""
    name, _, rest = text.partition(":")
    if name == "chain":
        return ChainTask(*_range(text, rest, "k", 1, MOST_OPERATIONS))
    if name == "sum":
        return SumTask(*_range(text, rest, "n", 2, MOST_SUMMED))
    if name == "countdown":
        fewest, most = _range(text, rest, "n", FEWEST_NUMBERS, MOST_NUMBERS)
        if fewest == most:
            return CountdownTask(fewest)
    raise ModelInputError(f"no task called '{text}': --task takes one of {FORMS}")


def _range(text: str, rest: str, key: str, least: int, most: int) -> tuple[int, int]:
    """'k=8' as (8, 8) and 'k=2-12' as (2, 12), inside `least` .. `most`."""
    match = re.fullmatch(rf"{key}=(\d+)(?:-(\d+))?", rest)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not least <= low <= high <= most:
        raise ModelInputError(
            f"'{text}' does not say how hard: write {key}={most} or {key}={least}-{most}, from "
            f"{least} to {most}"
        )
    return low, high
