"""module_from: a program's protobuf messages as a `Module`, checked on the way."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..protobuf import Message
from .checks import problem_of
from .module import Computation, Convolution, Instruction, Module, OutputAlias, Window
from .shape import COMBINED, ELEMENT_TYPES, HOST_SPACE, OPAQUE, Layout, Shape

_TUPLE = 13
_BUFFER = 34  # wraps an array, which is its only tuple shape
_UNBOUNDED = -(2**63)

MOST_INSTRUCTIONS = 80_000
"""Of a module, each 60 microseconds: a training step of a large model, unrolled, has a third."""
MOST_ARRAYS = 400_000
"""In the results of all its instructions: a loop's carry comes back in its tuples and bodies."""
MOST_EXPANDED = 200_000
"""Instructions of a computation, with those of all that it calls at each place that calls it."""
MOST_NESTED = 64
"""Computations that call one another, from the entry down."""
MOST_FUSED = 8
"""Fusions inside one another; compilers make three."""
_TOO_DEEP = f"more than {MOST_NESTED} computations call one another"
_LARGEST_BITS = 2**63


class BrokenModuleError(ValueError):
    """The message does not hold a whole program: says what is missing or contradicts itself."""


class UnboundedError(BrokenModuleError):
    """An array's size is not in the program."""


def module_from(proto: Message) -> Module:
    """The program in an HloModuleProto, checked: what reads it can rely on each opcode's operands,
    calls and shapes. Raises BrokenModuleError for anything else."""
    if not proto.computations:
        raise BrokenModuleError("no computations")
    if sum(len(one.instructions) for one in proto.computations) > MOST_INSTRUCTIONS:
        raise BrokenModuleError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
    builder = _Builder(proto)
    for key in builder.messages:
        builder.computation(key, ())
    entry = builder.built.get(proto.entry_computation_id)
    if entry is None:
        raise BrokenModuleError("no entry computation")
    return Module(proto.name, tuple(builder.built.values()), entry)


class Extent(NamedTuple):
    """How far a computation reaches."""

    instructions: int  # with those of what it calls, at each place that calls it
    depth: int  # of calls
    fusions: int  # inside one another


class _Builder:
    """Computations of one module, by their numbers."""

    def __init__(self, proto: Message) -> None:
        self.on_gpu = _on_gpu(proto)
        self.messages: dict[int, Message] = {one.id: one for one in proto.computations}
        self.built: dict[int, Computation] = {}
        self.extents: dict[Computation, Extent] = {}
        self.arrays = 0
        self.shapes: dict[bytes, Shape] = {}

    def computation(self, key: int, under_way: tuple[int, ...]) -> Computation:
        """The computation with id `key`, those that it calls first."""
        if key in self.built:
            return self.built[key]
        if key not in self.messages or key in under_way:
            raise BrokenModuleError(f"computation {key} is missing or calls itself")
        if len(under_way) >= MOST_NESTED:
            raise BrokenModuleError(_TOO_DEEP)
        message = self.messages[key]
        numbered: dict[int, Instruction] = {}
        for proto in message.instructions:
            if proto.id in numbered:
                raise BrokenModuleError(f"two instructions have the number {proto.id}")
            numbered[proto.id] = self._instruction(proto, numbered, (*under_way, key))
        if message.root_id not in numbered:
            raise BrokenModuleError(f"the root of {message.name} is missing")
        instructions = tuple(numbered.values())
        numbers = [one.parameter_number for one in instructions if one.opcode == "parameter"]
        if sorted(numbers) != list(range(len(numbers))):
            raise BrokenModuleError(f"the parameters of {message.name} are not numbered from 0")
        built = Computation(message.name, instructions, numbered[message.root_id])
        self.extents[built] = self._extent(instructions)
        self.built[key] = built
        return built

    def _instruction(
        self, proto: Message, before: Mapping[int, Instruction], under_way: tuple[int, ...]
    ) -> Instruction:
        calls = tuple(
            self.computation(called, under_way) for called in proto.called_computation_ids
        )
        try:
            operands = tuple(before[operand] for operand in proto.operand_ids)
        except KeyError:
            raise BrokenModuleError(f"an operand of {proto.name} is missing") from None
        instruction = _instruction(proto, self.shape(proto.shape), operands, calls)
        self.arrays += len(instruction.shape.leaves)
        if self.arrays > MOST_ARRAYS:
            raise BrokenModuleError(f"it has more than {MOST_ARRAYS:,} arrays")
        if problem := problem_of(instruction):
            raise BrokenModuleError(f"{instruction.opcode} %{instruction.name} {problem}")
        return instruction

    def _extent(self, instructions: tuple[Instruction, ...]) -> Extent:
        """Of a computation. Raises BrokenModuleError where it would take too long to read."""
        size, depth, fusions = len(instructions), 0, 0
        for one in instructions:
            for inner in (self.extents[called] for called in one.calls):
                size, depth = size + inner.instructions, max(depth, inner.depth)
                if one.opcode == "fusion":
                    fusions = max(fusions, inner.fusions + 1)
        if depth >= MOST_NESTED:
            raise BrokenModuleError(_TOO_DEEP)
        if fusions > MOST_FUSED:
            raise BrokenModuleError(f"more than {MOST_FUSED} fusions are inside one another")
        if size > MOST_EXPANDED:
            raise BrokenModuleError(f"its calls expand to more than {MOST_EXPANDED:,} instructions")
        return Extent(size, depth + 1, fusions)

    def shape(self, proto: Message) -> Shape:
        """The shape in a message; equal ones are one object."""
        key = proto.SerializeToString()
        if key not in self.shapes:
            if proto.element_type == _TUPLE:
                parts = tuple(map(self.shape, proto.tuple_shapes))
                self.shapes[key] = Shape("tuple", parts=parts)
            elif proto.element_type == _BUFFER and proto.tuple_shapes:
                self.shapes[key] = self.shape(proto.tuple_shapes[0])
            else:
                self.shapes[key] = _array(proto, self.on_gpu)
        return self.shapes[key]


