"""What XProf shows of each instruction: matmul FLOPs, a category, and time at datasheet peaks.

Matmul FLOPs follow from shapes; they are the key by which counted FLOPs are shared out.

A TPU's compiler turns dots into convolutions, batched ones into convolutions with dilated
windows, and those with a single row into a multiplication that is summed. All three are found,
and only window positions that meet an element count, as in XLA's own HloCostAnalysis.

Names of categories are those of tsl/profiler/convert/xla_op_utils.h: XProf tells by them what is a
matmul, what communicates and what contains other operations.
"""

import math
from dataclasses import dataclass
from functools import cache

from google.protobuf.message import DecodeError

from ....tpu_configs.chip import Chip
from ..hlo.module import Instruction
from ..protobuf import Message, message_classes

FLOP_PER_TERM = 2
"""A multiply-add."""

_LOOPS = frozenset({"while", "conditional"})
"""Their bodies are instructions of their own in the traffic."""

_PASSING = frozenset({"bitcast", "convert", "copy", "reshape", "transpose"})
"""What may stand between a product and its sum."""

_CLASSES = message_classes(
    "rooflink_matmuls",
    {
        "Shape": {"dimensions": (3, "int64*")},
        "WindowDimension": {
            "size": (1, "int64"),
            "stride": (2, "int64"),
            "padding_low": (3, "int64"),
            "window_dilation": (5, "int64"),
            "base_dilation": (6, "int64"),
        },
        "Window": {"dimensions": (1, "WindowDimension*")},
        "DotDimensions": {"lhs_contracting": (1, "int64*")},
        "ConvolutionDimensions": {
            "kernel_input_feature": (3, "int64"),
            "output_batch": (9, "int64"),
            "output_feature": (10, "int64"),
            "input_spatial": (11, "int64*"),
            "output_spatial": (12, "int64*"),
        },
        "Instruction": {
            "name": (1, "string"),
            "opcode": (2, "string"),
            "shape": (3, "Shape"),
            "window": (15, "Window"),
            "convolution": (16, "ConvolutionDimensions"),
            "dot": (30, "DotDimensions"),
            "id": (35, "int64"),
            "operand_ids": (36, "int64*"),
            "called_computation_ids": (38, "int64*"),
            "batch_group_count": (61, "int64"),
        },
        "Computation": {
            "instructions": (2, "Instruction*"),
            "id": (5, "int64"),
        },
        "HloModule": {"computations": (3, "Computation*")},
        "Hlo": {"hlo_module": (1, "HloModule")},
    },
)


def matmul_flops(hlo_proto: bytes) -> dict[str, int]:
    """Name -> FLOPs of one execution, of instructions outside fusions and inside; 0 left out."""
    return _Counter(_module(hlo_proto)).by_name()


class _Counter:
    """FLOPs of instructions, what they call added."""

    def __init__(self, module: Message):
        self._computations = {one.id: one for one in module.computations}
        self._known: dict[int, int] = {}

    def by_name(self) -> dict[str, int]:
        by_name = {
            instruction.name: self._flops(instruction, by_id)
            for computation in self._computations.values()
            for by_id in [_by_id(computation)]
            for instruction in computation.instructions
        }
        return {name: flops for name, flops in by_name.items() if flops}

    def _flops(self, instruction: Message, by_id: dict[int, Message]) -> int:
        if instruction.opcode in _LOOPS:
            return 0
        own = _own_flops(instruction, by_id)
        # What a reduction calls is its sum, run for each element: counted with the reduction.
        called = () if own else instruction.called_computation_ids
        return own + sum(self._of_computation(number) for number in called)

    def _of_computation(self, number: int) -> int:
        if number not in self._known:
            computation = self._computations[number]
            by_id = _by_id(computation)
            self._known[number] = sum(self._flops(one, by_id) for one in computation.instructions)
        return self._known[number]


def _own_flops(instruction: Message, by_id: dict[int, Message]) -> int:
    if instruction.opcode == "dot":
        left = by_id[instruction.operand_ids[0]].shape.dimensions
        terms = math.prod(left[axis] for axis in instruction.dot.lhs_contracting)
        return FLOP_PER_TERM * math.prod(instruction.shape.dimensions) * terms
    if instruction.opcode == "convolution":
        return _convolution_flops(instruction, by_id)
    if instruction.opcode == "reduce":
        return _summed_product_flops(instruction, by_id)
    return 0


def _convolution_flops(instruction: Message, by_id: dict[int, Message]) -> int:
    axes = instruction.convolution
    left, kernel = (by_id[number].shape.dimensions for number in instruction.operand_ids[:2])
    result = instruction.shape.dimensions
    terms = kernel[axes.kernel_input_feature] * math.prod(
        _positions(left[one], result[other], window)
        for one, other, window in zip(
            axes.input_spatial, axes.output_spatial, instruction.window.dimensions, strict=True
        )
    )
    rows = result[axes.output_batch] // (instruction.batch_group_count or 1)
    return FLOP_PER_TERM * rows * result[axes.output_feature] * terms


