"""What the compiled lens found, in words: verdicts, excesses, warnings, and what a target is.

Bytes are those of one device over one call of a phase's program.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from ...records import CompiledPhase, CompiledTarget, DeviceMemory, Excess
from .. import theme, units

AS_NEEDED = 0.005  # of the counted bytes: no more or less than that is as needed
COPY_OF = "copy of "
UNEXPLAINED = "unexplained"


def excess_lines(phase: CompiledPhase) -> list[tuple[str, int, float, str, str]]:
    """(name, bytes, share of needed, evidence, fix) of every excess, the largest in either
    direction first, then the unexplained bytes."""
    ranked = sorted(phase.excesses, key=lambda one: -abs(one.excess_bytes))
    lines = [(in_words(e.name), e.excess_bytes, e.share, e.evidence, e.fix or "") for e in ranked]
    needed = phase.counted_bytes.total
    share = phase.unexplained_bytes / needed if needed else 0.0
    rest = "moved, less needed, less every excess above"
    return [*lines, (UNEXPLAINED, phase.unexplained_bytes, share, rest, "")]


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
    return f"{words}: {in_words(leading.name)}" if leading else words


def signed(size: float) -> str:
    """'+31.0 MB'."""
    return f"{'+' if size > 0 else ''}{units.bytes_(size)}"


def xla_bytes(phase: CompiledPhase) -> float | None:
    """XLA's own total; None where it gives none."""
    return phase.xla_bytes_accessed if phase.xla_bytes_accessed > 0 else None


def xla_factor_text(phase: CompiledPhase) -> str:
    """How far XLA's own total is from the bytes that HBM moves: '211' times 'too small'."""
    if phase.xla_bytes_accessed <= 0 or not phase.hbm_bytes:
        return ""
    factor = phase.hbm_bytes / phase.xla_bytes_accessed
    if abs(factor - 1) < AS_NEEDED:
        return "as here"
    larger = units.ratio(factor if factor > 1 else 1 / factor)
    return f"{larger} too {'small' if factor > 1 else 'large'}"


def memory_text(memory: DeviceMemory) -> str:
    """'1.53 GB of 16 GB'; the peak alone where the capacity is unknown."""
    peak = units.bytes_(memory.peak_bytes)
    if memory.capacity_bytes is None:
        return peak
    return f"{peak} of {units.tick(units.bytes_(memory.capacity_bytes))}"


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
    if not phase.memory.fits:
        text, over = memory_text(phase.memory), memory_verdict(phase.memory)
        yield f"{phase.phase} does not fit: {text} at its peak, {over}"
    for loop in phase.unresolved_loops:
        yield (
            f"{phase.phase}: unresolved loop, counted once, so that all its totals are too small: "
            f"{loop}"
        )
    for call in phase.unknown_calls:
        yield (
            f"{phase.phase}: unknown call, its operands and results counted once, which may be "
            f"wrong either way: {call}"
        )


def unresolved(target: CompiledTarget) -> bool:
    return any(phase.unresolved_loops for phase in target.phases)


def target_labels(targets: Sequence[CompiledTarget]) -> list[str]:
    """Names of the targets, numbered where one occurs more than once."""
    occurrences, seen = Counter(target.target for target in targets), Counter[str]()
    labels = []
    for target in targets:
        seen[target.target] += 1
        number = f" ({seen[target.target]})" if occurrences[target.target] > 1 else ""
        labels.append(target.target + number)
    return labels


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


def kind_label(kind: str) -> str:
    """A kind in words."""
    if kind in theme.KINDS:
        return theme.KINDS[kind][0]
    return "KV" if kind == "kv" else kind.replace(" of kv", " of KV")


def in_words(name: str) -> str:
    """An excess by name."""
    return name.replace(" kv", " KV")
