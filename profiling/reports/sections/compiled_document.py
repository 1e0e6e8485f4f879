"""The compiled lens: bytes that the executable moves against those the algorithm needs, and why.

Bytes are those of one device over one call of a phase's program.
"""

from collections import defaultdict
from collections.abc import Sequence

from ...records import CompiledPhase, CompiledTarget, Profile
from .. import units
from ..charts.phase_charts import kinds_chart, memory_chart
from ..document import (
    Block,
    Bullets,
    Column,
    Details,
    Document,
    Paragraph,
    Section,
    Table,
    columns,
    slug,
)
from ..terms import COMPILED, COUNTED, PREDICTED
from .compiled_facts import (
    COPY_OF,
    excess_lines,
    in_words,
    kind_label,
    leading_excess,
    memory_verdict,
    moved_by_kind,
    setting_texts,
    signed,
    stated_texts,
    target_labels,
    unresolved,
    verdict,
    warnings,
    xla_bytes,
    xla_factor_text,
)

COPIES = "copies"
_SCOPES = 6

NOTES: tuple[str, ...] = (
    "Bytes are those of one device over one call of a phase's program, whole tiles as they move.",
    "Needed: the counted lens, shared evenly over the devices of the mesh. Excesses and what is "
    "unexplained add up to the difference.",
    "XLA's own total counts the body of each loop once and mixes all memory levels.",
)


def compiled_section(profile: Profile) -> Section:
    """Every target of a profile, those of TPUs first: nobody designs by a CPU's."""
    targets = _labelled(profile.compiled)
    ordered = sorted(targets, key=lambda target: target.target.startswith("cpu"))
    parts = [Section(t.target, target_blocks(t), f"compiled-{slug(t.target)}") for t in ordered]
    notes = [Bullets(NOTES)] if parts else []
    return Section("What the compiler made of it", [*notes, *parts], "compiled")


def compiled_summary(profile: Profile) -> list[Block]:
    """Every phase on every target in one table, and what a reader must know before its figures."""
    targets = _labelled(profile.compiled)
    rows = [(target.target, phase) for target in targets for phase in target.phases]
    needed = needed_columns([phase for _, phase in rows])
    table = Table(
        "What XLA moves, per device and call",
        [Column("target", [label for label, _ in rows]), *needed],
        note="bytes of one device and one call; compiled, not run",
    )
    sentences = [
        f"{target.target}: {line}"
        for target in targets
        for line in (*warnings(target), *stated_texts(target))
    ]
    return [table, Bullets(sentences)]


def compiled_document(target: CompiledTarget) -> Document:
    """One target in full, for a terminal or a notebook."""
    scopes = [scopes_table(target, phase, _SCOPES) for phase in target.phases]
    return Document(
        title=target.target,
        headline="; ".join(f"{p.phase} {verdict(p)}" for p in target.phases),
        lead=[*map(Paragraph, setting_texts(target)), *_loud(target)],
        sections=[
            Section("", [needed_table(target)]),
            Section("Excess over the bytes needed", [excess_table(target)]),
            Section("The executables", [executables_table(target)]),
            Section("Collectives", [collectives_table(target)]),
            Section("Memory levels", [levels_table(target)]),
            Section("HBM bytes by scope and kind", scopes),
        ],
    )


def target_blocks(target: CompiledTarget) -> list[Block | Section]:
    """One target in a report."""
    return [
        Paragraph("; ".join(filter(None, setting_texts(target)))),
        *_loud(target),
        needed_table(target),
        kinds_chart(target, moved_by_kind),
        Paragraph("; ".join(f"{p.phase} {verdict(p)}" for p in target.phases) + "."),
        excess_table(target),
        memory_chart(target),
        executables_table(target),
        collectives_table(target),
        levels_table(target),
        Details("Bytes by scope and kind", [scopes_table(target, p) for p in target.phases]),
    ]


def _loud(target: CompiledTarget) -> list[Block]:
    return [Paragraph(f"Warning: {sentence}", note=False) for sentence in warnings(target)]


def _labelled(targets: Sequence[CompiledTarget]) -> list[CompiledTarget]:
    labels = target_labels(targets)
    return [
        target.model_copy(update={"target": label})
        for label, target in zip(labels, targets, strict=True)
    ]


def needed_columns(phases: Sequence[CompiledPhase]) -> list[Column]:
    """Needed, compiled, excess: a row per phase."""
    leading = [leading_excess(phase) for phase in phases]
    return [
        Column("phase", [p.phase for p in phases]),
        Column("passes per call", [p.passes for p in phases], units.count, name="passes",
               short="passes"),
        Column("needed", [p.counted_bytes.total for p in phases], units.bytes_, COUNTED,
               name="counted_bytes"),
        Column("HBM bytes", [p.hbm_bytes for p in phases], units.bytes_, COMPILED,
               name="hbm_bytes", short="HBM"),
        Column("ratio", [p.ratio or None for p in phases], units.ratio, COMPILED),
        Column("excess", [p.hbm_bytes - p.counted_bytes.total for p in phases], signed, COMPILED,
               name="excess_bytes", priority=2),
        Column("largest excess", [in_words(one.name) if one else "" for one in leading],
               lens=COMPILED),
        Column("its bytes", [one.excess_bytes if one else None for one in leading], signed,
               COMPILED, name="largest_excess_bytes"),
        Column("unexplained", [p.unexplained_bytes for p in phases], signed, COMPILED,
               name="unexplained_bytes", priority=3, short="unexpl."),
        Column("tile padding", [p.padding_bytes for p in phases], units.bytes_, COMPILED,
               name="padding_bytes", priority=4),
    ]  # fmt: skip


