"""Attempts logs: other people's runs, one JSON object a line.

    {"problem": "gsm8k-17", "answer": "42", "correct": true,
     "prompt_tokens": 110, "completion_tokens": 96, "think_tokens": 80,
     "strategy": "cot", "score": 0.83, "usd": 0.0021, "requests": 1, "level": 3,
     "joint": false}

`problem` is required, and `correct` or both `answer` and `expected` (numbers are compared as
numbers). `completion_tokens` are all that were generated, thought included, `think_tokens` of
those the thought. Attempts of one request share its prompt: each has its share of `requests` and
of the tokens that were read. `joint` attempts come out of one search, and cannot be had apart.
What is left out is unknown, and no cost is made up for it.

Adapters: published logs as attempts logs.

- Tree of Thoughts on Game 24 (Yao et al. 2023, arXiv 2305.10601; github.com/princeton-nlp/
  tree-of-thought-llm, MIT): a JSON list of puzzles, tokens and dollars added up so far.
- GSM8K's verifiers (Cobbe et al. 2021, arXiv 2110.14168; github.com/openai/grade-school-math, MIT):
  one problem a line with four solutions.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...model.tasks import extract_number, plain_number
from ..errors import ProfileInputError

PLAIN = "attempts"


class LoggedAttempt(BaseModel):
    """One attempt; tokens, dollars and requests may be shares of what several attempts had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problem: str
    strategy: str = PLAIN
    answer: str | None = None
    expected: str | None = None
    correct: bool | None = None
    prompt_tokens: float | None = Field(default=None, ge=0)
    completion_tokens: float | None = Field(default=None, ge=0)
    think_tokens: float = Field(default=0.0, ge=0)
    score: float | None = None
    usd: float | None = Field(default=None, ge=0)
    requests: float = Field(default=1.0, gt=0)
    level: int | None = None
    joint: bool = False

    @model_validator(mode="after")
    def _checkable(self) -> "LoggedAttempt":
        if self.correct is None and (self.answer is None or self.expected is None):
            raise ValueError("has neither 'correct' nor both 'answer' and 'expected'")
        if self.think_tokens > (self.completion_tokens or 0.0):
            raise ValueError("has more think_tokens than completion_tokens, which hold them")
        return self

    @property
    def right(self) -> bool:
        """What the log says, else whether the answer is the expected one."""
        if self.correct is not None:
            return self.correct
        return spelled(self.answer) == spelled(self.expected)


@dataclass(frozen=True)
class AttemptsLog:
    """The attempts of one file, and what its reader must know of them."""

    attempts: Sequence[LoggedAttempt]
    notes: Sequence[str] = ()

    @property
    def strategies(self) -> list[str]:
        """In the order of their first attempt."""
        return list(dict.fromkeys(attempt.strategy for attempt in self.attempts))


def spelled(answer: str | None) -> str | None:
    """An answer in the one spelling that votes compare: a number where it is one."""
    if answer is None:
        return None
    text = answer.strip()
    number = extract_number(text)
    is_number = number is not None and all(c.isdigit() or c in "-$,." for c in text)
    return plain_number(number) if number is not None and is_number else text


def read_jsonl(path: Path, text: str) -> AttemptsLog:
    """A log in the format above. Raises ProfileInputError naming the line that is not."""
    return AttemptsLog(list(_attempts(path, text)))


def _attempts(path: Path, text: str) -> Iterator[LoggedAttempt]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield LoggedAttempt.model_validate(json.loads(line))
        except json.JSONDecodeError as error:
            raise ProfileInputError(f"{path}, line {number} is not JSON: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            text = first["msg"].removeprefix("Value error, ")
            raise ProfileInputError(f"{path}, line {number}: {where}: {text}") from None


SAMPLES_A_REQUEST = 20
"""The most samples that the Game 24 runs asked for with one prompt (src/tot/models.py there)."""

GSM8K_SOLUTIONS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")

NOTHING_USED = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}

TREE_NOTE = (
    "Tree search: its candidates come out of one search, so that they are counted together alone. "
    "Requests are counted from the tree: one to propose for each kept state and one to value each "
    "different candidate; the log has their tokens together."
)
USAGE_NOTE = (
    "Game 24: the log has tokens and dollars for each puzzle; each of its attempts is given an "
    "equal share."
)
GSM8K_NOTE = (
    "GSM8K's verifiers: one solution is published for each model and method. A verified one was "
    "chosen among 100 that are not published; neither tokens nor their cost are, so there is none "
    "here."
)


