"""Horizontal bars: measured time and HBM bytes of each phase, idle slots, time on each chip."""

from ..records import Profile
from ..records.base import BYTE_KINDS
from . import facts, svg, units
from .bars import Bar, Part, bars
from .tables import time_at_peak


def time_bars(profile: Profile) -> str:
    """Measured time of each phase, with the range of its repeats."""
    rows = []
    for phase in profile.phases:
        if phase.measured is None:
            continue
        time = phase.measured.time_s
        share = facts.time_share(phase, profile.phases)
        label = units.seconds(time.median)
        text = f"{label}, {units.share(share)}" if share is not None else label
        colour = svg.phase_class(phase.name)
        part = Part(time.median, colour, f"{phase.name}: {text}, measured")
        rows.append(Bar(phase.name, [part], text, (time.low, time.high)))
    return bars("time", "Measured time by phase", rows)


def byte_bars(profile: Profile) -> str:
    """HBM bytes by kind, as shares of each phase, so that small phases can be read too."""
    rows = []
    for phase in profile.phases:
        moved, parts = phase.counted.hbm_bytes, []
        if not moved.total:
            continue
        for kind in BYTE_KINDS:
            share, name = getattr(moved, kind) / moved.total, facts.KIND_LABELS[kind]
            tooltip = f"{phase.name}, {name}: {units.share(share)} of its bytes, counted"
            parts.append(Part(share, f"kind-{kind}", tooltip, f"{name} {units.share(share)}"))
        rows.append(Bar(phase.name, parts, units.bytes_(moved.total)))
    return bars("bytes", "Counted HBM bytes of each phase, by kind", rows)


def idle_bars(profile: Profile) -> str:
    """Useful and idle sequence-steps of the phases that decode."""
    rows = []
    for phase in profile.phases:
        if not phase.idle_slots:
            continue
        share = facts.idle_share(phase)
        useful = f"{phase.name}: {units.count(phase.tokens)} useful slots"
        idle = f"{phase.name}: {units.count(phase.idle_slots)} idle slots"
        parts = [
            Part(1 - share, svg.phase_class(phase.name), useful),
            Part(share, "idle", idle),
        ]
        label = f"{units.share(share)} idle"
        rows.append(Bar(phase.name, parts, label))
    return bars("idle", "Idle slots by phase", rows)


def chip_bars(profile: Profile) -> str:
    """Time of all phases on each chip at datasheet peak."""
    rows = []
    for placement in profile.placements:
        parts = [
            Part(
                on.time_at_peak_s,
                svg.phase_class(on.phase),
                f"{on.phase} on {placement.chip}: {units.seconds(on.time_at_peak_s)}, "
                f"{on.bound}-bound, at datasheet peak",
            )
            for on in placement.phases
        ]
        chips = "" if placement.chips == 1 else f"{placement.chips} {units.TIMES} "
        label = units.seconds(time_at_peak(placement))
        rows.append(Bar(f"{chips}{placement.chip}", parts, label))
    heading = "Time of all phases on each chip, at datasheet peak"
    return bars("chips", heading, rows, width=1040, left=150, pitch=28)
