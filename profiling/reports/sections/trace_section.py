"""The traced generation: the table of scopes by phase, and sentences on what it holds."""

from collections import defaultdict

from ...records import UNATTRIBUTED, Profile, Trace
from .. import units
from ..charts.phase_charts import scopes_chart
from ..document import Block, Bullets, Column, Section, Table, columns
from ..terms import MEASURED
from .compiled_document import others_as_one
from .profile_facts import spread_text

BETWEEN = "between phases"
CAPTION = "Where the time goes: self time by scope"


def trace_section(profile: Profile, most: int | None = None) -> Section:
    """Self time by scope, as a chart and a table (of `most` scopes), and what it leaves open."""
    trace = profile.trace
    blocks: list[Block] = []
    if trace is not None and trace.scopes:
        headings = list(map(_heading, phase_names(trace)))
        named = {
            scope: {_heading(phase): time for phase, time in row.items()}
            for scope, row in times(trace).items()
        }
        blocks = [scopes_chart(named, headings), scopes_table(trace, most)]
    return Section("Where the time goes", [*blocks, Bullets(trace_notes(profile))], "trace")


def scopes_table(trace: Trace, most: int | None = None) -> Table:
    """Self time of each scope in each phase, and its share; after `most` the others as one.

    What no scope claims comes last, above the total.
    """
    sums = times(trace)
    phases = phase_names(trace)
    named = {scope: row for scope, row in sums.items() if scope != UNATTRIBUTED}
    rows = [*others_as_one(named, most).items()]
    if UNATTRIBUTED in sums:
        rows.append((UNATTRIBUTED, sums[UNATTRIBUTED]))
    if rows:
        rows.append(("total", {phase: _sum(trace, phase) for phase in phases}))
    totals = [sum(row.values()) for _, row in rows]
    return Table(
        CAPTION,
        columns(
            Column("scope", [scope for scope, _ in rows]),
            [Column(_heading(phase), [row.get(phase) for _, row in rows], units.seconds, MEASURED,
                    name=f"{phase}_s", priority=2 if phase == UNATTRIBUTED else 1)
             for phase in phases],
            Column("all", totals, units.seconds, MEASURED, name="self_time_s"),
            Column("share", [t / (trace.thread_s or 1.0) for t in totals], units.share, MEASURED),
        ),
        name="scopes",
        has_total=bool(rows),
    )  # fmt: skip


def times(trace: Trace) -> dict[str, dict[str, float]]:
    """Scope -> phase -> seconds, the largest scopes first."""
    sums: dict[str, dict[str, float]] = defaultdict(dict)
    for row in trace.scopes:
        sums[row.scope][row.phase] = row.self_time_s
    return dict(sorted(sums.items(), key=lambda pair: -sum(pair[1].values())))


def phase_names(trace: Trace) -> list[str]:
    """The phases with time, the longest first; what is between them last."""
    names = dict.fromkeys(row.phase for row in trace.scopes)  # as they come where equally long
    return sorted(names, key=lambda phase: (phase == UNATTRIBUTED, -_sum(trace, phase)))


def trace_notes(profile: Profile) -> list[str]:
    """What the table is of, what it leaves open, and what tracing cost."""
    trace = profile.trace
    if trace is None:
        return []
    notes = [f"No table: {trace.problem}."] if trace.problem else [_what(trace), _open(trace)]
    notes += _overhead(trace)
    if trace.session:
        notes.append(
            f"The trace itself is in {trace.session}: rooflink board shows it in XProf's tab where "
            "rooflink[xprof] is installed."
        )
    return notes


def _what(trace: Trace) -> str:
    whose = "core" if trace.clock == "TPU cores" else "thread"
    return (
        f"One generation of the first batch under jax.profiler: {units.seconds(trace.thread_s)} of "
        f"work on {units.plural(trace.lines, whose)}; idle and waiting threads are left out, and "
        "an instruction's time is without that of those inside it."
    )


def _open(trace: Trace) -> str:
    rest_s = trace.thread_s * (1 - trace.attributed_share)
    return (
        f"{units.share(trace.attributed_share)} belongs to a phase and a scope; of the other "
        f"{units.seconds(rest_s)}, {units.seconds(trace.dispatch_s)} is XLA's own, in loops and "
        "between instructions."
    )


def _overhead(trace: Trace) -> list[str]:
    if trace.overhead is None or not trace.traced_s or not trace.untraced_s:
        return []
    untraced = trace.untraced_s
    took, median = units.seconds(trace.traced_s), units.seconds(untraced.median)
    if trace.traced_s > untraced.high:
        verdict = f"an overhead of {units.share(trace.overhead)}"
    else:
        verdict = "tracing added nothing that this machine's noise lets through"
    return [
        f"Its phases took {took}; untraced they took {median} ({spread_text(untraced)}): "
        f"{verdict}. Nothing else in this report was traced."
    ]


def _heading(phase: str) -> str:
    return BETWEEN if phase == UNATTRIBUTED else phase


def _sum(trace: Trace, phase: str) -> float:
    return sum(row.self_time_s for row in trace.scopes if row.phase == phase)
