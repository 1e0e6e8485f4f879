"""The compiled lens: a phase's program read, and reconciled with the counted bytes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ...model.architecture import Architecture
from ...model.experts import CHUNK, FEW_TOKENS, rows_together
from ...model.mesh import ModelSplit
from ...tpu_configs.catalog import load_chip
from ...tpu_configs.chip import Chip
from ..predicted.step.collectives import COLLECTIVES
from ..predicted.step.expert_work import EVEN, needed_share
from ..records import (
    CollectiveTraffic,
    CompiledPhase,
    DeviceMemory,
    HbmRow,
    MemoryLevel,
    TargetRoofline,
)
from .cache import Parameter
from .excess import counted_budget, excesses
from .hlo.proto import parse_module
from .spec import ProgramSpec
from .traffic.traffic import ModuleTraffic
from .traffic.walk import module_traffic


def traffic_of(
    module: bytes, phase: str, parameters: Sequence[Parameter], trips: Mapping[str, float]
) -> ModuleTraffic:
    """The traffic of a HloModuleProto, its arguments told apart as weights, KV and the rest;
    `trips` as `data_trips` has them."""
    kinds = {
        parameter.number: "activations" if parameter.kind == "other" else parameter.kind
        for parameter in parameters
    }
    return module_traffic(parse_module(module, phase), kinds, trips)


def data_trips(spec: ProgramSpec, phase: str) -> dict[str, float]:
    """Expected trips of a phase's loops that end when the data says so, by their scope."""
    if spec.config.experts == 1:
        return {}
    rows = spec.batch * (1 if spec.program(phase) == "prompt" else spec.attempts)
    tokens = rows * max(spec.reads(phase), 1) // spec.split.data
    return {"experts": expert_turns(spec.config, spec.split, tokens)}


def expert_turns(config: Architecture, split: ModelSplit, tokens: int) -> float:
    """Turns of the loop over the experts of one layer (`model.experts`) on one device, for so many
    tokens: the mean over the devices, where each token goes to any expert alike."""
    together = min(tokens, CHUNK)
    visits = together * config.active_experts / config.experts
    turns = config.experts * needed_share(together, config.active_experts / config.experts, EVEN)
    if tokens > FEW_TOKENS:  # an expert's last block is half full, in the mean over many
        turns *= max(visits / rows_together(visits) + 0.5, 1.0)
    return turns / (split.model if split.deals_experts(config.experts, config.mlp_dim) else 1)


def phase_cost(
    spec: ProgramSpec,
    phase: str,
    traffic: ModuleTraffic,
    memory: DeviceMemory,
    xla_flops: float,
    xla_bytes_accessed: float,
    compile_s: float,
) -> CompiledPhase:
    """What one call of a phase's program moves, beside what XLA says of the program."""
    counted = counted_budget(spec, phase)
    named, unexplained_bytes = excesses(traffic, counted, on_cpu=spec.target.platform == "cpu")
    chip = load_chip(spec.target.chip) if spec.target.chip else None
    exchanges = _collectives(spec, traffic, chip)
    return CompiledPhase(
        phase=phase,
        passes=spec.passes(phase),
        counted_bytes=counted.hbm,
        counted_flops=counted.flops,
        hbm=_rows(traffic),
        levels=_levels(traffic),
        padding_bytes=traffic.hbm_bytes() - traffic.hbm_bytes(padded=False),
        collectives=exchanges,
        kernels=traffic.kernels,
        compiler_cycles=traffic.estimated_cycles or None,
        memory=memory,
        unresolved_loops=[f"{loop.name}: {loop.reason}" for loop in traffic.unresolved_loops],
        unknown_calls=[f"{call.name} ({call.target})" for call in traffic.unknown_calls],
        upper_bounds=list(traffic.upper_bounds),
        stated_bytes=traffic.stated_bytes,
        xla_flops=xla_flops,
        xla_bytes_accessed=xla_bytes_accessed,
        excesses=named,
        unexplained_bytes=unexplained_bytes,
        compile_s=compile_s,
        at_peak=_at_peak(spec, counted.flops, traffic, chip, exchanges) if chip else None,
    )


def _at_peak(
    spec: ProgramSpec,
    flops: int,
    traffic: ModuleTraffic,
    chip: Chip,
    exchanges: Sequence[CollectiveTraffic],
) -> TargetRoofline:
    """One call on one of the JAX devices that make a chip, which share its rates evenly."""
    devices = spec.target.devices_per_chip
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
