"""Where a value in a program comes from: through copies, tuples, fusions, calls and loops."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..hlo.module import Computation, Instruction, Module

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


TRANSPARENT = RENAMING | {"copy", "copy-start", "reshape", "broadcast"}
"""Through these a scalar keeps its value."""

Path = tuple[int, ...]


@dataclass(frozen=True)
class Element:
    """The part of a value, itself or inside a tuple, to which `path` leads."""

    value: Value
    path: Path = ()

    @property
    def maker(self) -> Instruction:
        return self.value.made_by

    def operand(self, index: int) -> "Element":
        return Element(self.value.operand(index))


def body_and_condition(loop: Instruction) -> tuple[Computation, Computation]:
    """The two computations of a `while`; the condition is the one that yields a truth value."""
    first, second = loop.calls
    is_condition = first.root.shape.element_type == "pred" and second.root.shape.like(loop.shape)
    return (second, first) if is_condition else (first, second)


class Homes:
    """The computation that each instruction of a module is in."""

    def __init__(self, module: Module) -> None:
        self._homes = {
            instruction: computation
            for computation in module.computations
            for instruction in computation.instructions
        }
        self._kept: dict[tuple[Instruction, Path], bool] = {}

    def source(self, element: Element) -> Element:
        """What computes a scalar: a loop that hands it on as it came is passed through too."""
        while (nearer := self._step(element)) is not None:
            element = nearer
        return element

    def carried_by(self, element: Element, loops: Iterable[Instruction]) -> Instruction | None:
        """The one of `loops` whose carry holds `element`, seen from its body or condition."""
        maker = element.maker
        if maker.opcode == "parameter":
            home = self._homes[maker]
            return next((loop for loop in loops if home in loop.calls), None)
        return None

    def result(self, loop: Instruction, path: Path) -> Element:
        """What one run of a loop's body hands on at `path`."""
        return self.source(Element(Value(body_and_condition(loop)[0].root), path))

    def keeps(self, loop: Instruction, path: Path) -> bool:
        """Whether the loop's body hands on what it was given at `path`."""
        key = (loop, path)
        if key not in self._kept:
            self._kept[key] = False  # until shown
            end = self.result(loop, path)
            self._kept[key] = end.path == path and self.carried_by(end, [loop]) is loop
        return self._kept[key]

    def _step(self, element: Element) -> Element | None:
        value, path = element.value, element.path
        maker, frame = value.made_by, value.frame
        if maker.opcode == "get-tuple-element":
            return Element(value.operand(0), (maker.tuple_index, *path))
        if maker.opcode == "tuple" and path:
            return Element(value.operand(path[0]), path[1:])
        if maker.opcode == "copy-start" and path:
            return None
        if maker.opcode in TRANSPARENT and maker.operands:
            return Element(value.operand(0), path)
        if maker.opcode == "parameter" and frame and frame.caller.opcode in CALLING:
            return Element(Value(frame.caller.operands[maker.parameter_number], frame.outer), path)
        if maker.opcode in CALLING and maker.calls:
            return Element(Value(maker.called.root, Frame(maker, frame)), path)
        if maker.opcode == "while" and self.keeps(maker, path):
            return Element(value.operand(0), path)
        return None
