"""The device's plane of a session: phases as steps, their programs, and the programs' operations.

A phase's counted FLOPs are shared out over its instructions, to the last one. `PhaseRows` writes
each phase as a single operation instead: a row a phase in XProf's tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, count, pairwise

from ....tpu_configs.chip import Chip
from ..hlo.module import Instruction, Module
from ..hlo.proto import parse_module
from ..protobuf import Message
from ..traffic.accesses import cost_estimate
from ..traffic.traffic import HBM, UNATTRIBUTED, Direction, InstructionTraffic, ModuleTraffic
from .op_metrics import LOOP, Roof, category, matmul_flops
from .xplane import NO_STATS, MemoryAccessBreakdown, PlaneWriter, Stats, Value


@dataclass(frozen=True)
class PhaseProgram:
    """One phase's program: figures are those of one device over one call.

    `flops` are the counted lens's, a multiply-add being 2. `assigned_proto` is the HloProto with
    the buffer assignment, the dump named `*.after_optimizations.hlo.pb` of `xla_dump_hlo_as_proto`:
    XProf's viewers get it in place of `hlo_proto`, if it is there.
    """

    name: str
    traffic: ModuleTraffic
    flops: int
    hlo_proto: bytes = field(repr=False)  # an HloModuleProto, or an HloProto
    assigned_proto: bytes = field(default=b"", repr=False)
    passes: int = 1  # through the model in one call

    @cached_property
    def module(self) -> Module:
        """The program. Raises ProfileInputError where the bytes hold none."""
        return parse_module(self.hlo_proto, f"the program of {self.name}")


def row_flops(phase: PhaseProgram) -> list[int]:
    """FLOPs of each row over all its executions; their sum is `phase.flops`.

    Each row gets its part by the matmul FLOPs that its shapes show; where no row has any, by the
    bytes that it touches. Nothing is lost to rounding.
    """
    rows = phase.traffic.rows
    by_name = matmul_flops(phase.module)
    parts = [row.times * _of_one(row, phase.module, by_name) for row in rows]
    if not any(parts):
        parts = [row.bytes(None) for row in rows]
    if not any(parts):
        parts = [1] * len(rows)
    upto = [phase.flops * part // sum(parts) for part in accumulate(parts)]
    return [now - before for before, now in pairwise((0, *upto))]


def _of_one(row: InstructionTraffic, module: Module, by_name: dict[str, int]) -> int:
    """Matmul FLOPs of one execution, of a Pallas kernel those that it states; 0 if none."""
    if row.opcode == "custom-call":
        return cost_estimate(module.instruction(row.name), "flops") or 0
    return by_name.get(row.name, 0)


LABEL = "predicted"
BASIS = "predicted, not measured: max(FLOPs / peak, HBM bytes / bandwidth) by the datasheet"
"""On every event: what its duration is."""

_PLANE = "/device:TPU:0"  # XProf knows a TPU by this very name
_XPROFS_LINES = ("Steps", "XLA Modules", "XLA Ops")
_LOOPS = "Loops"  # apart: XProf's op profile divides by the time of all events on its line of
# operations, so that a loop's would count what is inside it twice
_MEMORY_SPACES = {HBM: 1, "CMEM": 2, "VMEM": 3}  # XProf's PerformanceInfo.MemorySpace
_DIRECTIONS: dict[Direction, int] = {"read": 1, "write": 2}  # its OperationType
_LONGEST_NAME = 160
_GAP_PS = 1000  # between phases: what begins where a step ends, XProf takes for a part of it


class DevicePlane:
    """Writes phases one after another, each behind the one before, for one device of `chip`."""

    def __init__(self, plane: Message, chip: Chip, roof: Roof) -> None:
        self.roof, self.now_ps = roof, 0
        self.steps = 0  # XProf numbers them itself, from 0, and ours must be the same
        self.symbols = count(1)  # XProf merges operations with the same number
        self.writer = PlaneWriter(plane, 1, _PLANE)
        self.writer.set_stats(
            {
                "device_type_string": f"{chip.name} ({LABEL})",
                "peak_teraflops_per_second": roof.flop_per_s / 1e12,
                "peak_hbm_bw_gigabytes_per_second": roof.bytes_per_s / 1e9,
                "has_merged_vmem": 1,
                "has_megacore": 0,
            }
        )
        self.lines = {name: self.writer.add_line(name) for name in (*_XPROFS_LINES, _LOOPS)}

    def add(self, phase: PhaseProgram, program: int, title: str) -> None:
        """Write a phase as a step, a run of its program, and the program's operations."""
        start = self.now_ps
        self._operations(phase, program)
        length = self.now_ps - start
        common: dict[str, Value] = {
            "group_id": self.steps,
            "phase": phase.name,
            "passes": phase.passes,
            "basis": BASIS,
        }
        step = self.writer.add_kind(str(self.steps))
        at = {"step_num": self.steps, **common}
        self.writer.add_event(self.lines["Steps"], step, start, length, at)
        module = self.writer.add_kind(title)
        at = {"run_id": program, "program_id": program, **common}
        self.writer.add_event(self.lines["XLA Modules"], module, start, length, at)
        self.steps += 1
        self.now_ps += _GAP_PS

    def _operations(self, phase: PhaseProgram, program: int) -> None:
        """One event an instruction, all its executions together, beneath its loops' events."""
        open_loops: list[tuple[str, Message, int]] = []
        for row, flops in zip(phase.traffic.rows, row_flops(phase), strict=True):
            self._close(open_loops, row.loops)
            for name in row.loops[len(open_loops) :]:
                event = self._event(self._loop_kind(name, program), 0, line=_LOOPS)
                open_loops.append((name, event, self.now_ps))
            kind = self._row_kind(phase, row, flops, program)
            hbm_bytes = row.bytes(HBM)
            duration = self.roof.time_ps(flops, hbm_bytes)
            counts = {"executions": row.times, "compiler_cycles": row.cycles * row.times}
            self._event(kind, duration, counts)
            self.now_ps += duration
        self._close(open_loops, ())

    def _close(self, open_loops: list[tuple[str, Message, int]], still: tuple[str, ...]) -> None:
        """End the loops that are not among the outermost ones in `still`."""
        while open_loops and tuple(name for name, _, _ in open_loops) != still[: len(open_loops)]:
            _, event, start = open_loops.pop()
            event.duration_ps = self.now_ps - start

    def _event(
        self, kind: int, duration_ps: int, counts: Stats = NO_STATS, line: str = "XLA Ops"
    ) -> Message:
        stats = {"group_id": self.steps, "basis": BASIS, **counts}
        return self.writer.add_event(self.lines[line], kind, self.now_ps, duration_ps, stats)

    def _loop_kind(self, name: str, program: int) -> int:
        symbol = next(self.symbols)
        stats: Stats = {"hlo_category": LOOP, "program_id": program, "symbol_id": symbol}
        return self.writer.add_kind(f"%{name} = while", stats, name)

    def _row_kind(
        self, phase: PhaseProgram, row: InstructionTraffic, flops: int, program: int
    ) -> int:
        instruction = phase.module.instruction(row.name)
        stats: Stats = {
            "hlo_category": category(instruction),
            "flops": flops,
            "model_flops": flops,
            "bytes_accessed": row.bytes(None),
            "memory_access_breakdown": breakdown([row]),
            "tf_op": _scope_path(phase, row) + ":",  # XProf wants name:type
            "program_id": program,
            "symbol_id": next(self.symbols),
        }
        return self.writer.add_kind(_text(instruction), stats, row.name)


