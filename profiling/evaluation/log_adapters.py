"""Adapters: published logs as attempts logs.

- Tree of Thoughts on Game 24 (Yao et al. 2023, arXiv 2305.10601; github.com/princeton-nlp/
  tree-of-thought-llm, MIT): a JSON list of puzzles, tokens and dollars added up so far.
- GSM8K's verifiers (Cobbe et al. 2021, arXiv 2110.14168; github.com/openai/grade-school-math, MIT):
  one problem a line with four solutions.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ProfileInputError
from .attempts_log import AttemptsLog, LoggedAttempt, read_jsonl, spelled

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
        files = sorted(each for each in path.iterdir() if each.suffix in (".json", ".jsonl"))
        if not files:
            raise ProfileInputError(f"{path} has no .json or .jsonl file in it")
        return joined([read_log(each) for each in files])
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProfileInputError(f"no attempts log at {path}: check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"{path} is not a readable attempts log: {error}") from None
    found = _adapter(text)(path, text)
    if not found.attempts:
        raise ProfileInputError(f"{path} has no attempts in it")
    return found


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
    return lambda path, whole: read_jsonl(path, whole.splitlines())


def game24(path: Path, text: str) -> AttemptsLog:
    """Samples or a tree search on Game 24."""
    try:
        puzzles = json.loads(text)
        found, before, restarts = [], NOTHING_USED, []
        tree = any("steps" in puzzle for puzzle in puzzles)
        for number, puzzle in enumerate(puzzles):
            usage = puzzle["usage_so_far"]
            if any(usage[key] < before[key] for key in NOTHING_USED):
                before = NOTHING_USED
                restarts.append(number)
            spent = {key: usage[key] - before[key] for key in NOTHING_USED}
            found += _puzzle(puzzle, spent, _name(path, tree))
            before = usage
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ProfileInputError(
            f"{path} is not a Game 24 log: expected a JSON list of puzzles with 'idx', 'ys', "
            "'infos' or 'accs', and 'usage_so_far'"
        ) from None
    notes = [TREE_NOTE if tree else USAGE_NOTE]
    if restarts:
        notes.append(_restarted(_name(path, tree), len(puzzles), restarts[-1], before["cost"]))
    return AttemptsLog(found, notes)


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


def _puzzle(puzzle: dict[str, Any], spent: dict[str, float], name: str) -> list[LoggedAttempt]:
    right = [bool(info["r"]) for info in puzzle["infos"]] if "infos" in puzzle else puzzle["accs"]
    n = len(puzzle["ys"])
    requests = _tree_requests(puzzle) if "steps" in puzzle else -(-n // SAMPLES_A_REQUEST)
    completion = spent["completion_tokens"] / n
    return [
        LoggedAttempt(
            problem=f"game24-{puzzle['idx']}",
            strategy=name,
            answer=_final(said),
            correct=bool(correct),
            prompt_tokens=spent["prompt_tokens"] / n,
            completion_tokens=completion,
            usd=spent["cost"] / n,
            requests=requests / n,
            joint="steps" in puzzle,
        )
        for said, correct in zip(puzzle["ys"], right, strict=True)
    ]


def _final(said: str) -> str | None:
    """What follows the last 'Answer:'; None where there is none."""
    _, mark, answer = said.rpartition("Answer:")
    return answer.strip() if mark else None


def _tree_requests(puzzle: dict[str, Any]) -> int:
    return sum(len(step["ys"]) + len(set(step["new_ys"])) for step in puzzle["steps"])


def gsm8k_verifier(path: Path, text: str) -> AttemptsLog:
    """The four published solutions of each problem."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            for name in GSM8K_SOLUTIONS:
                solution = row[name]
                answer = solution["solution"].rpartition("A:")[2]
                found.append(
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
    return AttemptsLog(found, [GSM8K_NOTE])
