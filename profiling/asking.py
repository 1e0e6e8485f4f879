"""What a profile asks for where nobody said: problems, budgets, chips and compiled targets.

The command line and the notebook ask by the same defaults.
"""

from collections.abc import Sequence
from pathlib import Path

import jax

from ..model.tasks import Problem
from ..model.tasks.notation import speaks_notation
from ..model.tasks.parse import parse_task
from ..model.tasks.word_problems import ListedTask
from .compiled.targets import Target, parse_target, require_compiler
from .errors import ProfileInputError
from .model_spec import Subject
from .strategy_request import StrategyRequest

DEFAULT_MODEL = "reasoner"
DEFAULT_TASK = "chain:k=2-12"
"""Of the embedded reasoner; other models get the bundled word problems."""
DEFAULT_PROBLEMS = 16
DEFAULT_ATTEMPTS, DEFAULT_TEMPERATURE = 4, 0.6
LONGEST_PROMPT, LONGEST_THOUGHT, LONGEST_ANSWER = 128, 128, 16


def attempts_for(strategy: StrategyRequest | None, asked: int | None) -> int:
    """Attempts at each prompt: a strategy's own, those asked for, or as many as by default."""
    if strategy is not None:
        return strategy.parsed().rows
    return DEFAULT_ATTEMPTS if asked is None else asked


def temperature_for(asked: float | None) -> float:
    """Of sampling without a strategy: as asked for, or as by default."""
    return DEFAULT_TEMPERATURE if asked is None else asked


def think_budget_for(subject: Subject, asked: int | None) -> int:
    """Tokens of a thought: those asked for, or what fits."""
    return min(LONGEST_THOUGHT, subject.config.context_length // 2) if asked is None else asked


def answer_budget_for(subject: Subject, asked: int | None) -> int:
    """Tokens of an answer: those asked for, or what fits."""
    return min(LONGEST_ANSWER, subject.config.context_length // 8) if asked is None else asked


def prompt_tokens_for(subject: Subject, asked: int | None) -> int:
    """Tokens of a prompt where there is no tokenizer: those asked for, or what fits."""
    return min(LONGEST_PROMPT, subject.config.context_length // 4) if asked is None else asked


def targets_for(
    asked: Sequence[str] | None, subject: Subject, strategy: StrategyRequest | None = None
) -> list[Target]:
    """Targets of the compiled lens; without a word, the CPU where the model runs on one and no
    strategy is named."""
    if asked is None and strategy is not None:
        return []
    if asked is None:
        asked = ["cpu"] if subject.runs and jax.default_backend() == "cpu" else []
    targets = [parse_target(text) for text in asked if text.lower() != "none"]
    for target in targets:
        require_compiler(target)
    return targets


def task_for(subject: Subject) -> str:
    """The task of a model that was given neither prompts nor a task."""
    reads_notation = subject.tokenizer is not None and speaks_notation(subject.tokenizer)
    return DEFAULT_TASK if reads_notation else "bundled"


def problems_for(
    prompts: Sequence[Problem] | None, task: str | None, limit: int | None, seed: int
) -> list[Problem]:
    """Prompts as they are; of a task the test split, of a file the first lines.

    Raises ProfileInputError where both are given.
    """
    if prompts is not None and task is not None:
        raise ProfileInputError("--prompts and --task exclude each other: give one of them")
    if prompts is not None:
        return list(prompts[:limit])
    assert task is not None
    found = parse_task(task)
    if isinstance(found, ListedTask):
        return list(found.listed[:limit])
    return found.problems("test", limit or DEFAULT_PROBLEMS, seed)


def prompts_in(text: str) -> list[Problem]:
    """One problem a line of the file called `text`, or `text` itself.

    Raises ProfileInputError for a file that is missing or cannot be read.
    """
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