_GPU_CONFIGS = (
    b'"operation_queue_id"', b'"wait_on_operation_queues"', b'"collective_backend_config"',
    b'"fusion_backend_config"', b'"gemm_backend_config"', b'"cudnn_conv_backend_config"',
    b'"cudnn_fmha_backend_config"', b'"bitcast_backend_config"', b'"reification_cost"',
    b'"force_earliest_schedule"', b'"is_sync"', b'"is_pipelined"', b'"triton_gemm_config"',
    b'"block_level_fusion_config"',
)  # fmt: skip
_GPU_CALL = re.compile(
    r"__(cublas|cudnn|cub|triton|cusolver|cusparse|rocblas|hipblas|gpu)|cu(solver|blas|dnn|_)|"
    r"(hip|roc)(solver|blas)|triton_kernel_call|xla\.gpu\.|mosaic_gpu|te_\w+_ffi"
)
_GPU_ATTRIBUTE = "fingerprint_before_lhs"


def _on_gpu(proto: Message) -> bool:
    """Whether a GPU's compiler wrote the program rather than a TPU's: no field says so, but its
    backend configurations, the libraries that it calls and its layouts do."""
    if any(one.key == _GPU_ATTRIBUTE for one in proto.frontend_attributes.map):
        return True
    instructions = [one for computation in proto.computations for one in computation.instructions]
    if any(
        _GPU_CALL.match(one.custom_call_target)
        or any(key in one.backend_config for key in _GPU_CONFIGS)
        for one in instructions
        if one.custom_call_target or one.backend_config
    ):
        return True
    return not any(_is_tiled(one.shape) for one in instructions)


def _is_tiled(shape: Message) -> bool:
    """Whether an array in it has tiles, as all have that the TPU's compiler lays out."""
    return bool(shape.layout.tiles) or any(map(_is_tiled, shape.tuple_shapes))


