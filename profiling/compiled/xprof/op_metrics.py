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
from functools import lru_cache

from ....tpu_configs.chip import Chip
from ..hlo.module import Instruction, Module, Window

FLOP_PER_TERM = 2
"""A multiply-add."""

_LOOPS = frozenset({"while", "conditional"})
"""Their bodies are instructions of their own in the traffic."""

_PASSING = frozenset({"bitcast", "convert", "copy", "reshape", "transpose"})
"""What may stand between a product and its sum."""


def matmul_flops(module: Module) -> dict[str, int]:
    """Name -> FLOPs of one execution, of instructions outside fusions and inside; 0 left out."""
    flops: dict[Instruction, int] = {}
    for instruction in module.instructions():  # callees first
        own = _own_flops(instruction)
        # What a reduction calls is its sum, run for each element: counted with the reduction.
        called = () if own or instruction.opcode in _LOOPS else instruction.calls
        inside = sum(flops[one] for computation in called for one in computation.instructions)
        flops[instruction] = own + inside
    return {instruction.name: count for instruction, count in flops.items() if count}


def _own_flops(instruction: Instruction) -> int:
    match instruction.opcode:
        case "dot":
            left = instruction.operands[0].shape.dimensions
            terms = math.prod(left[axis] for axis in instruction.summed_axes)
            return FLOP_PER_TERM * math.prod(instruction.shape.dimensions) * terms
        case "convolution":
            return _convolution_flops(instruction)
        case "reduce":
            return _summed_product_flops(instruction)
    return 0


def _convolution_flops(instruction: Instruction) -> int:
    axes = instruction.convolution
    assert axes is not None
    left, kernel = (operand.shape.dimensions for operand in instruction.operands[:2])
    result = instruction.shape.dimensions
    terms = kernel[axes.kernel_feature] * math.prod(
        _positions(left[window.operand_axis], result[window.result_axis], window)
        for window in axes.windows
    )
    rows = result[axes.result_batch] // axes.batch_groups
    return FLOP_PER_TERM * rows * result[axes.result_feature] * terms


@lru_cache(maxsize=1024)
def _positions(inputs: int, outputs: int, window: Window) -> int:
    """How often a window's element meets one of the inputs, over all outputs: pairs of a window
    element k and an output o whose place o*stride + k*dilation - padding, in the base-dilated
    inputs, holds an input and is no hole."""
    stride, base, low = window.stride, window.base_dilation, window.padding_low
    if window.size == 1 and stride == base == 1 and low == 0:
        return min(inputs, outputs)
    last = (inputs - 1) * base
    period = base // math.gcd(stride, base)  # outputs from one that meets an input to the next
    pairs = 0
    for element in range(window.size):
        offset = element * window.dilation - low
        first = max(0, -(offset // stride))  # the first output at or behind the first input
        end = min(outputs, (last - offset) // stride + 1)
        near = range(first, min(first + period, end))
        start = next((output for output in near if (output * stride + offset) % base == 0), None)
        if start is not None:
            pairs += 1 + (end - 1 - start) // period
    return pairs


def _summed_product_flops(instruction: Instruction) -> int:
    """A sum of products is a matmul with one row; other reductions are none."""
    source = instruction.operands[0]
    while source.opcode in _PASSING:
        source = source.operands[0]
    return FLOP_PER_TERM * math.prod(source.shape.dimensions) if source.opcode == "multiply" else 0


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
    """The roof of one of the chip's JAX devices for matmuls of `dtype`. Raises ChipInputError for a
    dtype that is not known."""
    devices = chip.jax_devices
    return Roof(chip.peak_flops(dtype).flop_per_s / devices, chip.hbm_bandwidth / devices)
