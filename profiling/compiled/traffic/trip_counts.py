"""How often a loop's body runs.

The compiler's own figure where it left one (`known_trip_count`, kept by the CPU backend). TPU
programs have none: there the condition is read. Its root compares a counter with a bound; the
counter's start comes from the loop's operand, its step from the body's root, the bound from a
constant, possibly carried through loops around it. A condition may also be the `and` of such a
comparison and something else, which can only end the loop earlier. `follow` traces a value to the
instruction that computes it, through copies, tuples and fusions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..hlo.module import Computation, Instruction, Module
from .traffic import TripSource

RENAMING = frozenset({"bitcast", "opt-barrier", "domain", "add-dependency", "copy-done"})
"""Opcodes that give a value another name or shape and move nothing."""

CALLING = frozenset({"fusion", "call"})


@dataclass(frozen=True)
class Frame:
    """Where a called computation was entered from."""

    caller: Instruction
    outer: "Frame | None"


@dataclass(frozen=True)
class Value:
    """An instruction, seen from inside the calls that lead to it."""

    made_by: Instruction
    frame: Frame | None = None

    def operand(self, index: int) -> "Value":
        return Value(self.made_by.operands[index], self.frame)


def follow(value: Value, through: frozenset[str] = RENAMING) -> Value:
    """The value's maker: through renamings, tuples, and in and out of fusions and calls.

    Stops at parameters of computations entered otherwise (loops, the program).
    """
    while True:
        nearer = _step(value, through)
        if nearer is None:
            return value
        value = nearer


def _step(value: Value, through: frozenset[str]) -> Value | None:
    maker, frame = value.made_by, value.frame
    if maker.opcode in through and maker.operands:
        return value.operand(0)
    if maker.opcode == "parameter" and frame and frame.caller.opcode in CALLING:
        return Value(frame.caller.operands[maker.parameter_number], frame.outer)
    if maker.opcode in CALLING and maker.calls:
        return Value(maker.called.root, Frame(maker, frame))
    if maker.opcode == "get-tuple-element":
        whole = follow(value.operand(0), through)
        if whole.made_by.opcode == "tuple":
            return whole.operand(maker.tuple_index)
    return None


class CallSites:
    """Which instruction enters each computation, where exactly one does."""

    def __init__(self, module: Module):
        self._sites: dict[Computation, Instruction | None] = {}
        for instruction in module.instructions():
            for computation in instruction.calls:
                again = computation in self._sites
                self._sites[computation] = None if again else instruction
        self._home = {
            instruction: computation
            for computation in module.computations
            for instruction in computation.instructions
        }

    def caller_of(self, computation: Computation) -> Instruction | None:
        """The one instruction that enters `computation`."""
        return self._sites.get(computation)

    def home_of(self, instruction: Instruction) -> Computation:
        return self._home[instruction]


TRANSPARENT = RENAMING | {"copy", "copy-start", "convert", "reshape", "broadcast"}
"""Through these a scalar keeps its value."""

_MIRRORED = {"LT": "GT", "GT": "LT", "LE": "GE", "GE": "LE", "NE": "NE"}
_NEGATED = {"LT": "GE", "GE": "LT", "GT": "LE", "LE": "GT", "EQ": "NE"}


@dataclass(frozen=True)
class Trips:
    """Trips of one loop; 1, with the reason, where they are unknown."""

    count: int
    source: TripSource
    early_exit: bool = False
    reason: str = ""


class NotFoundError(ValueError):
    """Says what in a loop's condition could not be read."""


