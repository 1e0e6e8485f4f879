"""chain: a start value and k operations modulo 17, one after the other.

Serial depth: step i needs the result of step i - 1, so a model that may not think long enough
cannot know the last value.
"""

from dataclasses import dataclass

import numpy as np

from . import notation
from .task import Problem, Split, Trace, draw_distinct, draw_from

MODULUS = 17
MOST_OPERATIONS = 12
"""Room for operations in the notation."""

_IN_WORDS = {"+": "add {}", "-": "subtract {}", "*": "multiply by {}"}


@dataclass(frozen=True)
class ChainTask:
    """Chains of `shortest` to `longest` operations; a problem's level is its number of them."""

    shortest: int
    longest: int

    @property
    def name(self) -> str:
        lengths = {self.shortest, self.longest}
        return f"chain:k={'-'.join(map(str, sorted(lengths)))}"

    @property
    def guess_rate(self) -> float:
        """Every operation maps the residues one to one, so all last values are equally likely."""
        return 1 / MODULUS

    def problems(self, split: Split, limit: int | None = None, seed: int = 0) -> list[Problem]:
        return draw_distinct(self, split, limit, seed)

    def draw(self, split: Split, rng: np.random.Generator) -> Problem:
        def once() -> tuple[str, Problem]:
            k = int(rng.integers(self.shortest, self.longest + 1))
            start = int(rng.integers(MODULUS))
            chosen = rng.integers(len(notation.CHAIN_OPERATIONS), size=k)
            problem = chain_problem(start, tuple(notation.CHAIN_OPERATIONS[i] for i in chosen))
            return str(problem.notation), problem

        return draw_from(split, once)

    def trace(self, problem: Problem, rng: np.random.Generator) -> Trace:
        """The value after each operation."""
        start, *operations = notation.parts(str(problem.notation))
        values = tuple(map(str, values_along(int(start), tuple(operations))))
        return Trace(thought=values, answer=values[-1:])


def chain_problem(start: int, operations: tuple[str, ...]) -> Problem:
    """The chain from `start` through operations such as '+3', '-5' or '*7'."""
    spoken = ", then ".join(_IN_WORDS[op[0]].format(op[1:]) for op in operations)
    return Problem(
        question=f"Start with {start}. In this order, {spoken}. Work modulo {MODULUS}: after each "
        f"step keep only the remainder after division by {MODULUS}. What is the last value?",
        expected=str(values_along(start, operations)[-1]),
        level=len(operations),
        notation=notation.prompt(
            notation.CHAIN, (str(start), *operations), room=1 + MOST_OPERATIONS
        ),
    )


def values_along(start: int, operations: tuple[str, ...]) -> list[int]:
    """The value modulo 17 after each operation."""
    values, value = [], start
    for operation in operations:
        sign, operand = operation[0], int(operation[1:])
        value = value * operand if sign == "*" else value + operand * (1 if sign == "+" else -1)
        value %= MODULUS
        values.append(value)
    return values
