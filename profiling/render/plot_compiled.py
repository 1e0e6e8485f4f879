"""Bars of the compiled lens: bytes by kind asked for and compiled, and memory against capacity."""

from ..records import CompiledPhase, CompiledTarget, Profile
from . import units
from .bars import Bar, Part, bars
from .compiled_facts import (
    compiled_text,
    kind_class,
    kind_label,
    memory_text,
    memory_verdict,
    moved_by_kind,
    ratio_text,
    target_labels,
)
from .facts import KIND_LABELS
from .lens import COMPILED, COUNTED

WIDTH, LEFT, RIGHT = 1040, 150, 236


def compiled_plots(profile: Profile) -> dict[str, str]:
    """Name -> `<svg>`: two for each target, by its place in the profile."""
    found = {}
    labels = target_labels(profile.compiled)
    for index, (label, target) in enumerate(zip(labels, profile.compiled, strict=True)):
        found[f"compiled-{index}"] = kind_bars(target, f"compiled-{index}", label)
        found[f"memory-{index}"] = memory_bars(target, f"memory-{index}", label)
    return found


def kind_bars(target: CompiledTarget, name: str, label: str) -> str:
    """Asked for beside compiled, by kind; each phase on a scale of its own."""
    rows = []
    for phase in target.phases:
        most = max(phase.counted_bytes.total, phase.hbm_bytes)
        if not most:
            continue
        counted = {kind: getattr(phase.counted_bytes, kind) for kind in KIND_LABELS}
        asked = units.bytes_(phase.counted_bytes.total)
        reached = f"{compiled_text(phase)}, {ratio_text(phase)}".rstrip(", ")
        rows.append(Bar(f"{phase.phase}, asked for", _parts(phase, counted, most, COUNTED), asked))
        parts = _parts(phase, moved_by_kind(phase), most, COMPILED)
        rows.append(Bar("compiled", parts, reached, close=True))
    heading = f"HBM bytes by kind on {label}, asked for (counted) and compiled"
    return bars(name, heading, rows, WIDTH, LEFT, 44, RIGHT)


def _parts(phase: CompiledPhase, moved: dict[str, int], most: int, lens: str) -> list[Part]:
    """Parts as shares of the phase's longer bar."""
    found, total = [], sum(moved.values()) or 1
    for kind, size in moved.items():
        named = f"{kind_label(kind)} {units.bytes_(size)}"
        tooltip = f"{phase.phase}, {named}: {units.share(size / total)} of its bytes, {lens}"
        found.append(Part(size / most, kind_class(kind), tooltip, named))
    return found


def memory_bars(target: CompiledTarget, name: str, label: str) -> str:
    """Peak memory of one device: arguments and the rest, against its capacity."""
    rows = []
    for phase in target.phases:
        memory = phase.memory
        inside = min(memory.peak_bytes, memory.capacity_bytes or memory.peak_bytes)
        arguments = min(memory.argument_bytes, inside)
        sizes = {"arguments": arguments, "temporaries and results": inside - arguments}
        parts = [
            Part(size, f"memory-{what.split()[0]}", f"{phase.phase}, {what}: {units.bytes_(size)}")
            for what, size in sizes.items()
        ]
        over = memory_verdict(memory)
        parts.append(Part(memory.peak_bytes - inside, "memory-over", f"{phase.phase}: {over}"))
        limit = None
        if memory.capacity_bytes is not None:
            limit = (memory.capacity_bytes, f"capacity {units.bytes_(memory.capacity_bytes)}")
            free = memory.capacity_bytes - inside
            parts.append(Part(free, "memory-free", f"{phase.phase}, free: {units.bytes_(free)}"))
        text = ", ".join(filter(None, (memory_text(memory), over)))
        rows.append(Bar(phase.phase, parts, text, limit=limit))
    heading = f"Peak memory of a device of {label} against its capacity"
    return bars(name, heading, rows, WIDTH, LEFT, 34, RIGHT)
