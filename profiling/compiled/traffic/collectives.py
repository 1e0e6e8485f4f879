"""Exchanges between devices."""

from collections.abc import Iterator

from ..hlo.module import Instruction

EXCHANGES = frozenset(
    {
        "all-gather", "all-reduce", "all-to-all", "collective-broadcast", "collective-permute",
        "ragged-all-to-all", "recv", "reduce-scatter", "send",
    }
)  # fmt: skip


def exchange_of(opcode: str) -> str | None:
    """'all-reduce' for 'all-reduce' and 'all-reduce-start'; None for what exchanges nothing."""
    name = opcode.removesuffix("-start")
    return name if name in EXCHANGES else None


def exchanges_in(instruction: Instruction) -> Iterator[Instruction]:
    """The exchanges that an instruction makes: itself, or those fused into it."""
    if exchange_of(instruction.opcode):
        yield instruction
    elif instruction.opcode == "fusion":
        for inner in instruction.called.instructions:
            yield from exchanges_in(inner)


def payload(exchange: Instruction) -> tuple[int, int]:
    """Logical bytes of operands and of results, of one device."""
    operands = sum(operand.shape.logical_bytes for operand in exchange.operands)
    shape = exchange.shape
    if exchange.opcode in ("all-gather-start", "collective-permute-start"):
        shape = shape.parts[1]  # (operands, results, contexts)
    elif exchange.opcode in ("send", "recv"):
        shape = shape.parts[0]
    return operands, shape.logical_bytes
