"""XProf's categories of operations, by which its profile groups them.

Names are those of tsl/profiler/convert/xla_op_utils.h: XProf tells by them what is a matmul, what
communicates and what contains other operations.
"""

from ..hlo.module import Instruction

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
    found: set[str] = set()
    for instruction in fusion.called.instructions:
        found.add(instruction.opcode)
        if instruction.opcode == "fusion":
            found |= _opcodes(instruction)
    return found
