"""countdown: reach a target from given numbers with + - * /, each number used once.

Search and verification: a wrong path is easily told from a right one, and hard to avoid at first.
Expressions (whole numbers, + - * / and brackets, nothing else) are evaluated exactly.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np

from .answers import answer_part
from .task import COUNTDOWN, LARGEST_NUMBER, PAD, GeneratedTask, Problem, Trace, notation_of

_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_EXPRESSION = re.compile(r"[\d(][\d \t()+*/-]*")
_SIGNS = (("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"), ("×", "*"), ("÷", "/"), ("−", "-"))  # noqa: RUF001
_LONGEST = 200
"""Characters: beyond any answer's expression, and short enough for Python's own parser."""


def find_expression(text: str) -> str | None:
    """The last arithmetic expression in `text`, without blanks; of several those with an operation.
    None without one.

    An expression followed by '= 24' or by words ends there.
    """
    for written, sign in _SIGNS:
        text = text.replace(written, sign)
    found = ["".join(match[0].split()) for match in _EXPRESSION.finditer(text)]
    valid = [expression for expression in found if parsed(expression) is not None]
    operations = [expression for expression in valid if not expression.isdigit()]
    return next(reversed(operations or valid), None)


def parsed(expression: str) -> tuple[Fraction, tuple[int, ...]] | None:
    """The exact value of `expression` and the numbers in it; None where it has no value."""
    if not 0 < len(expression) <= _LONGEST:
        return None
    try:
        numbers: list[int] = []
        value = _value(ast.parse(expression, mode="eval").body, numbers)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None
    return value, tuple(numbers)


def _value(node: ast.expr, numbers: list[int]) -> Fraction:
    """The value of `node`, its numbers added to `numbers`; ValueError for anything else."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        numbers.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = _value(node.left, numbers), _value(node.right, numbers)
        return _OPERATIONS[type(node.op)](left, right)
    raise ValueError("not arithmetic")


FEWEST_NUMBERS, MOST_NUMBERS = 2, 3
LARGEST_GIVEN = 12
MOST_PATHS = 2
"""Paths that a taught thought tries: wrong ones first, the last one right."""

GUESSED_PROBLEMS = 400
"""Problems over which the rate of a random guess is averaged."""


class Step(NamedTuple):
    """One operation on two numbers at hand; all results are whole and in the vocabulary."""

    left: int
    sign: str
    right: int
    result: int


Path = tuple[Step, ...]


@dataclass(frozen=True)
class CountdownProblem(Problem):
    """`expected` is one solution; every expression that reaches the target counts."""

    numbers: tuple[int, ...] = ()
    target: int = 0

    rule: ClassVar[str] = (
        "An answer is the last expression in the last box or after the last 'answer is', else in "
        "all of it; it is right where it equals the target and uses each number exactly once."
    )

    def extract(self, answer: str, after_cue: bool = False) -> str | None:
        """The expression in `answer`."""
        return find_expression(answer_part(answer, after_cue))

    def check(self, answer: str, after_cue: bool = False) -> bool:
        """Whether the expression equals the target and uses each given number exactly once."""
        value_and_numbers = parsed(self.extract(answer, after_cue) or "")
        return value_and_numbers is not None and (
            value_and_numbers[0] == self.target
            and sorted(value_and_numbers[1]) == sorted(self.numbers)
        )


@dataclass(frozen=True)
class CountdownTask(GeneratedTask):
    """Problems with `count` different numbers from 1 to 12; their level is `count`."""

    count: int

    @property
    def name(self) -> str:
        return f"countdown:n={self.count}"

    @property
    def guess_rate(self) -> float:
        """How often a random path of whole steps over the given numbers reaches the target."""
        return _guess_rate(self.count)

    def drawn(self, rng: np.random.Generator) -> tuple[str, Problem]:
        numbers = tuple(int(n) + 1 for n in rng.permutation(LARGEST_GIVEN)[: self.count])
        paths = all_paths(tuple(sorted(numbers)))
        problem = countdown_problem(numbers, paths[rng.integers(len(paths))])
        return f"countdown {sorted(numbers)} {problem.target}", problem

    def trace(self, problem: Problem, rng: np.random.Generator) -> Trace:
        """Up to `MOST_PATHS` - 1 random wrong paths, then a right one and its expression."""
        assert isinstance(problem, CountdownProblem)
        paths = all_paths(tuple(sorted(problem.numbers)))
        wrong = [path for path in paths if path[-1].result != problem.target]
        right = [path for path in paths if path[-1].result == problem.target]
        tries = int(rng.integers(MOST_PATHS)) if wrong else 0
        solution = right[rng.integers(len(right))]
        tried = [*(wrong[i] for i in rng.integers(len(wrong) or 1, size=tries)), solution]
        words = [str(word) for path in tried for step in path for word in step]
        return Trace(tuple(words), tuple(expression_words(solution)))


def countdown_problem(numbers: tuple[int, ...], path: Path) -> CountdownProblem:
    """The problem of reaching what `path` reaches."""
    target = path[-1].result
    given = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return CountdownProblem(
        question=f"Use each of the numbers {given} exactly once, with +, -, *, / and brackets, to "
        f"make {target}. Answer with the expression.",
        expected="".join(expression_words(path)),
        level=len(numbers),
        notation=notation_of(
            COUNTDOWN,
            (*map(str, numbers), *[PAD] * (MOST_NUMBERS - len(numbers)), str(target)),
            room=MOST_NUMBERS + 1,
        ),
        numbers=numbers,
        target=target,
    )


@cache
def all_paths(numbers: tuple[int, ...]) -> tuple[Path, ...]:
    """Every way to bring `numbers` down to one, by steps whose results are from 1 to 99."""
    if len(numbers) == 1:
        return ((),)
    paths: list[Path] = []
    for i, left in enumerate(numbers):
        for j, right in enumerate(numbers):
            if i == j:
                continue
            rest = tuple(number for at, number in enumerate(numbers) if at not in (i, j))
            for step in _steps(left, right, ordered=i < j):
                paths += [(step, *path) for path in all_paths((step.result, *rest))]
    return tuple(paths)


def _steps(left: int, right: int, ordered: bool) -> list[Step]:
    """Whole results of `left` and `right` in the vocabulary; + and * only once a pair."""
    steps = [Step(left, "+", right, left + right), Step(left, "*", right, left * right)]
    steps = steps if ordered else []
    if left > right:
        steps.append(Step(left, "-", right, left - right))
    if left % right == 0:
        steps.append(Step(left, "/", right, left // right))
    return [step for step in steps if step.result <= LARGEST_NUMBER]


def expression_words(path: Path) -> list[str]:
    """The steps of `path` as one expression, later steps around earlier ones, word by word."""
    tokens_of: dict[int, list[str]] = {}
    for step in path:
        sides = [tokens_of.pop(side, None) for side in (step.left, step.right)]
        written = [
            [str(number)] if side is None else ["(", *side, ")"]
            for number, side in zip((step.left, step.right), sides, strict=True)
        ]
        tokens_of[step.result] = [*written[0], step.sign, *written[1]]
    return tokens_of[path[-1].result]


@cache
def _guess_rate(count: int) -> float:
    task, rng = CountdownTask(count), np.random.default_rng(0)
    rates = []
    for _ in range(GUESSED_PROBLEMS):
        problem = task.draw("test", rng)
        assert isinstance(problem, CountdownProblem)
        paths = all_paths(tuple(sorted(problem.numbers)))
        rates.append(np.mean([path[-1].result == problem.target for path in paths]))
    return float(np.mean(rates))
