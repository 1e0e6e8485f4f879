"""Bars of the compiled lens: bytes by kind needed and moved, and memory against capacity."""

from collections.abc import Callable, Mapping

from ...records import CompiledPhase, CompiledTarget
from .. import theme, units
from ..document import Chart, slug
from .bars import Bar, Part, bars

_COPY = "copy of "


def kinds_chart(
    target: CompiledTarget, moved_by_kind: Callable[[CompiledPhase], Mapping[str, int]]
) -> Chart:
    """Needed beside moved, by kind; each phase on a scale of its own."""
    name = f"compiled-{slug(target.target)}"
    sums = [(p, p.counted_bytes.total, p.hbm_bytes) for p in target.phases]
    told = "; ".join(f"{p.phase}: {units.bytes_(a)} needed, {units.bytes_(b)} moved"
                     for p, a, b in sums)  # fmt: skip
    return Chart(
        name=name,
        title="HBM bytes by kind",
        note="needed (counted) above moved (compiled); each phase on a scale of its own",
        alt=f"HBM bytes on {target.target}. {told}.",
        draw=lambda: bars(_kind_rows(target, moved_by_kind), slug(name).replace("-", "_"), True),
        least_width=560,
    )


def _kind_rows(
    target: CompiledTarget, moved_by_kind: Callable[[CompiledPhase], Mapping[str, int]]
) -> list[Bar]:
    rows = []
    for phase in target.phases:
        needed, moved = phase.counted_bytes.total, phase.hbm_bytes
        most = max(needed, moved)
        if not most:
            continue
        counted = {
            kind: getattr(phase.counted_bytes, kind)
            for kind in phase.counted_bytes.__class__.model_fields
        }
        told = (
            f"{units.bytes_(moved)}, {units.ratio(phase.ratio)}" if needed else units.bytes_(moved)
        )
        rows.append(
            Bar(f"{phase.phase}, needed", _parts(phase, counted, most), units.bytes_(needed))
        )
        rows.append(Bar(f"{phase.phase}, moved", _parts(phase, moved_by_kind(phase), most), told))
    return rows


def _parts(phase: CompiledPhase, sizes: Mapping[str, int], most: int) -> list[Part]:
    """Parts as shares of the phase's longer bar."""
    made = []
    for kind, size in sizes.items():
        label, tint = _look(kind)
        told = {"phase": phase.phase, "kind": kind.replace("_", " "), "bytes": units.bytes_(size)}
        made.append(
            Part(size / most, label, theme.colour(tint), told, f"{label} {units.bytes_(size)}")
        )
    return made


def _look(kind: str) -> tuple[str, str]:
    """Label and colour of a kind; copies share one, and so do unknown kinds."""
    if kind.startswith(_COPY):
        return theme.KINDS["copies"]
    return theme.KINDS.get(kind, theme.KINDS["rest"])


def memory_chart(target: CompiledTarget) -> Chart:
    """Peak memory of one device: arguments and the rest, against its capacity."""
    name = f"memory-{slug(target.target)}"
    told = "; ".join(f"{p.phase}: {units.bytes_(p.memory.peak_bytes)}" for p in target.phases)
    limited = any(p.memory.capacity_bytes is not None for p in target.phases)
    return Chart(
        name=name,
        title="Peak memory per device",
        note=f"compiled; XLA's buffer assignment{'; stroke: capacity' if limited else ''}",
        alt=f"Peak memory of a device of {target.target}. {told}.",
        draw=lambda: bars(_memory_rows(target), slug(name).replace("-", "_"), True),
        least_width=480,
    )


def _memory_rows(target: CompiledTarget) -> list[Bar]:
    rows = []
    for phase in target.phases:
        memory = phase.memory
        inside = min(memory.peak_bytes, memory.capacity_bytes or memory.peak_bytes)
        arguments = min(memory.argument_bytes, inside)
        sizes = [("arguments", arguments, "slate"),
                 ("temporaries and results", inside - arguments, "mist"),
                 ("over capacity", memory.peak_bytes - inside, "loud")]  # fmt: skip
        limit, text = None, units.bytes_(memory.peak_bytes)
        if memory.capacity_bytes is not None:
            capacity = units.tick(units.bytes_(memory.capacity_bytes))
            limit = (memory.capacity_bytes, f"capacity {capacity}")
            text = f"{text} of {capacity}"
            sizes.append(("free", memory.capacity_bytes - inside, "grid"))
        parts = [
            Part(size, what, theme.colour(tint),
                 {"phase": phase.phase, "part": what, "bytes": units.bytes_(size)})
            for what, size, tint in sizes if size > 0
        ]  # fmt: skip
        rows.append(Bar(phase.phase, parts, text, limit=limit))
    return rows
