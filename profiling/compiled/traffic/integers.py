"""Integers of a program that are the same in every run: constants, and what is computed of them.

Arithmetic wraps as the machine's does. A loop's carry has values once `state` gives them.
"""

from collections.abc import Callable, Mapping

from ..hlo.module import Instruction
from ..hlo.shape import Shape
from .sources import Element, Homes, Path, Value

State = Mapping[tuple[Instruction, Path], int]
"""Values of the carries of loops: those of one run of their bodies."""


Around = tuple[Instruction, ...]
"""The loops around a place, outermost first."""


class UnknownError(ValueError):
    """Says what of a loop's condition only a run knows."""


class VariesError(UnknownError):
    """The value is that of a loop's carry, and differs from run to run of its body."""

    def __init__(self, loop: Instruction) -> None:
        super().__init__(f"it changes while {loop.name} runs")
        self.loop = loop


def _divided(a: int, b: int) -> int:
    """XLA's integer division, towards zero; -1 by zero."""
    if b == 0:
        return -1
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _remainder(a: int, b: int) -> int:
    return a if b == 0 else a - _divided(a, b) * b


def _shifted(a: int, b: int) -> int:
    return a << b if 0 <= b < 64 else 0


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "and": lambda a, b: a & b,
    "divide": _divided,
    "maximum": max,
    "minimum": min,
    "multiply": lambda a, b: a * b,
    "or": lambda a, b: a | b,
    "remainder": _remainder,
    "shift-left": _shifted,
    "shift-right-arithmetic": lambda a, b: a >> min(max(b, 0), 64),
    "subtract": lambda a, b: a - b,
    "xor": lambda a, b: a ^ b,
}

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "EQ": lambda a, b: a == b,
    "GE": lambda a, b: a >= b,
    "GT": lambda a, b: a > b,
    "LE": lambda a, b: a <= b,
    "LT": lambda a, b: a < b,
    "NE": lambda a, b: a != b,
}


def wrapped(value: int, instruction: Instruction, path: Path = ()) -> int:
    """`value` as the instruction's element type holds it."""
    shape = instruction.shape
    for index in path:
        shape = shape.parts[index]
    kind, bits = shape.element_type, shape.bits
    if kind == "pred":
        return value & 1
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind.startswith("s") and value >> (bits - 1) else value


def is_integer(shape: Shape) -> bool:
    """Whether it is one integer or truth value."""
    return shape.elements == 1 and shape.element_type[0] in "sup"


class Integers:
    """Evaluates scalars of one module."""

    def __init__(self, homes: Homes) -> None:
        self.homes = homes

    def value(self, element: Element, around: Around, state: State) -> int:
        """The integer that `element` is inside the loops `around`, outermost first.

        Raises VariesError where that depends on a carry that is not in `state`, UnknownError where
        it depends on data, is no integer, or takes a chain of more than `LONGEST_CHAIN` operations.
        """
        return _Evaluation(self.homes, state).value(element, around)


class _Evaluation:
    """One look at the program: what several operations need is computed once."""

    def __init__(self, homes: Homes, state: State) -> None:
        self.homes, self.state = homes, state
        self.known: dict[tuple[Element, int], int] = {}
        self.depth = 0

    def value(self, element: Element, around: Around) -> int:
        element, around = self._outside(self.homes.source(element), around)
        loop = self.homes.carried_by(element, around)
        if loop is not None:
            if (loop, element.path) not in self.state:
                raise VariesError(loop)
            return self.state[loop, element.path]
        key, maker = (element, len(around)), element.maker
        if key not in self.known:
            if element.path or not is_integer(maker.shape) or self.depth >= LONGEST_CHAIN:
                raise UnknownError(_DATA.format(maker.name))
            self.depth += 1
            self.known[key] = wrapped(self._computed(element, around), maker)
            self.depth -= 1
        return self.known[key]

    def _outside(self, element: Element, around: Around) -> tuple[Element, Around]:
        """Where a carry comes from that its loops hand on as it is."""
        while (loop := self.homes.carried_by(element, around)) is not None:
            if (loop, element.path) in self.state or not self.homes.keeps(loop, element.path):
                break
            around = around[: around.index(loop)]
            element = self.homes.source(start_of(loop, element.path))
        return element, around

    def _computed(self, element: Element, around: Around) -> int:
        maker = element.maker

        def operand(index: int) -> int:
            return self.value(element.operand(index), around)

        if maker.opcode in _ARITHMETIC:
            return _ARITHMETIC[maker.opcode](operand(0), operand(1))
        match maker.opcode:
            case "constant" if maker.integer is not None:
                return maker.integer
            case "compare" if maker.comparison_direction in COMPARISONS:
                return COMPARISONS[maker.comparison_direction](operand(0), operand(1))
            case "convert":
                return operand(0)
            case "negate":
                return -operand(0)
            case "not":
                return ~operand(0)
            case "abs":
                return abs(operand(0))
            case "select":
                return operand(1 if operand(0) else 2)
            case "clamp":
                return min(max(operand(1), operand(0)), operand(2))
            case "sign":
                return (operand(0) > 0) - (operand(0) < 0)
            case "shift-right-logical":
                bits, by = maker.shape.bits, operand(1)
                return (operand(0) & ((1 << bits) - 1)) >> by if 0 <= by < bits else 0
            case "dynamic-slice":  # of jnp.arange(n), over which a scan runs
                array, _ = self._outside(self.homes.source(element.operand(0)), around)
                if array.maker.opcode == "iota" and len(array.maker.shape.dimensions) == 1:
                    return min(max(operand(1), 0), array.maker.shape.elements - 1)
        raise UnknownError(_DATA.format(maker.name))


LONGEST_CHAIN = 64
_DATA = "its bound or start comes from {}, which only a run knows"


def start_of(loop: Instruction, path: Path) -> Element:
    """What a loop's carry starts with at `path`."""
    return Element(Value(loop.operands[0]), path)
