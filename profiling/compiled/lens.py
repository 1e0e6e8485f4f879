"""The compiled lens: a spec's phases compiled, read, and reconciled with the counted bytes."""

from collections import Counter
from pathlib import Path

import jax

from ...tpu_configs.catalog import load_chip
from ...tpu_configs.chip import Chip
from ..errors import ProfileInputError, Silent, Watcher
from ..predicted.collectives import COLLECTIVES
from ..records import (
    CollectiveTraffic,
    CompiledPhase,
    CompiledTarget,
    DeviceMemory,
    HbmRow,
    MemoryLevel,
    TargetRoofline,
)
from . import executable
from .compile import compile_phases
from .excess import counted_budget, excesses
from .hlo.proto import parse_module
from .spec import ProgramSpec
from .traffic.traffic import ModuleTraffic
from .traffic.walk import module_traffic
from .worker import messages_of


def compile_target(
    spec: ProgramSpec, watcher: Watcher | None = None, started: bool = False
) -> CompiledTarget:
    """Compile the phases of `spec` and say what each moves, per device and call.

    With `started` JAX runs in this process already, and compiles here where its CPU is the target.
    Raises ProfileInputError or ModelInputError for what the user can mend (see `compile`).
    """
    here = started and spec.target.platform == jax.default_backend() == "cpu"
    conversation = messages_of if here else None
    compiled = compile_phases(spec, watcher or Silent(), conversation=conversation)
    return CompiledTarget(
        target=spec.target.name,
        devices=spec.target.devices,
        mesh=spec.split.describe(spec.config),
        prompt_tokens=spec.prompt_slots,
        context=spec.context,
        batch=spec.batch,
        attempts=spec.attempts,
        versions=compiled[0].record.versions,
        phases=[_phase(spec, phase) for phase in compiled],
    )


def write_xprof(spec: ProgramSpec, folder: Path, watcher: Watcher | None = None) -> Path:
    """Write a session of the phases for XProf into `folder`; its times are predicted at peak.

    Takes the executables from the store that `compile_target` filled. Returns the session's file.
    Raises ProfileInputError for the CPU, which XProf draws no roofline of.
    """
    from .xprof import PhaseProgram, write_session  # which few compilations ask for

    if spec.target.chip is None:
        raise ProfileInputError("--xprof needs a TPU slice such as v5e:2x4: XProf shows no CPU")
    programs = [
        PhaseProgram(
            name=compiled.phase,
            traffic=traffic_of(compiled),
            flops=counted_budget(spec, compiled.record.phase).flops,
            hlo_proto=compiled.hlo_proto,
            assigned_proto=compiled.assigned_proto,
            passes=compiled.record.passes,
        )
        for compiled in compile_phases(spec, watcher or Silent())
    ]
    name = f"{spec.config.name}-{spec.target.name.replace(':', '-')}"
    return write_session(programs, load_chip(spec.target.chip), folder, name, spec.dtype)


def traffic_of(compiled: executable.CompiledPhase) -> ModuleTraffic:
    """The traffic of one phase's executable, arguments told apart as weights, KV and the rest."""
    kinds = {
        parameter.number: "activations" if parameter.kind == "other" else parameter.kind
        for parameter in compiled.record.parameters
    }
    return module_traffic(parse_module(compiled.hlo_proto, compiled.phase), kinds)


