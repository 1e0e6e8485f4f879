"""A compiled program: instructions in computations in a module, linked so that they can be walked.

Objects are immutable and compare by identity: two instructions are the same only if they are one.
`module_from` builds them from protobuf messages.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ..protobuf import Message
from .shape import ELEMENT_TYPES, Layout, Shape


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
    integers: tuple[int, ...] = ()  # elements of an integer constant
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


_TUPLE = 13
_BUFFER = 34  # wraps an array, which is its only tuple shape


class BrokenModuleError(ValueError):
    """The message does not hold a whole program."""


def module_from(proto: Message) -> Module:
    """The program in an HloModuleProto; BrokenModuleError where parts of it are missing."""
    if not proto.computations:
        raise BrokenModuleError("no computations")
    messages = {message.id: message for message in proto.computations}
    built: dict[int, Computation] = {}
    for key in messages:
        _build(key, messages, built, ())
    try:
        entry = built[proto.entry_computation_id]
    except KeyError:
        raise BrokenModuleError("no entry computation") from None
    return Module(proto.name, tuple(built.values()), entry)


def _build(
    key: int,
    messages: dict[int, Message],
    built: dict[int, Computation],
    under_way: tuple[int, ...],
) -> Computation:
    """The computation with id `key`, those that it calls first."""
    if key in built:
        return built[key]
    if key not in messages or key in under_way:
        raise BrokenModuleError(f"computation {key} is missing or calls itself")
    message = messages[key]
    instructions: dict[int, Instruction] = {}
    for proto in message.instructions:
        calls = tuple(
            _build(called, messages, built, (*under_way, key))
            for called in proto.called_computation_ids
        )
        try:
            operands = tuple(instructions[operand] for operand in proto.operand_ids)
        except KeyError:
            raise BrokenModuleError(f"an operand of {proto.name} is missing") from None
        instructions[proto.id] = _instruction(proto, operands, calls)
    if message.root_id not in instructions:
        raise BrokenModuleError(f"the root of {message.name} is missing")
    built[key] = Computation(
        message.name, tuple(instructions.values()), instructions[message.root_id]
    )
    return built[key]


def _instruction(
    proto: Message, operands: tuple[Instruction, ...], calls: tuple[Computation, ...]
) -> Instruction:
    groups, group_size = _groups(proto)
    return Instruction(
        name=proto.name,
        opcode=proto.opcode,
        shape=_shape(proto.shape),
        operands=operands,
        calls=calls,
        op_name=proto.metadata.op_name,
        parameter_number=proto.parameter_number,
        tuple_index=proto.tuple_index,
        integers=_integers(proto.literal),
        comparison_direction=proto.comparison_direction,
        custom_call_target=proto.custom_call_target,
        channel=proto.channel_id,
        group_size=group_size,
        groups=groups,
        output_aliases=tuple(
            OutputAlias(
                tuple(alias.output_shape_index),
                alias.operand_index,
                tuple(alias.operand_shape_index),
            )
            for alias in proto.output_operand_aliasing
        ),
        summed_axes=tuple(proto.dot.lhs_contracting),
        convolution=_convolution(proto) if proto.opcode == "convolution" else None,
        backend_config=proto.backend_config.decode("utf-8", "replace"),
    )


def _convolution(proto: Message) -> Convolution:
    axes = proto.convolution
    windows = tuple(
        Window(
            operand_axis, result_axis, window.size, window.stride or 1, window.padding_low,
            window.window_dilation or 1, window.base_dilation or 1,
        )
        for operand_axis, result_axis, window in zip(
            axes.input_spatial, axes.output_spatial, proto.window.dimensions, strict=True
        )
    )  # fmt: skip
    return Convolution(
        axes.kernel_input_feature, axes.output_batch, axes.output_feature,
        proto.batch_group_count or 1, windows,
    )  # fmt: skip


def _shape(proto: Message) -> Shape:
    if proto.element_type == _TUPLE:
        return Shape("tuple", parts=tuple(_shape(part) for part in proto.tuple_shapes))
    if proto.element_type == _BUFFER and proto.tuple_shapes:
        return _shape(proto.tuple_shapes[0])
    name, bits = ELEMENT_TYPES.get(proto.element_type, ("token", 0))
    layout = Layout(
        minor_to_major=tuple(proto.layout.minor_to_major),
        tiles=tuple(tuple(tile.dimensions) for tile in proto.layout.tiles),
        memory_space=proto.layout.memory_space,
    )
    if len(layout.minor_to_major) != len(proto.dimensions):
        layout = Layout(tuple(reversed(range(len(proto.dimensions)))), (), layout.memory_space)
    bits = proto.layout.element_size_in_bits or bits
    return Shape(name, tuple(proto.dimensions), bits, layout)


def _integers(literal: Message) -> tuple[int, ...]:
    for values in (literal.s32s, literal.s64s, literal.u32s, literal.u64s):
        if values:
            return tuple(values)
    return tuple(literal.u8s)


def _groups(proto: Message) -> tuple[int, int]:
    """Groups of devices of a collective, and devices in each; (0, 0) where all take part."""
    devices = proto.collective_device_list
    for iota in (devices.iota_replica_group_list, proto.iota_groups):
        if iota.num_devices_per_group:
            return iota.num_replica_groups, iota.num_devices_per_group
    groups = devices.replica_groups or proto.replica_groups
    if groups:
        return len(groups), max(len(group.replica_ids) for group in groups)
    if proto.mesh_groups.axes:
        sizes = [axis.size for axis in proto.mesh_groups.mesh.axes]
        together = math.prod(
            axis.sub_axis_info.size or sizes[axis.mesh_axis_index]
            for axis in proto.mesh_groups.axes
        )
        return math.prod(sizes) // together, together
    return (0, 0)
