"""The walk through a compiled program in the order in which it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..hlo.module import Computation, Instruction, Module
from .accesses import MOVE_NOTHING, AccessReader, cost_estimate, exchanges_in, payload
from .buffers import Origins, runs_what_it_calls
from .scopes import Place, place_around, place_of, place_of_module
from .traffic import HBM, Collective, InstructionTraffic, Loop, ModuleTraffic, UnknownCall
from .trip_counts import CallSites, LoopReader, body_and_condition

FREE = frozenset(
    {
        "add-dependency", "after-all", "async-done", "async-update", "bitcast", "constant",
        "copy-done", "domain", "get-tuple-element", "opt-barrier", "parameter", "partition-id",
        "recv-done", "replica-id", "send-done", "tuple",
    }
)  # fmt: skip
"""Opcodes that move nothing: they name data or wait for it."""

_NO_ESTIMATE = 2**63 - 1
"""libtpu writes the largest int64 where it has no estimate of the cycles."""


def module_traffic(
    module: Module,
    parameter_kinds: Mapping[int, str] | None = None,
    trips: Mapping[str, int] | None = None,
) -> ModuleTraffic:
    """What one device moves in one run of `module`.

    `parameter_kinds` says which parameters of the entry computation hold weights, KV cache or
    whatever the caller tells apart, by number (see `buffers`). `trips` sets the trips of loops by
    name, for those that only a run knows. Loops that end when the data says so count as if they
    reached their bound.
    """
    walk = _Walk(module, parameter_kinds, trips or {})
    walk.computation(module.entry, _Context(1, (), place_of_module(module)))
    return ModuleTraffic(module.name, *map(tuple, walk.gathered))


@dataclass(frozen=True)
class _Context:
    """How often the place under way runs, in which loops, for which part of the model."""

    times: int
    loops: tuple[str, ...]
    around: Place


class _Walk:
    """Rows gathered along the way."""

    def __init__(
        self, module: Module, kinds: Mapping[int, str] | None, trips: Mapping[str, int]
    ) -> None:
        self.rows: list[InstructionTraffic] = []
        self.loops: list[Loop] = []
        self.collectives: list[Collective] = []
        self.unknown_calls: list[UnknownCall] = []
        self.gathered: tuple[list[Any], ...] = (
            self.rows, self.loops, self.collectives, self.unknown_calls
        )  # fmt: skip
        self._accesses = AccessReader(Origins(module, kinds))
        self._loop_reader = LoopReader(CallSites(module), trips)

    def computation(self, computation: Computation, context: _Context) -> None:
        for instruction in computation.instructions:
            self._instruction(instruction, computation, context)

    def _instruction(self, instruction: Instruction, home: Computation, context: _Context) -> None:
        opcode = instruction.opcode
        if opcode in FREE or instruction.custom_call_target in MOVE_NOTHING:
            return
        if opcode == "while":
            self._loop(instruction, context)
        elif opcode == "conditional":
            self._branches(instruction, context)
        elif opcode in ("call", "async-start") or (
            opcode == "custom-call" and runs_what_it_calls(instruction)
        ):
            place = place_of(instruction, home, context.around, only_moves=True)
            self.computation(instruction.called, replace(context, around=place))
        else:
            self._leaf(instruction, home, context)

    def _loop(self, loop: Instruction, context: _Context) -> None:
        trips = self._loop_reader.trips(loop)
        around = place_around(loop, context.around)
        self.loops.append(
            Loop(
                loop.name, trips.count, trips.source, trips.early_exit, trips.reason,
                context.times, around.scope,
            )
        )  # fmt: skip
        body, condition = body_and_condition(loop)
        loops = (*context.loops, loop.name)
        self.computation(body, _Context(context.times * trips.count, loops, around))
        self.computation(condition, _Context(context.times * (trips.count + 1), loops, around))

    def _branches(self, conditional: Instruction, context: _Context) -> None:
        """The branch that moves most HBM bytes stands for all."""
        before = [len(rows) for rows in self.gathered]
        taken = []
        for branch in conditional.calls:
            self.computation(branch, context)
            taken.append([rows[n:] for rows, n in zip(self.gathered, before, strict=True)])
            for rows, n in zip(self.gathered, before, strict=True):
                del rows[n:]
        best = max(taken, key=lambda parts: sum(row.bytes(HBM) for row in parts[0]))
        for rows, more in zip(self.gathered, best, strict=True):
            rows += more

    def _leaf(self, instruction: Instruction, home: Computation, context: _Context) -> None:
        accesses = self._accesses.accesses(instruction)
        moves = self._accesses.only_moves(instruction)
        place = place_of(instruction, home, context.around, moves)
        row = InstructionTraffic(
            name=instruction.name,
            opcode=instruction.opcode,
            phase=place.phase,
            scope=place.scope,
            inherited=place.inherited,
            times=context.times,
            accesses=accesses,
            cycles=_estimated_cycles(instruction),
            loops=context.loops,
            arguments=self._accesses.arguments(instruction),
        )
        self.rows.append(row)
        for exchange in exchanges_in(instruction):
            self.collectives.append(_collective(exchange, row))
        if (
            instruction.opcode == "custom-call"
            and cost_estimate(instruction, "bytes_accessed") is None
        ):
            self.unknown_calls.append(
                UnknownCall(
                    instruction.name,
                    instruction.custom_call_target,
                    context.times,
                    replace(row, times=1).bytes(HBM),
                )
            )


def _collective(exchange: Instruction, row: InstructionTraffic) -> Collective:
    operands, results = payload(exchange)
    return Collective(
        name=exchange.name,
        opcode=exchange.opcode.removesuffix("-start"),
        operand_bytes=operands,
        result_bytes=results,
        groups=exchange.groups,
        group_size=exchange.group_size,
        channel=exchange.channel,
        times=row.times,
        phase=row.phase,
        scope=row.scope,
    )


def _estimated_cycles(instruction: Instruction) -> int:
    window = instruction.config.get("window_config")
    value = str(window.get("estimated_cycles", "")) if isinstance(window, dict) else ""
    cycles = int(value) if value.isdigit() else 0
    return 0 if cycles == _NO_ESTIMATE else cycles
