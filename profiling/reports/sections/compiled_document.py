"""The compiled lens: bytes that the executable moves against those the algorithm needs, and why.

Bytes are those of one device over one call of a phase's program.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from ...records import CompiledPhase, CompiledTarget, DeviceMemory, Excess, Profile
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
    field_columns,
    slug,
)
from ..terms import COMPILED, COUNTED, PREDICTED

N = TypeVar("N", int, float)
AS_NEEDED = 0.005  # of the counted bytes: no more or less than that is as needed
COPY_OF = "copy of "
UNEXPLAINED = "unexplained"
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
    ordered = sorted(labelled(profile.compiled), key=lambda t: t.target.startswith("cpu"))
    parts = [
        Section(t.target, [Paragraph(f"{_verdicts(t)}.", note=False), *_target_blocks(t)],
                f"compiled-{slug(t.target)}")
        for t in ordered
    ]  # fmt: skip
    notes = [Bullets(NOTES)] if parts else []
    return Section("What the compiler made of it", [*notes, *parts], "compiled")


def compiled_summary(profile: Profile) -> list[Block]:
    """Every phase on every target in one table, and what a reader must know before its figures."""
    targets = labelled(profile.compiled)
    rows = [(target.target, phase) for target in targets for phase in target.phases]
    needed = _needed_columns([phase for _, phase in rows])
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
    blocks = _target_blocks(target, _SCOPES)
    return Document(title=target.target, headline=_verdicts(target), sections=[], lead=blocks)


def _verdicts(target: CompiledTarget) -> str:
    return "; ".join(f"{phase.phase} {verdict(phase)}" for phase in target.phases)


def _target_blocks(target: CompiledTarget, most: int | None = None) -> list[Block | Section]:
    scopes = [scopes_table(target, phase, most) for phase in target.phases]
    return [
        Paragraph("; ".join(filter(None, setting_texts(target)))),
        *(Paragraph(f"Warning: {sentence}", note=False) for sentence in warnings(target)),
        needed_table(target),
        kinds_chart(target, moved_by_kind),
        excess_table(target),
        memory_chart(target),
        executables_table(target),
        collectives_table(target),
        levels_table(target),
        Details("Bytes by scope and kind", scopes),
    ]


def _needed_columns(phases: Sequence[CompiledPhase]) -> list[Column]:
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
        Column("excess", [p.hbm_bytes - p.counted_bytes.total for p in phases], _signed, COMPILED,
               name="excess_bytes", priority=2),
        Column("largest excess", [_in_words(one.name) if one else "" for one in leading],
               lens=COMPILED),
        Column("its bytes", [one.excess_bytes if one else None for one in leading], _signed,
               COMPILED, name="largest_excess_bytes"),
        Column("unexplained", [p.unexplained_bytes for p in phases], _signed, COMPILED,
               name="unexplained_bytes", priority=3, short="unexpl."),
        Column("tile padding", [p.padding_bytes for p in phases], units.bytes_, COMPILED,
               name="padding_bytes", priority=4),
    ]  # fmt: skip


def needed_table(target: CompiledTarget) -> Table:
    """What the algorithm needs, what XLA moves, and the difference."""
    open_ended = any(phase.unresolved_loops for phase in target.phases)
    note = "sizes with an unresolved loop are lower bounds" if open_ended else ""
    return Table(
        f"{target.target}: needed and moved", _needed_columns(target.phases), "needed", note=note
    )


def executables_table(target: CompiledTarget) -> Table:
    """Memory, kernels, XLA's own totals and compile time: a row per phase."""
    phases = target.phases
    memory = [phase.memory for phase in phases]
    xla_bytes = [phase.xla_bytes_accessed for phase in phases]
    cycles = partial(units.prefixed, symbol="")
    return Table(
        f"{target.target}: the executables",
        [
            Column("phase", [p.phase for p in phases]),
            Column("peak memory", [m.peak_bytes for m in memory], units.bytes_, COMPILED,
                   name="peak_memory_bytes"),
            Column("capacity", [m.capacity_bytes for m in memory], units.bytes_, "datasheet",
                   name="capacity_bytes", priority=3),
            Column("against capacity", [memory_verdict(m) for m in memory], data=False),
            Column("time per call as compiled", [p.predicted_time_s for p in phases], units.seconds,
                   PREDICTED, name="predicted_s", show="both",
                   help="By the bytes that this executable moves. Predictions elsewhere are by "
                   "those that the algorithm needs."),
            Column("kernels", [p.kernels for p in phases], units.count, COMPILED, priority=1),
            Column("XLA's own bytes", [b if b > 0 else None for b in xla_bytes], units.bytes_,
                   COMPILED, name="xla_bytes", priority=4),
            Column("against HBM bytes", [xla_factor_text(p) for p in phases], lens=COMPILED,
                   data=False, priority=5),
            Column("FLOPs", [p.counted_flops for p in phases], units.flops, COUNTED, "flops", 2),
            Column("XLA's own FLOPs", [p.xla_flops for p in phases], units.flops, COMPILED,
                   name="xla_flops", priority=6),
            Column("XLA's cycles", [p.compiler_cycles for p in phases], cycles, "its estimate",
                   name="compiler_cycles", priority=7),
            Column("compile time", [p.compile_s for p in phases], units.seconds,
                   name="compile_s", priority=2),
        ],
        name="executables",
    )  # fmt: skip