def _instruction(
    proto: Message,
    shape: Shape,
    operands: tuple[Instruction, ...],
    calls: tuple[Computation, ...],
) -> Instruction:
    groups, group_size = _groups(proto)
    return Instruction(
        name=proto.name,
        opcode=proto.opcode,
        shape=shape,
        operands=operands,
        calls=calls,
        op_name=proto.metadata.op_name,
        parameter_number=proto.parameter_number,
        tuple_index=proto.tuple_index,
        integer=_integer(proto.literal),
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
    axes, sizes = proto.convolution, proto.window.dimensions
    if not len(axes.input_spatial) == len(axes.output_spatial) == len(sizes):
        raise BrokenModuleError(f"convolution %{proto.name} has a window of other axes")
    windows = tuple(
        Window(
            operand_axis, result_axis, window.size, window.stride or 1, window.padding_low,
            window.window_dilation or 1, window.base_dilation or 1,
        )
        for operand_axis, result_axis, window in zip(
            axes.input_spatial, axes.output_spatial, sizes, strict=True
        )
    )  # fmt: skip
    return Convolution(
        axes.kernel_input_feature, axes.output_batch, axes.output_feature,
        proto.batch_group_count or 1, windows,
    )  # fmt: skip


def _array(proto: Message, on_gpu: bool) -> Shape:
    if proto.element_type in OPAQUE:
        return Shape("token")
    if proto.element_type not in ELEMENT_TYPES:
        raise BrokenModuleError(f"an element type has the unknown number {proto.element_type}")
    name, bits = ELEMENT_TYPES[proto.element_type]
    dimensions = tuple(proto.dimensions)
    if _UNBOUNDED in dimensions:
        sizes = ",".join("?" if size == _UNBOUNDED else str(size) for size in dimensions)
        raise UnboundedError(f"{name}[{sizes}]")
    bits = proto.layout.element_size_in_bits or bits
    layout, dynamic = _layout(proto, on_gpu), any(proto.is_dynamic_dimension)
    shape = Shape(name, dimensions, bits, layout, dynamic=dynamic)
    whole = min(dimensions, default=0) >= 0 and 0 < bits <= 128
    if not (whole and math.prod(dimensions) * bits < _LARGEST_BITS):
        raise BrokenModuleError(f"an array is {shape}")
    if shape.padded_bytes * 8 >= _LARGEST_BITS:
        raise BrokenModuleError(f"the tiles of {shape} are too large")
    return shape


def _layout(proto: Message, on_gpu: bool) -> Layout:
    order = tuple(proto.layout.minor_to_major)
    space = proto.layout.memory_space
    if on_gpu and space != HOST_SPACE:
        space = 0
    if sorted(order) != list(range(len(proto.dimensions))):
        return Layout(tuple(reversed(range(len(proto.dimensions)))), (), space)
    tiles = tuple(tuple(tile.dimensions) for tile in proto.layout.tiles)
    if any(size < 1 and size != COMBINED for tile in tiles for size in tile):
        raise BrokenModuleError("a tile has a side below 1")
    return Layout(order, tiles, space)


def _integer(literal: Message) -> int | None:
    for values in (literal.s32s, literal.s64s, literal.u32s, literal.u64s, literal.preds):
        if len(values) == 1:
            return int(values[0])
    for data, size, signed in (
        (literal.s8s, 1, True), (literal.u8s, 1, False), (literal.s16s, 2, True),
        (literal.u16s, 2, False),
    ):  # fmt: skip
        if len(data) == size:
            return int.from_bytes(data, "little", signed=signed)
    if len(literal.u4s) == 1:
        return int(literal.u4s[0] & 15)
    if len(literal.s4s) == 1:
        return int((literal.s4s[0] & 15 ^ 8) - 8)
    return None


def _groups(proto: Message) -> tuple[int, int]:
    """Groups of devices of a collective, and devices in each; (0, 0) where all take part."""
    devices = proto.collective_device_list
    for iota in (devices.iota_replica_group_list, proto.iota_groups):
        if iota.num_devices_per_group > 0:
            return iota.num_replica_groups, iota.num_devices_per_group
    groups = devices.replica_groups or proto.replica_groups
    if groups:
        return len(groups), max(len(group.replica_ids) for group in groups)
    if proto.mesh_groups.axes:
        sizes = [axis.size for axis in proto.mesh_groups.mesh.axes]
        axes = proto.mesh_groups.axes
        if all(0 <= axis.mesh_axis_index < len(sizes) for axis in axes):
            together = math.prod(
                axis.sub_axis_info.size or sizes[axis.mesh_axis_index] for axis in axes
            )
            if together > 0:
                return math.prod(sizes) // together, together
        raise BrokenModuleError(f"the groups of {proto.name} name no axes of its mesh")
    return (0, 0)