def needed_table(target: CompiledTarget) -> Table:
    """What the algorithm needs, what XLA moves, and the difference."""
    note = "sizes with an unresolved loop are lower bounds" if unresolved(target) else ""
    return Table(
        f"{target.target}: needed and moved", needed_columns(target.phases), "needed", note=note
    )


def executables_table(target: CompiledTarget) -> Table:
    """Memory, kernels, XLA's own totals and compile time: a row per phase."""
    phases = target.phases
    memory = [phase.memory for phase in phases]
    return Table(
        f"{target.target}: the executables",
        [
            Column("phase", [p.phase for p in phases]),
            Column("peak memory", [m.peak_bytes for m in memory], units.bytes_, COMPILED,
                   name="peak_memory_bytes"),
            Column("capacity", [m.capacity_bytes for m in memory], units.bytes_, "datasheet",
                   name="capacity_bytes", priority=3),
            Column("against capacity", [memory_verdict(m) for m in memory], data=False),
            Column("time per call", [p.predicted_time_s for p in phases], units.seconds, PREDICTED,
                   name="predicted_s", show="both"),
            Column("kernels", [p.kernels for p in phases], units.count, COMPILED, priority=1),
            Column("XLA's own bytes", [xla_bytes(p) for p in phases], units.bytes_, COMPILED,
                   name="xla_bytes", priority=4),
            Column("against HBM bytes", [xla_factor_text(p) for p in phases], lens=COMPILED,
                   data=False, priority=5),
            Column("FLOPs", [p.counted_flops for p in phases], units.flops, COUNTED, name="flops",
                   priority=2),
            Column("XLA's own FLOPs", [p.xla_flops for p in phases], units.flops, COMPILED,
                   name="xla_flops", priority=6),
            Column("XLA's cycles", [p.compiler_cycles for p in phases], _cycles, "its estimate",
                   name="compiler_cycles", priority=7),
            Column("compile time", [p.compile_s for p in phases], units.seconds,
                   name="compile_s", priority=2),
        ],
        name="executables",
    )  # fmt: skip


def excess_table(target: CompiledTarget) -> Table:
    """Every excess of every phase, its evidence and its fix; what is unexplained ends each."""
    found = [(p.phase, *line) for p in target.phases for line in excess_lines(p)]
    return Table(
        f"{target.target}: from needed to moved",
        [
            Column("phase", [row[0] for row in found]),
            Column("excess", [row[1] for row in found], name="name"),
            Column("bytes", [row[2] for row in found], signed, COMPILED, name="excess_bytes"),
            Column("of needed", [row[3] for row in found], units.change, COMPILED, name="share"),
            Column("evidence", [row[4] for row in found]),
            Column("fix", [row[5] for row in found]),
        ],
        name="excesses",
    )


def collectives_table(target: CompiledTarget) -> Table:
    """Exchanges between devices."""
    found = [(p.phase, one) for p in target.phases for one in p.collectives]
    times = [one.time_at_link_speed_s for _, one in found]
    return Table(
        f"{target.target}: collectives",
        [
            Column("phase", [phase for phase, _ in found]),
            Column("type", [one.type for _, one in found]),
            Column("axis", [one.mesh_axis for _, one in found]),
            Column("group", [one.group_size for _, one in found], units.count),
            Column("exchanges", [one.count for _, one in found], units.count),
            Column("bytes", [one.operand_bytes for _, one in found], units.bytes_, COMPILED),
            Column("time at link speed", ["not public" if t is None else t for t in times],
                   units.seconds, "datasheet", name="time_at_link_speed_s"),
        ],
        name="collectives",
    )  # fmt: skip


def levels_table(target: CompiledTarget) -> Table:
    """Bytes read and written at each memory level: a row per phase."""
    rows = [{level.level: level for level in phase.levels} for phase in target.phases]
    names = dict.fromkeys(name for row in rows for name in row)
    sides: list[Column] = []
    for name in names:
        levels = [row.get(name) for row in rows]
        read = [level.read_bytes if level else None for level in levels]
        written = [level.written_bytes if level else None for level in levels]
        sides += [Column(f"{name} read", read, units.bytes_, COMPILED),
                  Column(f"{name} written", written, units.bytes_, COMPILED)]  # fmt: skip
    phases = Column("phase", [phase.phase for phase in target.phases])
    return Table(f"{target.target}: memory levels", columns(phases, sides), "levels")


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
    sizes = {kind_label(kind): [moved[scope][kind] for scope in ranked] for kind in kinds}
    totals = [sum(moved[scope].values()) for scope in ranked]
    known = [sum(each) for each in zip(*sizes.values(), strict=True)]
    sizes["rest"] = [total - part for total, part in zip(totals, known, strict=True)]
    return Table(
        f"{target.target}, {phase.phase}: HBM bytes by scope and kind",
        columns(
            Column("scope", ranked),
            [Column(name, [s or None for s in column], units.bytes_, COMPILED)
             for name, column in sizes.items()],
            Column("all", totals, units.bytes_, COMPILED),
        ),
        name=f"scopes-{phase.phase}",
    )  # fmt: skip


def _cycles(value: float) -> str:
    return units.prefixed(value, "")
