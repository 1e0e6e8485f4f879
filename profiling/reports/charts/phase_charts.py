"""Bars of a profile's phases: measured time, bytes by kind, idle slots, time on chips, scopes."""

from collections.abc import Mapping, Sequence

from ...records import Phase, Profile
from ...records.base import BYTE_KINDS
from .. import theme, units
from ..document import Chart
from .bars import Bar, Part, bars


def time_chart(profile: Profile) -> Chart | None:
    """Measured time of each phase, with the range of its repeats; None where nothing ran."""
    ran = [phase for phase in profile.phases if phase.measured]
    if not ran:
        return None
    rows = _time_rows(ran)
    return Chart(
        name="time", title="Time", note="measured on this machine; line: range of the repeats",
        alt="Measured time by phase. " + "; ".join(f"{row.name}: {row.text}" for row in rows) + ".",
        draw=lambda: bars(rows, "time"), half=True,
    )  # fmt: skip


def _time_rows(phases: Sequence[Phase]) -> list[Bar]:
    times = [phase.measured.time_s for phase in phases if phase.measured]
    total = sum(time.median for time in times)
    rows = []
    for phase, time, tint in zip(phases, times, _tints(phases), strict=True):
        share = f", {units.share(time.median / total)}" if total > 0 else ""
        text = f"{units.seconds(time.median)}{share}"
        repeats = units.span(units.seconds(time.low), units.seconds(time.high))
        told = {"phase": phase.name, "time": text, "repeats": repeats}
        part = Part(time.median, phase.name, tint, told)
        rows.append(Bar(phase.name, [part], text, (time.low, time.high)))
    return rows


def bytes_chart(profile: Profile) -> Chart | None:
    """HBM bytes by kind, as shares of each phase, so that small phases can be read too."""
    phases = [phase for phase in profile.phases if phase.counted.hbm_bytes.total]
    if not phases:
        return None
    told = "; ".join(f"{p.name}: {units.bytes_(p.counted.hbm_bytes.total)}" for p in phases)
    return Chart(
        name="bytes", title="HBM bytes by kind", note="counted; share of each phase",
        alt=f"Counted HBM bytes of each phase. {told}.",
        draw=lambda: bars([_bytes_row(p) for p in phases], "bytes", legend=True), half=True,
    )  # fmt: skip


def _bytes_row(phase: Phase) -> Bar:
    moved, parts = phase.counted.hbm_bytes, []
    for kind in BYTE_KINDS:
        size, (label, tint) = getattr(moved, kind), theme.KINDS[kind]
        share = units.share(size / moved.total)
        told = {"phase": phase.name, "kind": label, "bytes": units.bytes_(size), "share": share}
        inside = f"{label} {share}"
        parts.append(Part(size / moved.total, label, theme.colour(tint), told, inside))
    return Bar(phase.name, parts, units.bytes_(moved.total))


def idle_chart(profile: Profile) -> Chart | None:
    """Useful and idle sequence-steps of the phases that decode; None without idle ones."""
    phases = [phase for phase in profile.phases if phase.idle_slots]
    if not phases:
        return None
    rows = [_idle_row(p, t) for p, t in zip(phases, _tints(phases), strict=True)]
    return Chart(
        name="idle", title="Idle slots", note="batch slots of finished attempts, counted",
        alt="Idle slots by phase. " + "; ".join(f"{row.name}: {row.text}" for row in rows) + ".",
        draw=lambda: bars(rows, "idle"), half=True,
    )  # fmt: skip


def _idle_row(phase: Phase, tint: str) -> Bar:
    slots = phase.tokens + phase.idle_slots
    parts = [
        Part(count / slots, name, colour, {"phase": phase.name, "slots": f"{count:,} {name}"}, name)
        for count, name, colour in (
            (phase.tokens, "useful", tint),
            (phase.idle_slots, "idle", theme.colour("idle")),
        )
    ]
    return Bar(phase.name, parts, f"{units.share(phase.idle_slots / slots)} idle")


def chips_chart(profile: Profile) -> Chart | None:
    """The lower bound of all phases on each chip; None without chips."""
    if not profile.placements:
        return None
    rows = []
    for placement in profile.placements:
        tints = theme.phase_colours([on.phase for on in placement.phases])
        parts = [
            Part(on.time_at_peak_s, on.phase, tint,
                 {"chip": placement.chip, "phase": on.phase,
                  "at least": units.seconds(on.time_at_peak_s), "bound": on.bound}, on.phase)
            for on, tint in zip(placement.phases, tints, strict=True)
        ]  # fmt: skip
        chips = "" if placement.chips == 1 else f"{placement.chips} {units.TIMES} "
        total = sum(part.value for part in parts)
        rows.append(Bar(f"{chips}{placement.chip}", parts, units.seconds(total)))
    return Chart(
        name="chips", title="Lower bound of all phases", note="from the datasheet",
        alt="Time at datasheet peak. " + "; ".join(f"{r.name}: {r.text}" for r in rows) + ".",
        draw=lambda: bars(rows, "chips", legend=True, pitch=28),
    )  # fmt: skip


def scopes_chart(times: Mapping[str, Mapping[str, float]], phases: Sequence[str]) -> Chart:
    """Self time by scope, its phases in their colours; `times` is scope -> phase -> seconds."""
    whole = sum(sum(by_phase.values()) for by_phase in times.values())
    tints = dict(zip(phases, theme.phase_colours(phases), strict=True))
    rows = []
    for scope, by_phase in times.items():
        parts = [
            Part(by_phase[phase], phase, tints[phase],
                 {"scope": scope, "phase": phase, "self time": units.seconds(by_phase[phase])},
                 phase)
            for phase in phases if phase in by_phase
        ]  # fmt: skip
        total = sum(by_phase.values())
        rows.append(Bar(scope, parts, f"{units.seconds(total)}, {units.share(total / whole)}"))
    return Chart(
        name="trace", title="Self time by scope", note="measured in one traced generation",
        alt="Self time by scope. " + "; ".join(f"{r.name}: {r.text}" for r in rows) + ".",
        draw=lambda: bars(rows, "trace", legend=True, pitch=28), least_width=560,
    )  # fmt: skip


def _tints(phases: Sequence[Phase]) -> list[str]:
    return theme.phase_colours([phase.name for phase in phases])
