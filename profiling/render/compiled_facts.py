"""What the compiled lens found, in the words and figures that every report prints.

Bytes are those of one device over one call of a phase's program.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..records import CompiledPhase, CompiledTarget, DeviceMemory, Excess
from . import units
from .facts import KIND_LABELS

AS_ASKED = 0.005  # of the counted bytes: no more or less than that is as asked for
COPY_OF = "copy of "
MINUS = "\N{MINUS SIGN}"
AT_LEAST = "\N{GREATER-THAN OR EQUAL TO} "
UNEXPLAINED = "unexplained"

NOTES: tuple[str, ...] = (
    "Bytes are those of one device over one call of a phase's program, whole tiles as they move.",
    "Asked for: the counted lens, shared evenly over the devices of the mesh. Excesses and what "
    "is unexplained add up to the difference.",
    "XLA's own total counts the body of each loop once and mixes all memory levels.",
)


@dataclass(frozen=True)
class ExcessLine:
    """One line of the account from asked for to compiled; the last is what is unexplained."""

    name: str
    size: int
    share: float  # of the counted bytes
    evidence: str
    fix: str = ""


def excess_lines(phase: CompiledPhase) -> list[ExcessLine]:
    """Every excess, the largest first in either direction, then the unexplained bytes."""
    ranked = sorted(phase.excesses, key=lambda one: -abs(one.excess_bytes))
    lines = [
        ExcessLine(one.name, one.excess_bytes, one.share, one.evidence, one.fix or "")
        for one in ranked
    ]
    asked = phase.counted_bytes.total
    share = phase.unexplained_bytes / asked if asked else 0.0
    rest = "compiled, less asked for, less every excess above"
    return [*lines, ExcessLine(UNEXPLAINED, phase.unexplained_bytes, share, rest)]


def leading_excess(phase: CompiledPhase) -> Excess | None:
    """The excess that speaks most for the ratio: the largest, or below 1 the largest saving."""
    sign = -1 if phase.ratio < 1 else 1
    speaking = [one for one in phase.excesses if sign * one.excess_bytes > 0]
    return max(speaking, key=lambda one: abs(one.excess_bytes), default=None)


def verdict(phase: CompiledPhase) -> str:
    """'moves 6.3 % less than asked for: weights kept on the chip'."""
    if not phase.counted_bytes.total:
        return "nothing was asked for"
    over = phase.ratio - 1
    if phase.unresolved_loops:
        return f"moves at least {units.ratio(phase.ratio)} what was asked for; a loop is unresolved"
    if abs(over) < AS_ASKED:
        return "moves what was asked for"
    if over >= 1:
        words = f"moves {units.ratio(phase.ratio)} what was asked for"
    else:
        words = f"moves {units.share(abs(over))} {'less' if over < 0 else 'more'} than asked for"
    leading = leading_excess(phase)
    return f"{words}: {leading.name}" if leading else words


def signed(size: float) -> str:
    """'+31.0 MB', with a true minus sign below zero."""
    return _sign(size) + units.bytes_(abs(size))


def signed_share(share: float) -> str:
    """'+6.2 %', with a true minus sign below zero; none where it is next to nothing."""
    size = units.share(abs(share))
    return size if size.startswith("<") else _sign(share) + size


def _sign(value: float) -> str:
    return "+" if value > 0 else MINUS if value < 0 else ""


def compiled_text(phase: CompiledPhase) -> str:
    """HBM bytes moved; at least so many where a loop's length is unknown."""
    return _at_least(phase) + units.bytes_(phase.hbm_bytes)


def ratio_text(phase: CompiledPhase) -> str:
    """Compiled over counted; '' where nothing was asked for."""
    return _at_least(phase) + units.ratio(phase.ratio) if phase.counted_bytes.total else ""


def _at_least(phase: CompiledPhase) -> str:
    return AT_LEAST if phase.unresolved_loops else ""


def difference_text(phase: CompiledPhase) -> str:
    """Compiled less counted."""
    return _at_least(phase) + signed(phase.hbm_bytes - phase.counted_bytes.total)


def leading_text(phase: CompiledPhase) -> str:
    """'copy of kv +189 MB'; '' without one."""
    leading = leading_excess(phase)
    return f"{leading.name} {signed(leading.excess_bytes)}" if leading else ""


def xla_bytes_text(phase: CompiledPhase) -> str:
    """XLA's own total; '' where it gives none."""
    return units.bytes_(phase.xla_bytes_accessed) if phase.xla_bytes_accessed > 0 else ""


def xla_factor_text(phase: CompiledPhase) -> str:
    """How far XLA's own total is from the bytes that HBM moves: '211' times 'too small'."""
    if phase.xla_bytes_accessed <= 0 or not phase.hbm_bytes:
        return ""
    factor = phase.hbm_bytes / phase.xla_bytes_accessed
    if abs(factor - 1) < AS_ASKED:
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
    devices = f"{units.count(target.devices)} device{'' if target.devices == 1 else 's'}"
    prompts = f"{units.count(target.batch)} prompt{'' if target.batch == 1 else 's'}"
    attempts = f"{units.count(target.attempts)} attempt{'' if target.attempts == 1 else 's'}"
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
    said = "HBM bytes are what Pallas kernels state of themselves: no HLO shows what they move"
    return [f"{', '.join(parts)} {said}"] if parts else []


def moved_by_kind(phase: CompiledPhase) -> dict[str, int]:
    """HBM bytes by kind, the kinds of the counted lens first, then what the compiler added."""
    sums = dict.fromkeys(KIND_LABELS, 0)
    for row in sorted(phase.hbm, key=lambda row: (not row.kind.startswith(COPY_OF), row.kind)):
        if row.kind == "kv":
            sums["kv_read"] += row.read_bytes
            sums["kv_write"] += row.written_bytes
        else:
            sums[row.kind] = sums.get(row.kind, 0) + row.read_bytes + row.written_bytes
    return {kind: size for kind, size in sums.items() if size}


def kind_class(kind: str) -> str:
    """CSS class that colours a kind; copies share one, and so do unknown kinds."""
    if kind.startswith(COPY_OF):
        return "kind-copies"
    known = kind in KIND_LABELS or kind == "collectives"
    return f"kind-{kind}" if known else "kind-rest"


def kind_label(kind: str) -> str:
    """A kind in words."""
    return KIND_LABELS.get(kind, "KV" if kind == "kv" else kind.replace(" of kv", " of KV"))


def time_text(phase: CompiledPhase) -> str:
    """The predicted time of one call with its 80 % interval; nothing where there is none."""
    time_s = phase.predicted_time_s
    if time_s is None:
        return ""
    ends = f"{units.seconds(time_s.low)} to {units.seconds(time_s.high)}"
    return f"{units.seconds(time_s.median)} ({ends})"
