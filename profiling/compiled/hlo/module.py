"""A compiled program: instructions in computations in a module, linked so that they can be walked.

Objects are immutable and compare by identity: two instructions are the same only if they are one.
`building.module_from` builds them from protobuf messages.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .shape import Shape


@dataclass(frozen=True, eq=False)
class OutputAlias:
    """A result of a custom call or fusion that shares memory with one of its operands."""

    output_index: tuple[int, ...]
    operand: int
    operand_index: tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """One spatial axis of a convolution: of its operand, of its result, and how a window moves."""

    operand_axis: int
    result_axis: int
    size: int
    stride: int
    padding_low: int
    dilation: int
    base_dilation: int


@dataclass(frozen=True)
class Convolution:
    """Which axes of a convolution's kernel and result are what."""

    kernel_feature: int
    result_batch: int
    result_feature: int
    batch_groups: int
    windows: tuple[Window, ...]


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
    integer: int | None = None  # of a constant with one element that is no float
    comparison_direction: str = ""
    custom_call_target: str = ""
    channel: int = 0
    group_size: int = 0  # devices that take part together in a collective; 0 if not given
    groups: int = 0
    output_aliases: tuple[OutputAlias, ...] = field(default=(), repr=False)
    summed_axes: tuple[int, ...] = ()  # of a dot's first operand
    convolution: Convolution | None = field(default=None, repr=False)
    backend_config: str = field(default="", repr=False)

    @cached_property
    def config(self) -> dict[str, object]:
        """`backend_config` where it is a JSON object, else empty."""
        try:
            value = json.loads(self.backend_config) if self.backend_config else {}
        except (ValueError, RecursionError):
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
        return self._users[instruction]


@dataclass(frozen=True, eq=False)
class Module:
    """A program for one device, as the compiler left it."""

    name: str
    computations: tuple[Computation, ...] = field(repr=False)
    entry: Computation

    @cached_property
    def _by_name(self) -> dict[str, Instruction]:
        return {one.name: one for one in self.instructions()}

    def instruction(self, name: str) -> Instruction:
        """The instruction of that name; KeyError if there is none."""
        return self._by_name[name]

    def instructions(self) -> Iterator[Instruction]:
        """All instructions, callees first."""
        for computation in self.computations:
            yield from computation.instructions
