"""A compiled program: instructions in computations in a module, linked so that they can be walked.

Objects are immutable and compare by identity: two instructions are the same only if they are one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .shape import Shape


@dataclass(frozen=True, eq=False)
class OutputAlias:
    """A result of a custom call or fusion that shares memory with one of its operands."""

    output_index: tuple[int, ...]
    operand: int
    operand_index: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Instruction:
    """One operation. Its operands are in the same computation and come before it."""

    name: str
    opcode: str
    shape: Shape = field(repr=False)
    operands: tuple["Instruction", ...] = field(default=(), repr=False)
    calls: tuple["Computation", ...] = field(default=(), repr=False)
    op_name: str = ""  # scopes and primitive in JAX's terms; empty where the compiler made it
    parameter_number: int = 0
    tuple_index: int = 0
    integers: tuple[int, ...] = ()  # elements of an integer constant
    comparison_direction: str = ""
    custom_call_target: str = ""
    channel: int = 0
    group_size: int = 0  # devices that take part together in a collective; 0 if not given
    groups: int = 0
    output_aliases: tuple[OutputAlias, ...] = field(default=(), repr=False)
    backend_config: str = field(default="", repr=False)

    @cached_property
    def config(self) -> dict[str, Any]:
        """`backend_config` where it is a JSON object, else empty."""
        try:
            value = json.loads(self.backend_config)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def called(self) -> "Computation":
        """The computation of a fusion, call or async start, which have one."""
        return self.calls[0]


@dataclass(frozen=True, eq=False)
class Computation:
    """A list of instructions in an order in which they can run; the root is the result."""

    name: str
    instructions: tuple[Instruction, ...] = field(repr=False)
    root: Instruction = field(repr=False)

    @cached_property
    def parameters(self) -> dict[int, Instruction]:
        """Parameters by number."""
        return {
            instruction.parameter_number: instruction
            for instruction in self.instructions
            if instruction.opcode == "parameter"
        }

    @cached_property
    def _users(self) -> dict[Instruction, list[Instruction]]:
        users: dict[Instruction, list[Instruction]] = {one: [] for one in self.instructions}
        for user in self.instructions:
            for operand in dict.fromkeys(user.operands):
                users[operand].append(user)
        return users

    def users(self, instruction: Instruction) -> list[Instruction]:
        """Instructions that have `instruction` among their operands."""
        return self._users[instruction]


@dataclass(frozen=True, eq=False)
class Module:
    """A program for one device, as the compiler left it."""

    name: str
    computations: tuple[Computation, ...] = field(repr=False)
    entry: Computation

    def computation(self, name: str) -> Computation:
        """The computation of that name; KeyError if there is none."""
        for computation in self.computations:
            if computation.name == name:
                return computation
        raise KeyError(name)

    @cached_property
    def arguments(self) -> dict[int, str]:
        """Names of the entry's parameters by number: JAX's, 'state.cache.keys', if they are there.

        jit leaves out arguments that are not used, so numbers alone do not tell which one it is.
        """
        return {
            number: parameter.op_name or parameter.name
            for number, parameter in sorted(self.entry.parameters.items())
        }

    @cached_property
    def _by_name(self) -> dict[str, Instruction]:
        return {one.name: one for one in self.instructions()}

    def instruction(self, name: str) -> Instruction:
        """The instruction of that name; KeyError if there is none."""
        return self._by_name[name]

    def instructions(self, opcode: str | None = None) -> Iterator[Instruction]:
        """All instructions, or those of one opcode, callees first."""
        for computation in self.computations:
            for instruction in computation.instructions:
                if opcode is None or instruction.opcode == opcode:
                    yield instruction
