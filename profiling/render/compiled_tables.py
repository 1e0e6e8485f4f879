"""The tables of the compiled lens, one target each."""

from collections import defaultdict

from ..records import CompiledPhase, CompiledTarget
from . import units
from .compiled_facts import (
    COPY_OF,
    compiled_text,
    difference_text,
    excess_lines,
    kind_label,
    leading_text,
    memory_text,
    memory_verdict,
    ratio_text,
    signed,
    signed_share,
    time_text,
    xla_bytes_text,
    xla_factor_text,
)
from .lens import COMPILED, COUNTED, PREDICTED
from .table import Column, Table, from_columns

COPIES = "copies"


def asked_table(target: CompiledTarget) -> Table:
    """Asked for, compiled, excess: a row per phase."""
    phases = target.phases
    return from_columns(
        f"{target.target}: asked for, compiled, excess",
        [
            (Column("phase", numeric=False), [p.phase for p in phases]),
            (Column("passes a call"), [units.count(p.passes) for p in phases]),
            (Column("asked for", COUNTED), [units.bytes_(p.counted_bytes.total) for p in phases]),
            (Column("HBM bytes", COMPILED), [compiled_text(p) for p in phases]),
            (Column("ratio", COMPILED), [ratio_text(p) for p in phases]),
            (Column("excess", COMPILED), [difference_text(p) for p in phases]),
            (Column("most of it", COMPILED, False), [leading_text(p) for p in phases]),
            (Column("unexplained", COMPILED), [signed(p.unexplained_bytes) for p in phases]),
            (Column("tile padding", COMPILED), [units.bytes_(p.padding_bytes) for p in phases]),
        ],
    )


def executables_table(target: CompiledTarget) -> Table:
    """Memory, kernels, XLA's own totals and compile time: a row per phase."""
    phases = target.phases
    cycles = [p.compiler_cycles for p in phases]
    return from_columns(
        f"{target.target}: the executables",
        [
            (Column("phase", numeric=False), [p.phase for p in phases]),
            (Column("peak memory", COMPILED), [memory_text(p.memory) for p in phases]),
            (Column("against capacity", "", False), [memory_verdict(p.memory) for p in phases]),
            (Column("time of a call", PREDICTED), [time_text(p) for p in phases]),
            (Column("kernels", COMPILED), [units.count(p.kernels) for p in phases]),
            (Column("XLA's own bytes", COMPILED), [xla_bytes_text(p) for p in phases]),
            (Column("against HBM bytes", COMPILED, False), [xla_factor_text(p) for p in phases]),
            (Column("FLOPs", COUNTED), [units.flops(p.counted_flops) for p in phases]),
            (Column("XLA's own FLOPs", COMPILED), [units.flops(p.xla_flops) for p in phases]),
            (
                Column("XLA's cycles", "its estimate"),
                ["" if c is None else units.prefixed(c, "") for c in cycles],
            ),
            (Column("compiled in"), [units.seconds(p.compile_s) for p in phases]),
        ],
    )


def excess_table(target: CompiledTarget) -> Table:
    """Every excess of every phase, its evidence and its fix; what is unexplained ends each."""
    found = [(p.phase, line) for p in target.phases for line in excess_lines(p)]
    return from_columns(
        f"{target.target}: from asked for to compiled",
        [
            (Column("phase", numeric=False), [phase for phase, _ in found]),
            (Column("excess", numeric=False), [line.name for _, line in found]),
            (Column("bytes", COMPILED), [signed(line.size) for _, line in found]),
            (Column("of asked for", COMPILED), [signed_share(line.share) for _, line in found]),
            (Column("evidence", numeric=False), [line.evidence for _, line in found]),
            (Column("fix", numeric=False), [line.fix for _, line in found]),
        ],
    )


def collectives_table(target: CompiledTarget) -> Table:
    """Exchanges between devices."""
    found = [(p.phase, one) for p in target.phases for one in p.collectives]
    times = [one.time_at_link_speed_s for _, one in found]
    return from_columns(
        f"{target.target}: collectives",
        [
            (Column("phase", numeric=False), [phase for phase, _ in found]),
            (Column("type", numeric=False), [one.type for _, one in found]),
            (Column("axis", numeric=False), [one.mesh_axis for _, one in found]),
            (Column("group"), [units.count(one.group_size) for _, one in found]),
            (Column("exchanges"), [units.count(one.count) for _, one in found]),
            (Column("bytes", COMPILED), [units.bytes_(one.operand_bytes) for _, one in found]),
            (
                Column("time at link speed", "datasheet"),
                ["not public" if time is None else units.seconds(time) for time in times],
            ),
        ],
    )


def levels_table(target: CompiledTarget) -> Table:
    """Bytes read and written at each memory level: a row per phase."""
    rows = [{level.level: level for level in phase.levels} for phase in target.phases]
    names = dict.fromkeys(name for row in rows for name in row)
    sides = []
    for name in names:
        found = [row.get(name) for row in rows]
        read = [units.bytes_(level.read_bytes) if level else "" for level in found]
        written = [units.bytes_(level.written_bytes) if level else "" for level in found]
        sides.append((Column(f"{name} read", COMPILED), read))
        sides.append((Column(f"{name} written", COMPILED), written))
    phases = (Column("phase", numeric=False), [phase.phase for phase in target.phases])
    return from_columns(f"{target.target}: memory levels", [phases, *sides])


def scopes_table(target: CompiledTarget, phase: CompiledPhase, most: int | None = None) -> Table:
    """HBM bytes by scope and kind, the largest scopes first; after `most` the others as one."""
    moved: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in phase.hbm:
        kind = COPIES if row.kind.startswith(COPY_OF) else row.kind
        moved[row.scope][kind] += row.read_bytes + row.written_bytes
    ranked = sorted(moved, key=lambda scope: -sum(moved[scope].values()))
    if most is not None and len(ranked) > most + 1:
        others = f"{len(ranked) - most} others"
        for scope in ranked[most:]:
            for kind, size in moved[scope].items():
                moved[others][kind] += size
        ranked = [*ranked[:most], others]
    kinds = ("weights", "kv", "activations", COPIES, "collectives")
    sums = [(kind_label(kind), [moved[scope][kind] for scope in ranked]) for kind in kinds]
    totals = [sum(moved[scope].values()) for scope in ranked]
    known = [sum(column) for column in zip(*(sizes for _, sizes in sums), strict=True)]
    sums.append(("rest", [total - part for total, part in zip(totals, known, strict=True)]))
    sums.append(("all", totals))
    return from_columns(
        f"{target.target}, {phase.phase}: HBM bytes by scope and kind",
        [
            (Column("scope", numeric=False), ranked),
            *((Column(title, COMPILED), _sizes(sizes)) for title, sizes in sums),
        ],
    )


def _sizes(sizes: list[int]) -> list[str]:
    return [units.bytes_(size) if size else "" for size in sizes]
