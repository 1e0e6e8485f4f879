"""`rooflink compare`: is the change worth it, what differs, and every ratio."""

from collections.abc import Sequence

from ...comparison import (
    Comparison,
    Figure,
    PhaseChange,
    PredictedChange,
    Ratio,
    TimeVerdict,
    Worth,
)
from ...records import Interval
from ...records.profile import TOTAL
from .. import theme, units
from ..document import Column, Document, Paragraph, Section, Table
from ..terms import COUNTED, MEASURED, PREDICTED
from ..units import Text

_UNLIKE = (
    "The two profiles differ in model, workload or phases (see what differs): their ratios "
    "compare different work."
)
_MACHINES = "Times were measured on different machines and are not comparable."
DRIFT: TimeVerdict = "within the machine's drift"
_DRIFTED = (
    "The machine's own limits, measured beside both runs, changed as much as times marked "
    f"'{DRIFT}': they are no change of the program."
)
_SHARED = (
    "Intervals are of each side alone; errors of the calibration that both share cancel in b / a."
)
_SAME = "same"
_Row = tuple[str, str, str, str, float | None, str]  # phase, what, a, b, ratio, verdict


def comparison_document(comparison: Comparison) -> Document:
    """The verdict, what a query takes on each slice, what differs, then every ratio."""
    same = sum(row[5] == _SAME for row in _rows(comparison))
    moved = [change for change in comparison.predicted if change.verdict != _SAME]
    shared = _SHARED if moved else ""
    rest = f"The other {same} figures are the same in both." if same else ""
    return Document(
        title=f"b: {comparison.name_b}  against  a: {comparison.name_a}",
        headline=headline(comparison),
        lead=[Paragraph(note, note=False) for note in notes(comparison)],
        sections=[
            Section("Predicted per query", [predicted_table(comparison), Paragraph(shared)]),
            Section("What differs", [differences_table(comparison)]),
            Section("Ratios", [ratios_table(comparison), Paragraph(rest)]),
        ],
    )


def headline(comparison: Comparison) -> str:
    """Whether the change is worth it, by what a query takes and how often it is right."""
    return f"{_ANSWERS[comparison.worth]}: {_spends(comparison)}{_accuracy(comparison)}."


_ANSWERS: dict[Worth, str] = {
    "yes": "b is worth it",
    "no": "b is not worth it",
    "trade": "A trade",
    "same": "No difference that counts",
    "by slice": "It depends on the slice",
    "if as accurate": "b is worth it if it is right as often",
    "if more accurate": "b is worth it only if it is right more often",
    "unknown": "Undecided",
}


def _spends(comparison: Comparison) -> str:
    """What b takes per query, predicted, over all slices; else by the measured time."""
    deciding, total = comparison.deciding, comparison.total
    time = total.time if total else None
    measured = f"b's measured time is {time.verdict} ({_times(time.ratio)})" if time else ""
    if not deciding:
        none = "no slice that both are predicted on, and no time measured on one machine"
        return measured if comparison.spends else none
    figures = [_changes(comparison.predicted, figure) for figure in _FIGURES]
    where = _where({change.slice for change in comparison.predicted})
    if {change.verdict for change in comparison.predicted} == {_SAME}:
        figures = ["as much as a"]
    text = f"predicted per query on {where}, b takes {', '.join(filter(None, figures))}"
    return f"{text}; {measured}" if time and time.verdict in ("faster", "slower") else text


_FIGURES: dict[Figure, str] = {"cost": "money", "time": "time", "energy": "energy"}


def _where(slices: set[str]) -> str:
    return ", ".join(slices) if len(slices) == 1 else f"{len(slices)} slices"


def _changes(predicted: Sequence[PredictedChange], figure: Figure) -> str:
    """'12 % less money', '3.1 to 40 % more time', 'from 5 % less to 10 % more energy'; where only
    some of the slices tell, on which of them."""
    changes = [change for change in predicted if change.figure == figure]
    told, slices = ({change.slice for change in some} for some in (changes, predicted))
    text = _change(changes, _FIGURES[figure])
    return f"{text} (known on {len(told)} of them)" if text and told < slices else text


def _change(changes: Sequence[PredictedChange], words: str) -> str:
    moved = sorted(change.ratio - 1 for change in changes if change.ratio is not None)
    if not moved:
        return ""
    if {change.verdict for change in changes} == {"same"}:
        return f"the same {words}"
    low, high = moved[0], moved[-1]
    if low < 0 < high:
        return f"from {units.share(-low)} less to {units.share(high)} more {words}"
    ends = sorted((abs(low), abs(high)))
    return f"{units.span(*map(units.share, ends))} {'less' if low < 0 else 'more'} {words}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else units.ratio(ratio)


def _accuracy(comparison: Comparison) -> str:
    """'; it is right on 98 % against 90 %, which the intervals do not tell apart'."""
    change = comparison.accuracy
    if change is None:
        return "; accuracy is not known of both"
    a, b = units.share(change.accuracy.a), units.share(change.accuracy.b)
    if a == b:
        return f"; both are right on {a}"
    known = {
        "within interval": "their intervals overlap",
        "higher": "more than the intervals explain",
        "lower": "less, and the intervals do not overlap",
    }[change.verdict]
    return f"; it is right on {b} against {a}: {known}"


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know before any ratio."""
    drifted = any(c.time and c.time.verdict == DRIFT for c in comparison.phases)
    timed = any(change.time for change in comparison.phases)
    machines = [_MACHINES] if timed and not comparison.same_machine else []
    unlike = [_UNLIKE] if comparison.unlike else []
    return [*unlike, *machines, *([_DRIFTED] if drifted else [])]


def predicted_table(comparison: Comparison) -> Table:
    """What a query takes on each slice of both sides, with its intervals, where it differs."""
    rows = [change for change in comparison.predicted if change.verdict != _SAME]
    text = {"time": units.seconds, "cost": units.usd, "energy": units.joules}
    writers = [text[c.figure].for_column([c.a.median, c.b.median]) for c in rows]

    def side(intervals: list[Interval]) -> tuple[list[str], list[str]]:
        pairs = list(zip(intervals, writers, strict=True))
        return [write(i.median) for i, write in pairs], [units.bounds(i, w) for i, w in pairs]

    (a, a_bounds), (b, b_bounds) = side([c.a for c in rows]), side([c.b for c in rows])
    return Table(
        "Predicted per query",
        [
            Column("slice", [c.slice for c in rows]),
            Column("per query", [c.figure for c in rows], name="figure"),
            Column("a", a, str, PREDICTED),
            Column("a's 80 % interval", a_bounds, str, PREDICTED, priority=1),
            Column("b", b, str, PREDICTED),
            Column("b's 80 % interval", b_bounds, str, PREDICTED, priority=1),
            Column("b / a", [c.ratio for c in rows], units.ratio, name="ratio"),
            Column("verdict", [c.verdict for c in rows]),
        ],
        name="predicted",
        whole=True,
        keys=2,
    )


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
        told = time is not None and time.verdict in ("faster", "slower")
        rows.append(row if told or time is None else (*row[:4], None, time.verdict))
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
