"""A phase's FLOPs shared out over its instructions, to the last one."""

from collections.abc import Sequence

from ..hlo.module import Instruction, Module
from ..traffic.record import InstructionTraffic
from .matmuls import matmul_flops
from .phase import PhaseProgram


def row_flops(phase: PhaseProgram) -> list[int]:
    """FLOPs of each row over all its executions; their sum is `phase.flops`.

    FLOPs known by scope stay in their scope (and those inside it). Within a scope, and for the
    rest, each row gets its part by the matmul FLOPs that its shapes show; where no row has any,
    by the bytes that it touches; where there is no row at all, FLOPs go to the rest.
    """
    rows = phase.traffic.rows
    if not rows:
        return []
    weights = _matmul_weights(phase)
    flops = [0] * len(rows)
    rest = phase.flops
    for scope, of_scope in sorted(phase.flops_by_scope.items(), key=lambda item: -len(item[0])):
        inside = [i for i, row in enumerate(rows) if _within(row.scope, scope)]
        known = [i for i in inside if weights[i]] or inside
        if known and of_scope <= rest:
            _share(of_scope, known, weights, rows, flops)
            rest -= of_scope
    free = [i for i, given in enumerate(flops) if weights[i] and not given]
    known = free or [i for i, weight in enumerate(weights) if weight] or list(range(len(rows)))
    _share(rest, known, weights, rows, flops)
    return flops


def _share(
    total: int,
    among: Sequence[int],
    weights: Sequence[int],
    rows: Sequence[InstructionTraffic],
    flops: list[int],
) -> None:
    """Add `total` to `flops` at the places `among`, in proportion and without a remainder."""
    parts = [weights[i] for i in among]
    if not any(parts):
        parts = [rows[i].bytes(None) for i in among]
    if not any(parts):
        parts = [1] * len(parts)
    whole, before, given = sum(parts), 0, 0
    for i, part in zip(among, parts, strict=True):
        before += part
        upto = total * before // whole
        flops[i] += upto - given
        given = upto


def _within(scope: str, outer: str) -> bool:
    return scope == outer or scope.startswith(outer + "/")


def _matmul_weights(phase: PhaseProgram) -> list[int]:
    """Matmul FLOPs of each row by its shapes, over all executions."""
    module = phase.module  # read first: it says what is wrong with broken bytes
    by_name = matmul_flops(phase.hlo_proto)
    return [row.times * _of_row(row, module, by_name) for row in phase.traffic.rows]


def _of_row(row: InstructionTraffic, module: Module, by_name: dict[str, int]) -> int:
    if row.opcode == "custom-call":
        return _estimated_flops(module.instruction(row.name))
    return by_name.get(row.name, 0)


def _estimated_flops(call: Instruction) -> int:
    """FLOPs that a Pallas kernel says it makes (`pallas_call(cost_estimate=...)`); 0 if none."""
    config = call.config.get("custom_call_config")
    estimate = config.get("cost_estimate") if isinstance(config, dict) else None
    value = str(estimate.get("flops", "")) if isinstance(estimate, dict) else ""
    return int(value) if value.isdigit() else 0