class LoopReader:
    """Trips of the loops of one module. `given` overrides them by the loop's name."""

    def __init__(self, sites: CallSites, given: Mapping[str, int]):
        self._sites = sites
        self._given = given

    def trips(self, loop: Instruction) -> Trips:
        """How often the body of the `while` instruction `loop` runs once it is entered."""
        if loop.name in self._given:
            return Trips(self._given[loop.name], "given")
        stated = loop.config.get("known_trip_count")
        if isinstance(stated, dict) and str(stated.get("n", "")).isdigit():
            return Trips(int(stated["n"]), "compiler")
        _, condition = body_and_condition(loop)
        try:
            count, early_exit = self._bounded(Value(condition.root), loop)
        except NotFoundError as problem:
            return Trips(1, "unknown", reason=str(problem))
        return Trips(count, "derived", early_exit)

    def _bounded(self, value: Value, loop: Instruction, negated: bool = False) -> tuple[int, bool]:
        """Trips that the condition `value` allows, and whether something may end them earlier."""
        value = follow(value, TRANSPARENT)
        maker = value.made_by
        if maker.opcode == "not":
            return self._bounded(value.operand(0), loop, not negated)
        if maker.opcode == ("or" if negated else "and"):
            counts, problem = [], NotFoundError("empty condition")
            for side in (value.operand(0), value.operand(1)):
                try:
                    counts.append(self._bounded(side, loop, negated)[0])
                except NotFoundError as error:
                    problem = error
            if not counts:
                raise problem
            return min(counts), True
        if maker.opcode != "compare":
            raise NotFoundError(f"its condition is a {maker.opcode}, not a comparison with a bound")
        direction = maker.comparison_direction
        return self._counted(value, _NEGATED[direction] if negated else direction, loop), False

    def _counted(self, comparison: Value, direction: str, loop: Instruction) -> int:
        left = follow(comparison.operand(0), TRANSPARENT)
        right = follow(comparison.operand(1), TRANSPARENT)
        for counter, bound, sense in (
            (left, right, direction),
            (right, left, _MIRRORED.get(direction, direction)),
        ):
            index = _carried(counter)
            if index is None:
                continue
            step = self._step(loop, index)
            if step is None:
                continue
            start = self._number(follow(_initial(loop, index), TRANSPARENT))
            return _trips_between(start, self._number(bound), step, sense)
        raise NotFoundError("no counter that grows by a constant was found in its condition")

    def _step(self, loop: Instruction, index: int) -> int | None:
        """What the body adds to element `index` of its carry; None if it does something else."""
        new = follow(_result(loop, index), TRANSPARENT)
        if new.made_by.opcode not in ("add", "subtract"):
            return None
        sign = 1 if new.made_by.opcode == "add" else -1
        old, change = (follow(new.operand(side), TRANSPARENT) for side in (0, 1))
        if sign == 1 and _carried(old) != index:
            old, change = change, old
        if _carried(old) != index:
            return None
        try:
            return sign * self._number(change)
        except NotFoundError:
            return None

    def _number(self, value: Value) -> int:
        """The integer that `value` is in every run; NotFoundError where it depends on data."""
        value = follow(value, TRANSPARENT)
        maker = value.made_by
        if maker.opcode == "constant" and len(maker.integers) == 1:
            return maker.integers[0]
        if maker.opcode in _ARITHMETIC:
            left, right = (self._number(value.operand(side)) for side in (0, 1))
            return _ARITHMETIC[maker.opcode](left, right)
        index = _carried(value)
        if index is not None:
            around = self._sites.caller_of(self._sites.home_of(maker.operands[0]))
            if around is not None and around.opcode == "while":
                if _carried(follow(_result(around, index), TRANSPARENT)) != index:
                    raise NotFoundError("its bound changes while a loop around it runs")
                return self._number(_initial(around, index))
        raise NotFoundError(f"its bound or start comes from {maker.name}, which only a run knows")


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "minimum": min,
    "maximum": max,
}


def body_and_condition(loop: Instruction) -> tuple[Computation, Computation]:
    """The two computations of a `while`; the condition is the one that yields a truth value."""
    first, second = loop.calls
    return (second, first) if first.root.shape.element_type == "pred" else (first, second)


def _carried(value: Value) -> int | None:
    """Which element of a loop's carry `value` is, seen from its body or condition."""
    maker = value.made_by
    if maker.opcode == "get-tuple-element" and maker.operands[0].opcode == "parameter":
        return maker.tuple_index
    return None


def _initial(loop: Instruction, index: int) -> Value:
    start = follow(Value(loop.operands[0]), TRANSPARENT)
    if start.made_by.opcode != "tuple":
        raise NotFoundError(f"what it starts with comes from {start.made_by.name}")
    return start.operand(index)


def _result(loop: Instruction, index: int) -> Value:
    """Element `index` of what one run of the body hands on."""
    body, _ = body_and_condition(loop)
    root = follow(Value(body.root), TRANSPARENT)
    if root.made_by.opcode != "tuple":
        raise NotFoundError(f"the result of its body comes from {root.made_by.name}")
    return root.operand(index)


def _trips_between(start: int, bound: int, step: int, sense: str) -> int:
    """Trips of `while counter <sense> bound`, counter = start, start + step, ..."""
    if sense in ("LE", "GE"):
        bound += 1 if sense == "LE" else -1
        sense = "LT" if sense == "LE" else "GT"
    if sense == "NE" and (bound - start) % step == 0 and (bound - start) // step >= 0:
        return (bound - start) // step
    if (sense == "LT" and step > 0) or (sense == "GT" and step < 0):
        return max(0, -(-(bound - start) // step))
    raise NotFoundError(f"its counter moves by {step}, away from a bound that it must be {sense}")