def _phase(spec: ProgramSpec, compiled: executable.CompiledPhase) -> CompiledPhase:
    record, traffic = compiled.record, traffic_of(compiled)
    counted = counted_budget(spec, record.phase)
    named, unexplained_bytes = excesses(traffic, counted, on_cpu=spec.target.platform == "cpu")
    chip = load_chip(spec.target.chip) if spec.target.chip else None
    return CompiledPhase(
        phase=record.phase,
        passes=record.passes,
        counted_bytes=counted.hbm,
        counted_flops=counted.flops,
        hbm=_rows(traffic),
        levels=_levels(traffic),
        padding_bytes=traffic.hbm_bytes() - traffic.hbm_bytes(padded=False),
        collectives=_collectives(spec, traffic, chip),
        kernels=traffic.kernels,
        compiler_cycles=traffic.estimated_cycles or None,
        memory=DeviceMemory(
            argument_bytes=record.memory.argument_bytes,
            temporary_bytes=record.memory.temporary_bytes,
            peak_bytes=record.memory.peak_bytes,
            capacity_bytes=chip.hbm_capacity_bytes / spec.target.devices_per_chip if chip else None,
        ),
        unresolved_loops=[f"{loop.name}: {loop.reason}" for loop in traffic.unresolved_loops],
        unknown_calls=[f"{call.name} ({call.target})" for call in traffic.unknown_calls],
        stated_bytes=traffic.stated_bytes,
        xla_flops=record.xla.flops,
        xla_bytes_accessed=record.xla.bytes_accessed,
        excesses=named,
        unexplained_bytes=unexplained_bytes,
        compile_s=record.compile_s,
        at_peak=_at_peak(spec, counted.flops, traffic, chip) if chip else None,
    )


def _at_peak(spec: ProgramSpec, flops: int, traffic: ModuleTraffic, chip: Chip) -> TargetRoofline:
    """One call on one of the JAX devices that make a chip, which share its rates evenly."""
    devices = spec.target.devices_per_chip
    exchanges = _collectives(spec, traffic, chip)
    return TargetRoofline(
        ridge=chip.ridge(spec.dtype),
        compute_s=flops * devices / chip.peak_flops(spec.dtype).flop_per_s,
        memory_s=traffic.hbm_bytes() * devices / chip.hbm_bandwidth,
        links_s=sum(one.time_at_link_speed_s or 0.0 for one in exchanges),
    )


def _rows(traffic: ModuleTraffic) -> list[HbmRow]:
    read: Counter[tuple[str, str]] = Counter()
    written: Counter[tuple[str, str]] = Counter()
    for row in traffic.rows:
        for access in row.accesses:
            if access.space == "HBM":
                side = read if access.direction == "read" else written
                side[row.scope, access.kind] += access.padded * row.times
    keys = sorted({*read, *written}, key=lambda key: (-(read[key] + written[key]), key))
    return [
        HbmRow(scope=key[0], kind=key[1], read_bytes=read[key], written_bytes=written[key])
        for key in keys
    ]


def _levels(traffic: ModuleTraffic) -> list[MemoryLevel]:
    read, written = traffic.bytes_by_space("read"), traffic.bytes_by_space("write")
    return [
        MemoryLevel(level=level, read_bytes=read.get(level, 0), written_bytes=written.get(level, 0))
        for level in dict.fromkeys([*read, *written])
    ]


def _collectives(
    spec: ProgramSpec, traffic: ModuleTraffic, chip: Chip | None
) -> list[CollectiveTraffic]:
    """Exchanges by type and group size."""
    counts: Counter[tuple[str, int]] = Counter()
    moved: Counter[tuple[str, int]] = Counter()
    for exchange in traffic.collectives:
        key = (exchange.opcode, exchange.group_size or spec.target.devices)
        counts[key] += exchange.times
        moved[key] += exchange.times * max(exchange.operand_bytes, exchange.result_bytes)
    return [
        CollectiveTraffic(
            type=opcode,
            group_size=size,
            mesh_axis=_axis(spec, size),
            count=counts[opcode, size],
            operand_bytes=total,
            time_at_link_speed_s=_ring_time_s(opcode, size, total, chip),
        )
        for (opcode, size), total in moved.most_common()
    ]


def _axis(spec: ProgramSpec, size: int) -> str:
    """Axis of the mesh whose groups have `size` devices, if there is only one such."""
    axes = ("data", "model", "kv", "group", "rest")
    named = [axis for axis in axes if getattr(spec.split, axis) == size]
    return named[0] if named and size > 1 else "?"


def _ring_time_s(opcode: str, size: int, moved_bytes: int, chip: Chip | None) -> float | None:
    """Least time of ring exchanges over one link in each direction; latency is left out."""
    if chip is None or chip.links is None or size < 2:
        return None
    sent_bytes = COLLECTIVES[opcode].least_sent_bytes(size, moved_bytes)
    return sent_bytes / (2 * chip.links.per_link_bandwidth.value)