def _positions(inputs: int, outputs: int, window: Message) -> int:
    """How often a window's element meets one of the inputs, over all outputs."""
    return _count_positions(
        inputs,
        outputs,
        window.size,
        window.stride or 1,
        window.padding_low,
        window.window_dilation or 1,
        window.base_dilation or 1,
    )


@cache
def _count_positions(
    inputs: int, outputs: int, size: int, stride: int, low: int, dilation: int, base: int
) -> int:
    """Pairs of a window element k and an output o whose place o*stride + k*dilation - low, in the
    base-dilated inputs, holds an input and is no hole."""
    if size == 1 and stride == base == 1 and low == 0:
        return min(inputs, outputs)
    last = (inputs - 1) * base
    period = base // math.gcd(stride, base)  # outputs from one that meets an input to the next
    pairs = 0
    for element in range(size):
        offset = element * dilation - low
        first = max(0, -(offset // stride))  # the first output at or behind the first input
        end = min(outputs, (last - offset) // stride + 1)
        near = range(first, min(first + period, end))
        start = next((output for output in near if (output * stride + offset) % base == 0), None)
        if start is not None:
            pairs += 1 + (end - 1 - start) // period
    return pairs


def _summed_product_flops(instruction: Message, by_id: dict[int, Message]) -> int:
    """A sum of products is a matmul with one row; other reductions are none."""
    source = by_id[instruction.operand_ids[0]]
    while source.opcode in _PASSING:
        source = by_id[source.operand_ids[0]]
    if source.opcode != "multiply":
        return 0
    return FLOP_PER_TERM * math.prod(source.shape.dimensions)


def _by_id(computation: Message) -> dict[int, Message]:
    return {one.id: one for one in computation.instructions}


def _module(hlo_proto: bytes) -> Message:
    kind = "Hlo" if is_whole(hlo_proto) else "HloModule"
    message = _CLASSES[kind].FromString(hlo_proto)
    module: Message = message.hlo_module if kind == "Hlo" else message
    return module


def is_whole(hlo_proto: bytes) -> bool:
    """Whether it is an HloProto, a module with what belongs to it, and no bare HloModuleProto.

    Both begin with field 1: a module in one, its name in the other.
    """
    try:
        return bool(_CLASSES["Hlo"].FromString(hlo_proto).hlo_module.computations)
    except DecodeError:
        return False


LOOP = "while"

_FORMATTING = frozenset(
    {"bitcast-convert", "concatenate", "copy", "pad", "reshape", "reverse", "slice", "transpose"}
)
_MATMULS = frozenset({"convolution", "dot"})
_NAMED_FUSIONS = (  # what a fusion is called after, the first that it has
    ("all-reduce", "all-reduce fusion"),
    ("reduce-scatter", "all-reduce-scatter fusion"),
    ("all-gather", "all-gather fusion"),
    ("convolution", "convolution fusion"),
    ("dot", "convolution fusion"),
    ("scatter", "scatter fusion"),
    ("gather", "gather fusion"),
)


def category(instruction: Instruction) -> str:
    """The category of an instruction, as XProf spells it."""
    if instruction.opcode == "fusion":
        inside = _opcodes(instruction)
        named = (name for opcode, name in _NAMED_FUSIONS if opcode in inside)
        formats = inside - {"parameter", "bitcast", "tuple"} <= _FORMATTING
        return next(named, "data formatting" if formats else "loop fusion")
    if instruction.opcode in _MATMULS:
        return "convolution"
    if instruction.opcode in _FORMATTING:
        return "data formatting"
    return instruction.opcode


def _opcodes(fusion: Instruction) -> set[str]:
    """Opcodes in a fusion, fusions inside it included."""
    opcodes: set[str] = set()
    for instruction in fusion.called.instructions:
        opcodes.add(instruction.opcode)
        if instruction.opcode == "fusion":
            opcodes |= _opcodes(instruction)
    return opcodes


PICOSECONDS = 10**12
SHORTEST_PS = 1
"""An event has a length: XProf drops those without."""


@dataclass(frozen=True)
class Roof:
    """Peaks of one device as JAX counts devices: a chip, or one core of it."""

    flop_per_s: float
    bytes_per_s: float  # of HBM

    def time_ps(self, flops: int, hbm_bytes: int) -> int:
        """The longer of FLOPs at peak and HBM bytes at full bandwidth: a bound, not a measurement.

        On-chip traffic, latency and what overlaps between instructions are left out.
        """
        seconds = max(flops / self.flop_per_s, hbm_bytes / self.bytes_per_s)
        return max(SHORTEST_PS, round(seconds * PICOSECONDS))


def roof_of(chip: Chip, dtype: str) -> Roof:
    """The roof of one of the chip's JAX devices for matmuls of `dtype`.

    Raises ChipInputError for a dtype that is not known.
    """
    devices = chip.jax_devices
    return Roof(chip.peak_flops(dtype).flop_per_s / devices, chip.hbm_bandwidth / devices)
