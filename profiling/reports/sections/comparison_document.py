"""`rooflink compare`: what differs between two profiles, and every ratio."""

from ...comparison import Comparison, PhaseChange, Ratio
from ...records.profile import TOTAL
from .. import theme, units
from ..document import Column, Document, Paragraph, Section, Table
from ..terms import COUNTED, MEASURED
from ..units import Text

_UNLIKE = (
    "The two profiles differ in model, workload or phases (see what differs): their ratios "
    "compare different work."
)
_MACHINES = "Times were measured on different machines and are not comparable."
_SAME = "same"
_Row = tuple[str, str, str, str, float | None, str]  # phase, what, a, b, ratio, verdict


def comparison_document(comparison: Comparison) -> Document:
    """What differs, then every ratio."""
    same = sum(row[5] == _SAME for row in _rows(comparison))
    rest = f"The other {same} figures are the same in both." if same else ""
    return Document(
        title=f"b: {comparison.name_b}  against  a: {comparison.name_a}",
        headline=headline(comparison),
        lead=[Paragraph(note, note=False) for note in notes(comparison)],
        sections=[
            Section("What differs", [differences_table(comparison)]),
            Section("Ratios", [ratios_table(comparison), Paragraph(rest)]),
        ],
    )


def headline(comparison: Comparison) -> str:
    """The change of time and of bytes of all phases together, in a sentence."""
    total = comparison.total
    if total is None:
        return "The two profiles made different phases."
    parts = []
    if total.time and total.time.ratio is not None and comparison.same_machine:
        parts.append(f"time {units.ratio(total.time.ratio)} ({total.time.verdict})")
    moved = total.hbm_bytes[TOTAL].ratio
    if moved is not None:
        parts.append(f"HBM bytes {units.ratio(moved)}")
    if total.flops.ratio is not None:
        parts.append(f"FLOPs {units.ratio(total.flops.ratio)}")
    return f"All phases, b / a: {', '.join(parts)}." if parts else ""


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know before any ratio."""
    timed = any(change.time for change in comparison.phases)
    machines = [_MACHINES] if timed and not comparison.same_machine else []
    return [_UNLIKE, *machines] if comparison.unlike else machines


def differences_table(comparison: Comparison) -> Table:
    """Everything that was not the same in the two profiles."""
    found = comparison.differences
    return Table(
        "What differs",
        [
            Column("what", [f"{d.part}: {d.field.replace('_', ' ')}" for d in found]),
            Column("a", [_side(d.field, d.a) for d in found]),
            Column("b", [_side(d.field, d.b) for d in found]),
        ],
        name="differences",
    )


def _side(field: str, text: str) -> str:
    """A side of a difference, the machine's rates with their units."""
    rates = {"read_bandwidth": units.bandwidth, "matmul_flops": units.flop_rate}
    return rates[field](float(text)) if field in rates else text


def ratios_table(comparison: Comparison) -> Table:
    """Every figure that is not the same on both sides, phase by phase, with its ratio."""
    rows = [row for row in _rows(comparison) if row[5] != _SAME]
    return Table(
        "Ratios",
        [
            Column("phase", [row[0] for row in rows]),
            Column("what", [row[1] for row in rows]),
            Column("a", [row[2] for row in rows], str),
            Column("b", [row[3] for row in rows], str),
            Column("b / a", [row[4] for row in rows], units.ratio, name="ratio"),
            Column("verdict", [row[5] for row in rows]),
        ],
        name="ratios",
    )


def _rows(comparison: Comparison) -> list[_Row]:
    changes = [*comparison.phases, *([comparison.total] if comparison.total else [])]
    rows = [row for change in changes for row in _phase_rows(change)]
    return rows + _accuracy_rows(comparison)


def _phase_rows(change: PhaseChange) -> list[_Row]:
    phase, time = change.phase, change.time
    elsewhere = time is not None and time.verdict == "different machines"
    rows = [_row(phase, f"tokens, {COUNTED}", change.tokens, units.count)]
    if time:
        a, b = units.seconds(time.a.median), units.seconds(time.b.median)
        ratio = None if elsewhere else time.ratio  # one that may not be read is not printed
        rows.append((phase, f"time, {MEASURED}", a, b, ratio, time.verdict))
    if change.tokens_per_s:
        row = _row(phase, f"rate, {MEASURED}", change.tokens_per_s, units.rate)
        rows.append((*row[:4], None, "different machines") if elsewhere else row)
    rows.append(_row(phase, f"FLOPs, {COUNTED}", change.flops, units.flops))
    for kind, moved in change.hbm_bytes.items():
        name = "HBM bytes" if kind == TOTAL else theme.KINDS[kind][0]
        rows.append(_row(phase, f"{name}, {COUNTED}", moved, units.bytes_))
    rows.append(_row(phase, f"intensity, {COUNTED}", change.intensity, units.intensity))
    return rows


def _row(phase: str, what: str, figure: Ratio, text: Text) -> _Row:
    ratio = figure.ratio
    alike = figure.a == figure.b or (ratio is not None and units.ratio(ratio) == units.ratio(1))
    verdict = _SAME if alike else "more" if figure.b > figure.a else "less"
    return phase, what, text(figure.a), text(figure.b), ratio, verdict


def _accuracy_rows(comparison: Comparison) -> list[_Row]:
    change = comparison.accuracy
    if change is None:
        return []
    row = _row("outcome", "accuracy", change.accuracy, units.share)
    a, b = (units.span(*map(units.share, ends)) for ends in (change.interval_a, change.interval_b))
    return [(*row[:5], change.verdict), ("outcome", "95 % interval", a, b, None, "")]