def excess_table(target: CompiledTarget) -> Table:
    """Every excess of every phase, its evidence and its fix; what is unexplained ends each."""
    found = [(p.phase, line) for p in target.phases for line in _excess_lines(p)]
    lines = [line for _, line in found]
    return Table(
        f"{target.target}: from needed to moved",
        [
            Column("phase", [phase for phase, _ in found]),
            Column("excess", [_in_words(line.name) for line in lines], name="name"),
            Column("bytes", [e.excess_bytes for e in lines], _signed, COMPILED, "excess_bytes"),
            Column("of needed", [e.share for e in lines], units.change, COMPILED, name="share"),
            *field_columns(lines, "evidence"),
            Column("fix", [e.fix or "" for e in lines]),
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
    ranked = sorted(moved.items(), key=lambda pair: -sum(pair[1].values()))
    rows = others_as_one(dict(ranked), most)
    kinds = ("weights", "kv", "activations", COPIES, "collectives")
    sizes = {kind: [row.get(kind, 0) for row in rows.values()] for kind in kinds}
    totals = [sum(row.values()) for row in rows.values()]
    known = [sum(each) for each in zip(*sizes.values(), strict=True)]
    sizes["rest"] = [total - part for total, part in zip(totals, known, strict=True)]
    return Table(
        f"{target.target}, {phase.phase}: HBM bytes by scope and kind",
        columns(
            Column("scope", list(rows)),
            [Column("KV" if kind == "kv" else kind, [s or None for s in column], units.bytes_,
                    COMPILED) for kind, column in sizes.items()],
            Column("all", totals, units.bytes_, COMPILED),
        ),
        name=f"scopes-{phase.phase}",
    )  # fmt: skip


def _excess_lines(phase: CompiledPhase) -> list[Excess]:
    """The largest in either direction first, the unexplained bytes last."""
    ranked = sorted(phase.excesses, key=lambda one: -abs(one.excess_bytes))
    left, needed = phase.unexplained_bytes, phase.counted_bytes.total
    rest = Excess(name=UNEXPLAINED, excess_bytes=left, share=left / needed if needed else 0.0,
                  evidence="moved, less needed, less every excess above", fix=None)  # fmt: skip
    return [*ranked, rest]


def leading_excess(phase: CompiledPhase) -> Excess | None:
    """The excess that speaks most for the ratio: the largest, or below 1 the largest saving."""
    sign = -1 if phase.ratio < 1 else 1
    speaking = [one for one in phase.excesses if sign * one.excess_bytes > 0]
    return max(speaking, key=lambda one: abs(one.excess_bytes), default=None)


def verdict(phase: CompiledPhase) -> str:
    """'moves 6.3 % less than needed: weights kept on the chip'."""
    if not phase.counted_bytes.total:
        return "needs no bytes by count"
    over = phase.ratio - 1
    if phase.unresolved_loops:
        return f"moves at least {units.ratio(phase.ratio)} what is needed; a loop is unresolved"
    if abs(over) < AS_NEEDED:
        return "moves what is needed"
    if over >= 1:
        words = f"moves {units.ratio(phase.ratio)} what is needed"
    else:
        words = f"moves {units.share(abs(over))} {'less' if over < 0 else 'more'} than needed"
    leading = leading_excess(phase)
    return f"{words}: {_in_words(leading.name)}" if leading else words


def _signed(size: float) -> str:
    """'+31.0 MB'."""
    return f"{'+' if size > 0 else ''}{units.bytes_(size)}"


def xla_factor_text(phase: CompiledPhase) -> str:
    """How far XLA's own total is from the bytes that HBM moves: '211' times 'too small'."""
    if phase.xla_bytes_accessed <= 0 or not phase.hbm_bytes:
        return ""
    factor = phase.hbm_bytes / phase.xla_bytes_accessed
    if abs(factor - 1) < AS_NEEDED:
        return "as here"
    larger = units.ratio(factor if factor > 1 else 1 / factor)
    return f"{larger} too {'small' if factor > 1 else 'large'}"


def memory_verdict(memory: DeviceMemory) -> str:
    """'fits', by how much it does not, or '' where the capacity is unknown."""
    if memory.capacity_bytes is None:
        return ""
    over = memory.peak_bytes - memory.capacity_bytes
    return "fits" if memory.fits else f"{units.bytes_(over)} over"


def warnings(target: CompiledTarget) -> list[str]:
    """What a reader must know before any figure of a target."""
    return [warning for phase in target.phases for warning in _warnings(phase)]


def _warnings(phase: CompiledPhase) -> Iterator[str]:
    memory = phase.memory
    if memory.capacity_bytes is not None and not memory.fits:
        capacity = units.tick(units.bytes_(memory.capacity_bytes))
        peak = f"{units.bytes_(memory.peak_bytes)} of {capacity} at its peak"
        yield f"{phase.phase} does not fit: {peak}, {memory_verdict(memory)}"
    for loop in phase.unresolved_loops:
        yield (
            f"{phase.phase}: unresolved loop, counted once, so that all its totals are too small: "
            f"{loop}"
        )
    for bound in phase.upper_bounds:
        yield f"{phase.phase}: its bytes are at most these: {bound}"
    for call in phase.unknown_calls:
        yield (
            f"{phase.phase}: unknown call, its operands and results counted once, which may be "
            f"wrong either way: {call}"
        )


def labelled(targets: Sequence[CompiledTarget]) -> list[CompiledTarget]:
    """The targets, their names numbered where one occurs more than once."""
    occurrences, seen = Counter(target.target for target in targets), Counter[str]()
    made = []
    for target in targets:
        name = target.target
        seen[name] += 1
        label = f"{name} ({seen[name]})" if occurrences[name] > 1 else name
        made.append(target.model_copy(update={"target": label}))
    return made


def setting_texts(target: CompiledTarget) -> list[str]:
    """Devices and mesh; shape; versions; what kernels state of themselves."""
    devices = units.plural(target.devices, "device")
    prompts = units.plural(target.batch, "prompt")
    attempts = units.plural(target.attempts, "attempt")
    return [
        f"{devices}, {target.mesh}",
        f"batch of {prompts} {units.TIMES} {attempts}, context {units.count(target.context)} "
        f"({units.count(target.prompt_tokens)} of the prompt)",
        ", ".join(f"{name} {version}" for name, version in target.versions.items()),
        *stated_texts(target),
        *target.notes,
    ]


def stated_texts(target: CompiledTarget) -> list[str]:
    """How much of the phases' bytes no HLO shows, in a sentence where there is any."""
    parts = [
        f"{units.share(phase.stated_bytes / phase.hbm_bytes)} of {phase.phase}'s"
        for phase in target.phases
        if phase.stated_bytes
    ]
    stated = "HBM bytes are what Pallas kernels state of themselves: no HLO shows what they move"
    return [f"{', '.join(parts)} {stated}"] if parts else []


def moved_by_kind(phase: CompiledPhase) -> dict[str, int]:
    """HBM bytes by kind, the kinds of the counted lens first, then what the compiler added."""
    counted = type(phase.counted_bytes).model_fields
    sums = dict.fromkeys(counted, 0)
    for row in sorted(phase.hbm, key=lambda row: (not row.kind.startswith(COPY_OF), row.kind)):
        if row.kind == "kv":
            sums["kv_read"] += row.read_bytes
            sums["kv_write"] += row.written_bytes
        else:
            sums[row.kind] = sums.get(row.kind, 0) + row.read_bytes + row.written_bytes
    return {kind: size for kind, size in sums.items() if size}


def _in_words(name: str) -> str:
    """An excess by name."""
    return name.replace(" kv", " KV")


def others_as_one(
    rows: Mapping[str, Mapping[str, N]], most: int | None
) -> dict[str, Mapping[str, N]]:
    """Rows by name; of more than `most` and one the last ones are summed as '5 others'."""
    if most is None or len(rows) <= most + 1:
        return dict(rows)
    kept, others = list(rows)[:most], dict[str, N]()
    for row in list(rows.values())[most:]:
        for name, value in row.items():
            others[name] = others[name] + value if name in others else value
    return {**{name: rows[name] for name in kept}, f"{len(rows) - most} others": others}
