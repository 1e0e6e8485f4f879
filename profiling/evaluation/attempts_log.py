"""Attempts logs: other people's runs, one JSON object a line.

    {"problem": "gsm8k-17", "answer": "42", "correct": true,
     "prompt_tokens": 110, "completion_tokens": 96, "think_tokens": 80,
     "strategy": "cot", "score": 0.83, "usd": 0.0021, "requests": 1, "level": 3,
     "joint": false}

`problem` is required, and `correct` or both `answer` and `expected` (compared by `same_answer`).
`completion_tokens` are all that were generated, thought included, `think_tokens` of those the
thought. Attempts of one request share its prompt: each has its share of `requests` and of the
tokens that were read. `joint` attempts come out of one search, and cannot be had apart.
What is left out is unknown, and no cost is made up for it.

Adapters: published logs as attempts logs.

- Tree of Thoughts on Game 24 (Yao et al. 2023, arXiv 2305.10601; github.com/princeton-nlp/
  tree-of-thought-llm, MIT): a JSON list of puzzles, tokens and dollars added up so far.
- GSM8K's verifiers (Cobbe et al. 2021, arXiv 2110.14168; github.com/openai/grade-school-math, MIT):
  one problem a line with four solutions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...model.input_files import is_regular_file, json_rows, json_value, read_text, user_path
from ...model.tasks.answers import same_answer, spelled
from ...tpu_configs.toml_files import sentence
from ..errors import ProfileInputError

PLAIN = "attempts"
MOST = 1e12
"""Tokens, dollars or requests of one attempt: more are a mistake of the log."""

Amount = Annotated[float, Field(ge=0, le=MOST)]


class _LogRow(BaseModel):
    """Strict: a log's "yes" is no verdict, its true no number of tokens."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class LoggedAttempt(_LogRow):
    """One attempt; tokens, dollars and requests may be shares of what several attempts had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problem: Annotated[str, Field(description="its name; attempts at one problem have the same")]
    strategy: str = PLAIN
    answer: Annotated[str | None, Field(description="compared with `expected`")] = None
    expected: str | None = None
    correct: Annotated[bool | None, Field(description="goes before what a comparison says")] = None
    prompt_tokens: Annotated[Amount | None, Field(description="this attempt's share")] = None
    completion_tokens: Annotated[Amount | None, Field(description="with those of the thought")] = (
        None
    )
    think_tokens: Annotated[Amount, Field(description="of `completion_tokens`")] = 0.0
    score: Annotated[float | None, Field(description="by which the best of n is chosen")] = None
    usd: Annotated[Amount | None, Field(description="that this attempt was charged")] = None
    requests: Annotated[
        float, Field(gt=1e-6, le=MOST, description="this attempt's share of them")
    ] = 1.0
    level: Annotated[int | None, Field(description="of difficulty")] = None
    joint: Annotated[bool, Field(description="out of one search, not to be had apart")] = False

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
        return same_answer(self.answer or "", self.expected or "")


def log_schema() -> dict[str, object]:
    """The JSON Schema of one line of a log in the format above."""
    schema = LoggedAttempt.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rooflink attempts-log: each line of a .jsonl file",
        "description": "Needs `correct`, or both `answer` and `expected`.",
        **{key: schema[key] for key in ("type", "properties", "required", "additionalProperties")},
    }


@dataclass(frozen=True)
class AttemptsLog:
    """The attempts of one file, and what its reader must know of them."""

    attempts: Sequence[LoggedAttempt]
    notes: Sequence[str] = ()

    @property
    def strategies(self) -> list[str]:
        """In the order of their first attempt."""
        return list(dict.fromkeys(attempt.strategy for attempt in self.attempts))


def plain_log(path: Path, text: str) -> AttemptsLog:
    """A log in the format above. Raises ProfileInputError naming the line that is not."""
    rows = json_rows(text, str(path), ProfileInputError)
    return AttemptsLog([_validated(LoggedAttempt, row, where) for where, row in rows])


Row = TypeVar("Row", bound=BaseModel)


def _validated(kind: type[Row], value: object, where: str) -> Row:
    """The row that `value`, at `where` in a log, is; ProfileInputError where it is none."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        words = {"missing": f"has no '{key}'", "extra_forbidden": f"has '{key}', which no log has"}
        wrong = words.get(first["type"]) or sentence(first).removeprefix("the file ")
        raise ProfileInputError(f"{where} {wrong}") from None


SAMPLES_A_REQUEST = 20
"""The most samples that the Game 24 runs asked for with one prompt (src/tot/models.py there)."""

GSM8K_SOLUTIONS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")

TREE = "tree search"

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
        files = [file for file in sorted(path.iterdir()) if file.suffix in (".json", ".jsonl")]
        files = [file for file in files if is_regular_file(file)]
        if not files:
            raise ProfileInputError(f"{path} has no .json or .jsonl file in it")
        return joined([read_log(file) for file in files])
    text = read_text(user_path(path, ProfileInputError), "attempts log", ProfileInputError)
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
    return plain_log


