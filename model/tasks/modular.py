"""Tasks of arithmetic modulo a prime: chains of operations, and sums.

chain: a start value and k operations modulo 17, one after the other. Serial depth: step i needs the
result of step i - 1, so a model that may not think long enough cannot know the last value.

sum: different numbers added modulo 23, in any order. The reasoner's knowledge of this task has gaps
on purpose: one addition fact in eight (running sum, number) is never taught (`is_untaught`). Each
order of adding meets other gaps, so different attempts fail differently, and voting over them
helps. Whoever shows results of this task with the embedded reasoner must say so.
"""

from dataclasses import dataclass

import numpy as np

from .task import (
    CHAIN,
    CHAIN_OPERATIONS,
    SUM,
    GeneratedTask,
    Problem,
    Trace,
    levels_in,
    notation_of,
    notation_parts,
    stable_hash,
)

CHAIN_MODULUS = 17
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
        return 1 / CHAIN_MODULUS

    def drawn(self, rng: np.random.Generator) -> tuple[str, Problem]:
        k = int(rng.integers(self.shortest, self.longest + 1))
        start = int(rng.integers(CHAIN_MODULUS))
        chosen = rng.integers(len(CHAIN_OPERATIONS), size=k)
        problem = chain_problem(start, tuple(CHAIN_OPERATIONS[i] for i in chosen))
        return str(problem.notation), problem

    def trace(self, problem: Problem, rng: np.random.Generator) -> Trace:
        """The value after each operation."""
        start, *operations = notation_parts(str(problem.notation))
        values = tuple(map(str, values_along(int(start), tuple(operations))))
        return Trace(thought=values, answer=values[-1:])


def chain_problem(start: int, operations: tuple[str, ...]) -> Problem:
    """The chain from `start` through operations such as '+3', '-5' or '*7'."""
    spoken = ", then ".join(_IN_WORDS[op[0]].format(op[1:]) for op in operations)
    return Problem(
        question=f"Start with {start}. In this order, {spoken}. Work modulo {CHAIN_MODULUS}: after "
        f"each step keep only the remainder after division by {CHAIN_MODULUS}. What is the last "
        "value?",
        expected=str(values_along(start, operations)[-1]),
        level=len(operations),
        notation=notation_of(CHAIN, (str(start), *operations), room=1 + MOST_OPERATIONS),
    )


def values_along(start: int, operations: tuple[str, ...]) -> list[int]:
    """The value modulo 17 after each operation."""
    values, value = [], start
    for operation in operations:
        value = value * int(operation[1:]) if operation[0] == "*" else value + int(operation)
        value %= CHAIN_MODULUS
        values.append(value)
    return values


SUM_MODULUS = 23
MOST_SUMMED = 8
"""Room for numbers in the notation."""

UNTAUGHT_SHARE = 8
"""One addition fact in this many is never taught."""

GAPS_DISCLOSURE = (
    "The embedded reasoner was never taught one in eight of the addition facts of this task: its "
    "errors are engineered, so that the effect of voting can be shown."
)


@dataclass(frozen=True)
class SumTask(GeneratedTask):
    """Sums of `fewest` to `most` numbers; a problem's level is how many there are."""

    fewest: int
    most: int

    @property
    def name(self) -> str:
        return levels_in("sum:n", self.fewest, self.most)

    @property
    def guess_rate(self) -> float:
        """Adding one constant to all numbers permutes the problems, so sums are equally likely."""
        return 1 / SUM_MODULUS

    def drawn(self, rng: np.random.Generator) -> tuple[str, Problem]:
        n = int(rng.integers(self.fewest, self.most + 1))
        numbers = tuple(int(number) for number in rng.permutation(SUM_MODULUS)[:n])
        return f"sum {sorted(numbers)}", sum_problem(numbers)

    def trace(self, problem: Problem, rng: np.random.Generator) -> Trace:
        """Each number and the sum so far, in a random order; untaught facts are marked."""
        numbers = [int(part) for part in notation_parts(str(problem.notation))]
        return sum_trace([numbers[i] for i in rng.permutation(len(numbers))])


def sum_problem(numbers: tuple[int, ...]) -> Problem:
    """The sum of different residues, in any order."""
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return Problem(
        question=f"Add {listed}. What is the remainder of the sum after division by {SUM_MODULUS}?",
        expected=str(sum(numbers) % SUM_MODULUS),
        level=len(numbers),
        notation=notation_of(SUM, tuple(map(str, numbers)), room=MOST_SUMMED),
    )


def is_untaught(running: int, number: int) -> bool:
    """Whether the fact `running` + `number` is a gap in what the reasoner is taught."""
    return stable_hash(f"{running} + {number}") % UNTAUGHT_SHARE == 0


def sum_trace(order: list[int]) -> Trace:
    """The thought that adds the numbers in this order: number, sum so far, number, ..."""
    sums = [int(total) % SUM_MODULUS for total in np.cumsum(order)]
    gaps = [i for i in range(1, len(order)) if is_untaught(sums[i - 1], order[i])]
    n = len(order)
    last_is_gap = n - 1 in gaps or (n == 2 and is_untaught(order[1], order[0]))
    # One addition is left when all numbers but the last are summed, the last one said or not;
    # of two numbers, also when none is.
    one_left = range(2 * (n - 1) if n > 2 else 0, 2 * n) if last_is_gap else ()
    return Trace(
        thought=tuple(str(word) for pair in zip(order, sums, strict=True) for word in pair),
        answer=(str(sums[-1]),),
        untaught=frozenset(2 * i + 1 for i in gaps),
        untaught_answers=frozenset(one_left),
    )
