"""Following a value to the instruction that makes it, through copies, tuples and fusions."""

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
        """What goes into it, not yet followed."""
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
        """The computation that `instruction` is in."""
        return self._home[instruction]
