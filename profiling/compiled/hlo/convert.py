"""From protobuf messages to linked dataclasses."""

import math
from typing import Any

from .module import Computation, Instruction, Module, OutputAlias
from .shape import ELEMENT_TYPES, Layout, Shape

_TUPLE = 13
_BUFFER = 34  # wraps an array, which is its only tuple shape


class BrokenModuleError(ValueError):
    """The message does not hold a whole program."""


def module_from(proto: Any) -> Module:
    """The program in an HloModuleProto; BrokenModuleError where parts of it are missing."""
    if not proto.computations:
        raise BrokenModuleError("no computations")
    messages = {message.id: message for message in proto.computations}
    made: dict[int, Computation] = {}
    for key in messages:
        _make(key, messages, made, ())
    try:
        entry = made[proto.entry_computation_id]
    except KeyError:
        raise BrokenModuleError("no entry computation") from None
    return Module(proto.name, tuple(made.values()), entry)


def _make(
    key: int, messages: dict[int, Any], made: dict[int, Computation], under_way: tuple[int, ...]
) -> Computation:
    """The computation with id `key`, those that it calls first."""
    if key in made:
        return made[key]
    if key not in messages or key in under_way:
        raise BrokenModuleError(f"computation {key} is missing or calls itself")
    message = messages[key]
    instructions: dict[int, Instruction] = {}
    for proto in message.instructions:
        calls = tuple(
            _make(called, messages, made, (*under_way, key))
            for called in proto.called_computation_ids
        )
        try:
            operands = tuple(instructions[operand] for operand in proto.operand_ids)
        except KeyError:
            raise BrokenModuleError(f"an operand of {proto.name} is missing") from None
        instructions[proto.id] = _instruction(proto, operands, calls)
    if message.root_id not in instructions:
        raise BrokenModuleError(f"the root of {message.name} is missing")
    made[key] = Computation(
        message.name, tuple(instructions.values()), instructions[message.root_id]
    )
    return made[key]


def _instruction(
    proto: Any, operands: tuple[Instruction, ...], calls: tuple[Computation, ...]
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
        backend_config=proto.backend_config.decode("utf-8", "replace"),
    )


def _shape(proto: Any) -> Shape:
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


def _integers(literal: Any) -> tuple[int, ...]:
    for values in (literal.s32s, literal.s64s, literal.u32s, literal.u64s):
        if values:
            return tuple(values)
    return tuple(literal.u8s)


def _groups(proto: Any) -> tuple[int, int]:
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