def _text(instruction: Instruction) -> str:
    """The instruction as HLO has it, cut where it gets long."""
    operands = ", ".join(f"%{one.name}" for one in instruction.operands)
    text = f"%{instruction.name} = {instruction.shape} {instruction.opcode}({operands})"
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 3] + "..."


def _scope_path(phase: PhaseProgram, row: InstructionTraffic) -> str:
    """The path of named scopes: 'think/attention/scores'."""
    first = phase.name if row.phase == UNATTRIBUTED else row.phase
    return f"{first}/{row.scope or UNATTRIBUTED}"


def breakdown(rows: Sequence[InstructionTraffic]) -> bytes:
    """Bytes by memory and direction over all executions; memories XProf does not know left out."""
    message = MemoryAccessBreakdown()
    for space, number in _MEMORY_SPACES.items():
        for direction, operation in _DIRECTIONS.items():
            moved = sum(row.bytes(space, direction=direction) for row in rows)
            if moved:
                message.memory_accessed.add(
                    operation_type=operation, memory_space=number, bytes_accessed=moved
                )
    data: bytes = message.SerializeToString()
    return data


CATEGORY = "phase"


class PhaseRows(DevicePlane):
    """Writes a phase as one operation of the phase's name, FLOPs, bytes and predicted time.

    `xprof get_roofline_model` and its kin list operations and leave steps out, so that only an
    operation makes a row there.
    """

    def _operations(self, phase: PhaseProgram, program: int) -> None:
        rows = phase.traffic.rows
        duration = sum(
            self.roof.time_ps(flops, row.bytes(HBM))
            for row, flops in zip(rows, row_flops(phase), strict=True)
        )
        kind = self.writer.add_kind(
            f"%{phase.name} = {CATEGORY}",
            {
                "hlo_category": CATEGORY,
                "flops": phase.flops,
                "model_flops": phase.flops,
                "bytes_accessed": sum(row.bytes(None) for row in rows),
                "memory_access_breakdown": breakdown(rows),
                "tf_op": f"{phase.name}:",
                "program_id": program,
                "symbol_id": next(self.symbols),
            },
            phase.name,
        )
        self._event(kind, duration, {"executions": 1})
        self.now_ps += duration
