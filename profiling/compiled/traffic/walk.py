"""The walk through a compiled program in the order in which it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..hlo.module import Computation, Instruction, Module
from .accesses import MOVE_NOTHING, AccessReader, cost_estimate, exchanges_in, payload
from .buffers import Origins, runs_what_it_calls
from .scopes import Place, place_around, place_of, place_of_module
from .sources import body_and_condition
from .traffic import (
    HBM,
    Branch,
    Collective,
    Conditional,
    InstructionTraffic,
    Loop,
    ModuleTraffic,
    UnknownCall,
)
from .trip_counts import LoopReader, Trips

FREE = frozenset(
    {
        "add-dependency", "after-all", "all-gather-done", "all-reduce-done", "async-done",
        "async-update", "bitcast", "collective-permute-done", "constant", "copy-done", "domain",
        "get-dimension-size", "get-tuple-element", "opt-barrier", "parameter", "partition-id",
        "recv-done", "replica-id", "send-done", "set-dimension-size", "tuple",
    }
)  # fmt: skip
"""Opcodes that move nothing: they name data or wait for what its start has moved."""

_NO_ESTIMATE = 2**63 - 1
"""libtpu writes the largest int64 where it has no estimate of the cycles."""


def module_traffic(
    module: Module,
    parameter_kinds: Mapping[int, str] | None = None,
    trips: Mapping[str, float] | None = None,
) -> ModuleTraffic:
    """What one device moves in one run of `module`.

    `parameter_kinds` says which parameters of the entry computation hold weights, KV cache or
    whatever the caller tells apart, by number (see `buffers`). `trips` sets the trips of loops that
    only a run knows, by name or, of those that end when the data says so, by the last part of their
    scope. Others of these count as if they reached their bound.
    """
    walk = _Walk(module, parameter_kinds, trips or {})
    walk.computation(module.entry, _Context(1, (), place_of_module(module)))
    return ModuleTraffic(module.name, *map(tuple, walk.gathered))


@dataclass(frozen=True)
class _Context:
    """How often the place under way runs, in which loops, for which part of the model."""

    times: int
    loops: tuple[Instruction, ...]  # outermost first
    around: Place


class _Walk:
    """Rows gathered along the way."""

    def __init__(
        self, module: Module, kinds: Mapping[int, str] | None, trips: Mapping[str, float]
    ) -> None:
        self.rows: list[InstructionTraffic] = []
        self.loops: list[Loop] = []
        self.collectives: list[Collective] = []
        self.unknown_calls: list[UnknownCall] = []
        self.conditionals: list[Conditional] = []
        self.dynamic: list[str] = []
        self.gathered: tuple[list[Any], ...] = (
            self.rows, self.loops, self.collectives, self.unknown_calls, self.conditionals,
            self.dynamic,
        )  # fmt: skip
        self._accesses = AccessReader(Origins(module, kinds))
        self._loop_reader, self._given = LoopReader(module, trips), trips

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
        entered = context.times
        trips = self._loop_reader.trips(loop, entered, context.loops)
        around = place_around(loop, context.around)
        part = around.scope.rpartition("/")[2]
        if trips.early_exit and part in self._given:
            trips = Trips(round(entered * self._given[part]), "given")
        each, rest = divmod(trips.runs, max(entered, 1))
        self.loops.append(
            Loop(
                loop.name, trips.runs / entered if rest else each, trips.source, trips.early_exit,
                trips.reason, entered, around.scope,
            )
        )  # fmt: skip
        body, condition = body_and_condition(loop)
        loops = (*context.loops, loop)
        self.computation(body, _Context(trips.runs, loops, around))
        self.computation(condition, _Context(trips.runs + entered, loops, around))

    def _branches(self, conditional: Instruction, context: _Context) -> None:
        """Each branch as often as it runs; where only a run knows, the one that moves most HBM
        bytes stands for all."""
        runs = self._loop_reader.branch_runs(conditional, context.times, context.loops)
        before = [len(rows) for rows in self.gathered]
        taken = []
        for number, branch in enumerate(conditional.calls):
            times = context.times if runs is None else runs[number]
            if times:
                self.computation(branch, replace(context, times=times))
            taken.append([rows[n:] for rows, n in zip(self.gathered, before, strict=True)])
            for rows, n in zip(self.gathered, before, strict=True):
                del rows[n:]
        moved = [sum(row.bytes(HBM) for row in parts[0]) for parts in taken]
        most = moved.index(max(moved))
        counted = [context.times * (n == most) for n in range(len(taken))] if runs is None else runs
        for parts, times in zip(taken, counted, strict=True):
            if times:
                for rows, more in zip(self.gathered, parts, strict=True):
                    rows += more
        branches = tuple(
            Branch(branch.name, times, size)
            for branch, times, size in zip(conditional.calls, counted, moved, strict=True)
        )
        self.conditionals.append(
            Conditional(conditional.name, context.times, branches, exact=runs is not None)
        )

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
            loops=tuple(loop.name for loop in context.loops),
            arguments=self._accesses.arguments(instruction),
        )
        self.rows.append(row)
        arrays = [
            shape for one in (instruction, *instruction.operands) for shape in one.shape.arrays()
        ]
        if any(shape.dynamic for shape in arrays):
            self.dynamic.append(instruction.name)
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
