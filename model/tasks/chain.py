"""chain: a start value and k operations modulo 17, one after the other.

Serial depth: step i needs the result of step i - 1, so a model that may not think long enough
cannot know the last value.
"""

from dataclasses import dataclass

import numpy as np

from . import notation
from .task import GeneratedTask, Problem, Trace, levels_in

MODULUS = 17
MOST_OPERATIONS = 12
"""Room for operations in the notation."""

_IN_WORDS = {"+": "add {}", "-": "subtract {}", "*": "multiply by {}"}


@dataclass(frozen=True)
class ChainTask(GeneratedTask):
    """Chains of `shortest` to `longest` operations; a problem's level is its number of them."""

    shortest: int
    longest: int

    @property
    def name(self) -> str:
        return levels_in("chain:k", self.shortest, self.longest)

    @property
    def guess_rate(self) -> float:
        """Every operation maps the residues one to one, so all last values are equally likely."""
        return 1 / MODULUS

    def drawn(self, rng: np.random.Generator) -> tuple[str, Problem]:
        k = int(rng.integers(self.shortest, self.longest + 1))
        start = int(rng.integers(MODULUS))
        chosen = rng.integers(len(notation.CHAIN_OPERATIONS), size=k)
        problem = chain_problem(start, tuple(notation.CHAIN_OPERATIONS[i] for i in chosen))
        return str(problem.notation), problem

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
        value = value * int(operation[1:]) if operation[0] == "*" else value + int(operation)
        value %= MODULUS
        values.append(value)
    return values
