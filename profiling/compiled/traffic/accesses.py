"""What one execution of an instruction reads and writes: memory space, kind of data, bytes.

Exchanges between devices have rules of their own. What runs inside custom calls is not HLO: their
traffic is what they state.
"""

from collections.abc import Iterator
from dataclasses import replace

from ...predicted.step.collectives import collective_of, starts_with_tuple
from ..hlo.module import Instruction
from ..hlo.shape import Shape, memory_space_name
from .buffers import Origins
from .sources import Path
from .spans import NONE, NOTHING, Span, read_of_operand, write_of_result
from .traffic import COLLECTIVE_DATA, COPY_OF, HBM, Access, Direction


def exchanges_in(instruction: Instruction) -> Iterator[Instruction]:
    """The exchanges that an instruction makes: itself, or those fused into it."""
    if collective_of(instruction.opcode):
        yield instruction
    elif instruction.opcode == "fusion":
        for inner in instruction.called.instructions:
            yield from exchanges_in(inner)


def payload(exchange: Instruction) -> tuple[int, int]:
    """Logical bytes of operands and of results, of one device."""
    operands = sum(operand.shape.logical_bytes for operand in exchange.operands)
    shape = exchange.shape
    if starts_with_tuple(exchange.opcode):
        shape = shape.parts[1]
    elif exchange.opcode in ("send", "recv"):
        shape = shape.parts[0]
    return operands, shape.logical_bytes


MOVE_NOTHING = frozenset(
    {
        "AllocateBuffer", "AssumeGatherIndicesInBound", "ConcatBitcast", "SPMDFullToShardShape",
        "SPMDShardToFullShape", "Sharding", "SliceToDynamic", "annotate_device_placement",
    }
)  # fmt: skip
"""Targets that only name, reserve or reinterpret memory."""


def cost_estimate(call: Instruction, figure: str) -> int | None:
    """'flops' or 'bytes_accessed' that a Pallas (Mosaic) kernel states of itself, by
    `pallas_call(cost_estimate=...)`; None if it does not."""
    config = call.config.get("custom_call_config")
    estimate = config.get("cost_estimate") if isinstance(config, dict) else None
    value = str(estimate.get(figure, "")) if isinstance(estimate, dict) else ""
    return int(value) if value.isdigit() else None


COPYING = frozenset({"copy", "copy-start", "transpose"})
"""Opcodes that only move data, whatever it is."""


_BYTES = ("s8", "u8")


class AccessReader:
    def __init__(self, origins: Origins):
        self._origins = origins

    def accesses(self, instruction: Instruction) -> tuple[Access, ...]:
        """Reads and writes of one execution, merged by direction, space and kind."""
        accesses = [*self._reads(instruction), *self._writes(instruction)]
        if instruction.opcode == "custom-call":
            accesses = _scaled_to_estimate(instruction, accesses)
        if next(exchanges_in(instruction), None) is not None:
            accesses = [replace(access, kind=COLLECTIVE_DATA) for access in accesses]
        else:
            copied = self._copied_kinds(instruction, accesses)
            accesses = [
                replace(access, kind=COPY_OF + access.kind)
                if access.space == HBM and access.kind in copied
                else access
                for access in accesses
            ]
        return _merged(accesses)

    def only_moves(self, instruction: Instruction) -> bool:
        """Whether its result holds the very data of an operand: a copy, slice or conversion."""
        if instruction.opcode in COPYING or instruction.opcode in ("dynamic-slice", "slice"):
            return True
        return any(self._passed_on(instruction))

    def arguments(self, instruction: Instruction) -> tuple[str, ...]:
        holders = [
            (one, path)
            for one in (*instruction.operands, instruction)
            for path, _ in one.shape.leaves
        ]
        names = [self._origins.argument(*holder) for holder in holders]
        return tuple(dict.fromkeys(name for name in names if name))

    def _reads(self, instruction: Instruction) -> Iterator[Access]:
        for index, operand in enumerate(instruction.operands):
            share = read_of_operand(instruction, index)
            for path, shape in operand.shape.leaves:
                span = Span.of(shape, share)
                kind = self._origins.kind(operand, path)
                yield _access("read", shape, kind, span)

    def _writes(self, instruction: Instruction) -> Iterator[Access]:
        if instruction.opcode == "send":  # (the operand itself, context, token)
            return
        if instruction.opcode in ("copy-start", "infeed", "recv"):  # (result, ...)
            part: Path = (0,)
        else:
            part = (1,) if starts_with_tuple(instruction.opcode) else ()
        for path, shape, span in write_of_result(instruction):
            if path[: len(part)] == part and not self._is_scratch(instruction, path):
                yield _access("write", shape, self._origins.kind(instruction, path), span)

    def _is_scratch(self, call: Instruction, path: Path) -> bool:
        """Whether a result is memory that a library only works in: bytes beside other results that
        nobody reads."""
        if call.opcode != "custom-call" or not path:
            return False
        read = [self._origins.is_read(call, index) for index in range(len(call.shape.parts))]
        shape = call.shape.parts[path[0]]
        return shape.element_type in _BYTES and any(read) and not read[path[0]]

    def _passed_on(self, instruction: Instruction) -> Iterator[tuple[Instruction, Path]]:
        """Operands whose data the result holds anew, where the caller named that data.

        A result that is but updated in place holds nothing anew.
        """
        if not any(
            self._origins.is_named(instruction, path) for path, _ in instruction.shape.leaves
        ):
            return
        for path, shape, span in write_of_result(instruction):
            if span != Span.of(shape) or not self._origins.is_named(instruction, path):
                continue
            for index, operand in enumerate(instruction.operands):
                for operand_path, _ in operand.shape.leaves:
                    same = self._origins.same(instruction, path, operand, operand_path)
                    if same and read_of_operand(instruction, index) != NONE:
                        yield operand, operand_path

    def _copied_kinds(self, instruction: Instruction, accesses: list[Access]) -> set[str]:
        """Kinds of data that it writes to HBM anew, computing nothing from them.

        What is only fetched from HBM to a nearer memory is no copy: that is how it is read.
        """
        if not any(a.direction == "write" and a.space == HBM and a.padded for a in accesses):
            return set()
        if instruction.opcode in COPYING:
            return {access.kind for access in accesses}
        return {self._origins.kind(*passed) for passed in self._passed_on(instruction)}


def _access(direction: Direction, shape: Shape, kind: str, span: Span) -> Access:
    space = memory_space_name(shape.memory_space)
    return Access(direction, space, kind, span.logical, span.padded)


def _merged(accesses: list[Access]) -> tuple[Access, ...]:
    sums: dict[tuple[Direction, str, str], Span] = {}
    for access in accesses:
        key = (access.direction, access.space, access.kind)
        sums[key] = sums.get(key, NOTHING) + Span(access.logical, access.padded)
    return tuple(
        Access(*key, span.logical, span.padded) for key, span in sums.items() if span != NOTHING
    )


def _scaled_to_estimate(call: Instruction, accesses: list[Access]) -> list[Access]:
    """Operands and results scaled to the bytes that the kernel says it accesses.

    The estimate does not tell memory spaces or reads and writes apart: each keeps its share.
    """
    estimate = cost_estimate(call, "bytes_accessed")
    whole = sum(access.logical for access in accesses)
    if estimate is None or not whole:
        return accesses
    scale = estimate / whole
    return [
        replace(access, logical=round(access.logical * scale), padded=round(access.padded * scale))
        for access in accesses
    ]