class _Usage(_LogRow):
    prompt_tokens: Amount = 0.0
    completion_tokens: Amount = 0.0
    cost: Amount = 0.0

    def less(self, other: "_Usage") -> "_Usage | None":
        """What was used since `other`; None where this total has begun again."""
        spent = {key: getattr(self, key) - getattr(other, key) for key in type(self).model_fields}
        return None if min(spent.values()) < 0 else _Usage(**spent)


class _Verdict(_LogRow):
    r: float | bool


class _TreeStep(_LogRow):
    ys: list[str | int]
    new_ys: list[str | int]


class _Puzzle(_LogRow):
    """A puzzle of a Game 24 log: samples with `infos` or `accs`, or a tree search with `steps`."""

    idx: int
    ys: list[str] = Field(min_length=1)
    infos: list[_Verdict] | None = None
    accs: list[float | bool] | None = None
    steps: list[_TreeStep] | None = None
    usage_so_far: _Usage

    @property
    def rights(self) -> list[bool]:
        """The verdict on each of `ys`."""
        verdicts = [info.r for info in self.infos] if self.infos is not None else self.accs
        return [bool(verdict) for verdict in verdicts or []]

    @model_validator(mode="after")
    def _verdicts(self) -> "_Puzzle":
        if len(self.rights) != len(self.ys):
            raise ValueError(f"has {len(self.ys)} 'ys' and {len(self.rights)} 'infos' or 'accs'")
        return self


def game24(path: Path, text: str) -> AttemptsLog:
    """Samples or a tree search on Game 24."""
    rows = json_value(text, str(path), ProfileInputError)
    assert isinstance(rows, list)  # `_adapter`
    kind = f"{path} is a JSON list (an attempts log has one object a line) and not a Game 24 log"
    puzzles = [
        _validated(_Puzzle, row, f"{kind}: puzzle {number}") for number, row in enumerate(rows, 1)
    ]
    attempts, before, restart = [], _Usage(), None
    name = _name(path, any(puzzle.steps is not None for puzzle in puzzles))
    for number, puzzle in enumerate(puzzles):
        spent = puzzle.usage_so_far.less(before)
        if spent is None:
            spent, restart = puzzle.usage_so_far, number
        attempts += _puzzle(puzzle, spent, name)
        before = puzzle.usage_so_far
    notes = [TREE_NOTE if name == TREE else USAGE_NOTE]
    if restart is not None:
        notes.append(_restarted(name, len(puzzles), restart, before.cost))
    return AttemptsLog(attempts, notes)


def _restarted(name: str, puzzles: int, first: int, usd: float) -> str:
    return (
        f"Game 24, {name}: the log's running total starts again at puzzle {first + 1} of "
        f"{puzzles}. Its last figure, ${usd:.2f}, is of {puzzles - first} puzzles; here all of "
        "them are added up."
    )


def _name(path: Path, tree: bool) -> str:
    if tree:
        return TREE
    return "chain of thought" if "_cot_" in path.name else "direct"


def _puzzle(puzzle: _Puzzle, spent: _Usage, name: str) -> list[LoggedAttempt]:
    n = len(puzzle.ys)
    requests = -(-n // SAMPLES_A_REQUEST)
    if puzzle.steps:
        requests = sum(len(step.ys) + len(set(step.new_ys)) for step in puzzle.steps)
    return [
        LoggedAttempt(
            problem=f"game24-{puzzle.idx}",
            strategy=name,
            answer=_final(text),
            correct=right,
            prompt_tokens=spent.prompt_tokens / n,
            completion_tokens=spent.completion_tokens / n,
            usd=spent.cost / n,
            requests=max(requests, 1) / n,
            joint=puzzle.steps is not None,
        )
        for text, right in zip(puzzle.ys, puzzle.rights, strict=True)
    ]


def _final(text: str) -> str | None:
    """What follows the last 'Answer:'; None where there is none."""
    _, mark, answer = text.rpartition("Answer:")
    return answer.strip() if mark else None


class _Solution(_LogRow):
    is_correct: bool
    solution: str


def gsm8k_verifier(path: Path, text: str) -> AttemptsLog:
    """The four published solutions of each problem."""
    attempts = []
    for number, (where, row) in enumerate(json_rows(text, str(path), ProfileInputError), 1):
        solutions = row if isinstance(row, dict) else {}
        for name in GSM8K_SOLUTIONS:
            solution = _validated(_Solution, solutions.get(name), f"{where} {name}:")
            attempts.append(
                LoggedAttempt(
                    problem=f"gsm8k-test-{number}",
                    strategy=name.replace("_", " "),
                    answer=spelled(solution.solution.rpartition("A:")[2]),
                    correct=solution.is_correct,
                )
            )
    return AttemptsLog(attempts, [GSM8K_NOTE])