def read_log(path: Path) -> AttemptsLog:
    """The log in a file, in this project's format or one of the published ones, or in all files of
    a folder. Raises ProfileInputError for one that cannot be read."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".jsonl"))
        if not files:
            raise ProfileInputError(f"{path} has no .json or .jsonl file in it")
        return joined([read_log(file) for file in files])
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProfileInputError(f"no attempts log at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable attempts log: {error}") from None
    log = _adapter(text)(path, text)
    if not log.attempts:
        raise ProfileInputError(f"{path} has no attempts in it")
    return log


def joined(logs: Sequence[AttemptsLog]) -> AttemptsLog:
    """Logs as one, each note once."""
    notes = dict.fromkeys(note for log in logs for note in log.notes)
    return AttemptsLog([attempt for log in logs for attempt in log.attempts], list(notes))


def _adapter(text: str) -> Callable[[Path, str], AttemptsLog]:
    if text.lstrip().startswith("["):
        return game24
    first = text.lstrip().partition("\n")[0]
    if f'"{GSM8K_SOLUTIONS[0]}"' in first:
        return gsm8k_verifier
    return read_jsonl


class _TreeStep(TypedDict):
    ys: list[str]
    new_ys: list[str]


class _Puzzle(TypedDict, total=False):
    """A puzzle of a Game 24 log: samples with `infos` or `accs`, or a tree search with `steps`."""

    idx: int
    ys: list[str]
    infos: list[dict[str, float]]
    accs: list[float]
    steps: list[_TreeStep]


def game24(path: Path, text: str) -> AttemptsLog:
    """Samples or a tree search on Game 24."""
    try:
        puzzles = json.loads(text)
        attempts, before, restarts = [], NOTHING_USED, []
        tree = any("steps" in puzzle for puzzle in puzzles)
        for number, puzzle in enumerate(puzzles):
            usage = puzzle["usage_so_far"]
            if any(usage[key] < before[key] for key in NOTHING_USED):
                before = NOTHING_USED
                restarts.append(number)
            spent = {key: usage[key] - before[key] for key in NOTHING_USED}
            attempts += _puzzle(puzzle, spent, _name(path, tree))
            before = usage
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ProfileInputError(
            f"{path} is not a Game 24 log: expected a JSON list of puzzles with 'idx', 'ys', "
            "'infos' or 'accs', and 'usage_so_far'"
        ) from None
    notes = [TREE_NOTE if tree else USAGE_NOTE]
    if restarts:
        notes.append(_restarted(_name(path, tree), len(puzzles), restarts[-1], before["cost"]))
    return AttemptsLog(attempts, notes)


def _restarted(name: str, puzzles: int, first: int, usd: float) -> str:
    return (
        f"Game 24, {name}: the log's running total starts again at puzzle {first + 1} of "
        f"{puzzles}. Its last figure, ${usd:.2f}, is of {puzzles - first} puzzles; here all of "
        "them are added up."
    )


def _name(path: Path, tree: bool) -> str:
    if tree:
        return "tree search"
    return "chain of thought" if "_cot_" in path.name else "direct"


def _puzzle(puzzle: _Puzzle, spent: dict[str, float], name: str) -> list[LoggedAttempt]:
    rights = [info["r"] for info in puzzle["infos"]] if "infos" in puzzle else puzzle["accs"]
    n = len(puzzle["ys"])
    requests = -(-n // SAMPLES_A_REQUEST)
    if "steps" in puzzle:
        requests = sum(len(step["ys"]) + len(set(step["new_ys"])) for step in puzzle["steps"])
    completion = spent["completion_tokens"] / n
    return [
        LoggedAttempt(
            problem=f"game24-{puzzle['idx']}",
            strategy=name,
            answer=_final(text),
            correct=bool(right),
            prompt_tokens=spent["prompt_tokens"] / n,
            completion_tokens=completion,
            usd=spent["cost"] / n,
            requests=requests / n,
            joint="steps" in puzzle,
        )
        for text, right in zip(puzzle["ys"], rights, strict=True)
    ]


def _final(text: str) -> str | None:
    """What follows the last 'Answer:'; None where there is none."""
    _, mark, answer = text.rpartition("Answer:")
    return answer.strip() if mark else None


def gsm8k_verifier(path: Path, text: str) -> AttemptsLog:
    """The four published solutions of each problem."""
    attempts = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            for name in GSM8K_SOLUTIONS:
                solution = row[name]
                answer = solution["solution"].rpartition("A:")[2]
                attempts.append(
                    LoggedAttempt(
                        problem=f"gsm8k-test-{number}",
                        strategy=name.replace("_", " "),
                        answer=spelled(answer),
                        correct=solution["is_correct"],
                    )
                )
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise ProfileInputError(
                f"{path}, line {number}: expected a problem with the solutions "
                f"{', '.join(GSM8K_SOLUTIONS)}"
            ) from None
    return AttemptsLog(attempts, [GSM8K_NOTE])
