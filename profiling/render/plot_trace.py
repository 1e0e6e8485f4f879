"""Bars of the traced generation's self time: a row for each scope, its phases in their colours."""

from ..records import UNATTRIBUTED, Profile
from . import svg, units
from .bars import Bar, Part, bars
from .trace_tables import BETWEEN, phase_names, times


def trace_bars(profile: Profile) -> str:
    """Self time by scope and phase; '' without a trace."""
    trace = profile.trace
    if trace is None or not trace.scopes:
        return ""
    rows = []
    for scope, by_phase in times(trace).items():
        parts = []
        for phase in phase_names(trace):
            time_s = by_phase.get(phase, 0.0)
            named = BETWEEN if phase == UNATTRIBUTED else phase
            share = units.share(time_s / trace.thread_s)
            tooltip = f"{scope}, {named}: {units.seconds(time_s)}, {share} of all, measured"
            parts.append(Part(time_s, svg.phase_class(phase), tooltip))
        total = sum(by_phase.values())
        label = f"{units.seconds(total)}, {units.share(total / trace.thread_s)}"
        rows.append(Bar(scope, parts, label))
    heading = "Self time by scope and phase, measured in one traced generation"
    return bars("trace", heading, rows, width=1040, left=170, pitch=28)
