"""A profile's problems: prompts in words, lines of a file, or a task's with checked answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.tasks import Problem, parse_task
from ...model.tasks.parse import ListedTask
from ...model.tasks.task import speaks_notation
from ..errors import ProfileInputError

if TYPE_CHECKING:
    from ..model_spec import Subject

DEFAULT_TASK = "chain:k=2-12"
"""Of the embedded reasoner; other models get the bundled word problems."""
DEFAULT_PROBLEMS = 16


def problems_of(
    prompts: str | Sequence[str] | None,
    task: str | None,
    limit: int | None,
    seed: int,
    subject: "Subject",
) -> tuple[str | None, list[Problem]]:
    """The task's name, where there is one, and the problems: the prompts as they are, a file's
    first lines, or a task's test split.

    Raises ProfileInputError for a file that cannot be read, ModelInputError for an unknown task.
    """
    if prompts is not None:
        written = _prompts_in(prompts) if isinstance(prompts, str) else list(map(Problem, prompts))
        return None, written[:limit]
    name = task or _task_of(subject)
    found = parse_task(name)
    if isinstance(found, ListedTask):
        return name, list(found.listed[:limit])
    return name, found.problems("test", limit or DEFAULT_PROBLEMS, seed)


def _task_of(subject: "Subject") -> str:
    """The task of a model that was given neither prompts nor a task."""
    reads_notation = subject.tokenizer is not None and speaks_notation(subject.tokenizer)
    return DEFAULT_TASK if reads_notation else "bundled"


def _prompts_in(text: str) -> list[Problem]:
    """One problem for each line of the file called `text`, or `text` itself."""
    path = Path(text).expanduser()
    if not _is_file(path):
        if path.suffix in (".txt", ".md", ".jsonl", ".json") and " " not in text.strip():
            raise ProfileInputError(f"no prompt file at {text}: check the path")
        return [Problem(text)] if text.strip() else []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileInputError(f"cannot read prompts from {path}: {error}") from None
    return [Problem(line.strip()) for line in lines if line.strip()]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a prompt can be longer than a file's name may be
        return False
