"""Horizontal bars: measured time and HBM bytes of each phase, idle slots, time on each chip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..record import Profile
from ..total import BYTE_KINDS
from . import facts, svg, units
from .scale import Linear
from .tables import time_at_peak

WIDTH, LEFT, RIGHT, TOP = 508, 84, 118, 8
BAR, PITCH = 22, 38


@dataclass(frozen=True)
class _Part:
    value: float
    colour: str
    tooltip: str
    label: str = ""  # drawn inside the part where it fits


@dataclass(frozen=True)
class _Bar:
    name: str
    parts: Sequence[_Part]
    label: str
    whisker: tuple[float, float] | None = None


def time_bars(profile: Profile) -> str:
    """Measured time of each phase, with the range of its repeats."""
    bars = []
    for phase in profile.phases:
        if phase.measured is None:
            continue
        time = phase.measured.time_s
        share = facts.time_share(phase, profile.phases)
        label = units.seconds(time.median)
        text = f"{label}, {units.share(share)}" if share is not None else label
        colour = svg.phase_class(phase.name)
        part = _Part(time.median, colour, f"{phase.name}: {text}, measured")
        bars.append(_Bar(phase.name, [part], text, (time.low, time.high)))
    return _bars("time", "Measured time by phase", bars)


def byte_bars(profile: Profile) -> str:
    """HBM bytes by kind, as shares of each phase, so that small phases can be read too."""
    bars = []
    for phase in profile.phases:
        moved, parts = phase.counted.hbm_bytes, []
        if not moved.total:
            continue
        for kind in BYTE_KINDS:
            share, name = getattr(moved, kind) / moved.total, facts.KIND_LABELS[kind]
            tooltip = f"{phase.name}, {name}: {units.share(share)} of its bytes, counted"
            parts.append(_Part(share, f"kind-{kind}", tooltip, f"{name} {units.share(share)}"))
        bars.append(_Bar(phase.name, parts, units.bytes_(moved.total)))
    return _bars("bytes", "Counted HBM bytes of each phase, by kind", bars)


def idle_bars(profile: Profile) -> str:
    """Useful and idle sequence-steps of the phases that decode."""
    bars = []
    for phase in profile.phases:
        if not phase.idle_slots:
            continue
        share = facts.idle_share(phase)
        useful = f"{phase.name}: {units.count(phase.tokens)} useful slots"
        idle = f"{phase.name}: {units.count(phase.idle_slots)} idle slots"
        parts = [
            _Part(1 - share, svg.phase_class(phase.name), useful),
            _Part(share, "idle", idle),
        ]
        label = f"{units.share(share)} idle"
        bars.append(_Bar(phase.name, parts, label))
    return _bars("idle", "Idle slots by phase", bars)


def chip_bars(profile: Profile) -> str:
    """Time of all phases on each chip at datasheet peak."""
    bars = []
    for placement in profile.placements:
        parts = [
            _Part(
                on.time_at_peak_s,
                svg.phase_class(on.phase),
                f"{on.phase} on {placement.chip}: {units.seconds(on.time_at_peak_s)}, "
                f"{on.bound}-bound, at datasheet peak",
            )
            for on in placement.phases
        ]
        chips = "" if placement.chips == 1 else f"{placement.chips} {units.TIMES} "
        label = units.seconds(time_at_peak(placement))
        bars.append(_Bar(f"{chips}{placement.chip}", parts, label))
    heading = "Time of all phases on each chip, at datasheet peak"
    return _bars("chips", heading, bars, width=1040, left=150, pitch=28)


def _bars(
    name: str,
    heading: str,
    bars: Sequence[_Bar],
    width: int = WIDTH,
    left: int = LEFT,
    pitch: int = PITCH,
) -> str:
    """One bar a row, all on one linear scale from zero; the label stands at the bar's end."""
    highest = max((_end(bar) for bar in bars), default=0.0)
    if highest <= 0:
        return ""
    x = Linear(0.0, highest, left, width - RIGHT)
    rows = [_row(bar, x, TOP + index * pitch) for index, bar in enumerate(bars)]
    height = TOP + len(bars) * pitch
    axis = svg.line(left, TOP - 4, left, height - pitch + BAR + 4, "axis")
    words = "; ".join(f"{bar.name}: {bar.label}" for bar in bars)
    return svg.figure(name, width, height, heading, words, "".join([*rows, axis]))


def _end(bar: _Bar) -> float:
    return max(sum(part.value for part in bar.parts), bar.whisker[1] if bar.whisker else 0.0)


def _row(bar: _Bar, x: Callable[[float], float], top: float) -> str:
    middle, reached = top + BAR / 2 + 4, 0.0
    drawn = [svg.text(x(0) - 10, middle, bar.name, "label", text_anchor="end")]
    for part in bar.parts:
        start, end = x(reached), x(reached + part.value)
        if part.value > 0:
            drawn.append(svg.rect(start, top, end - start, BAR, part.colour, part.tooltip))
        if part.label and len(part.label) * svg.CHARACTER + 10 < end - start:
            drawn.append(svg.text(start + 6, middle, part.label, f"inside on-{part.colour}"))
        reached += part.value
    if bar.whisker:
        low, high = (x(value) for value in bar.whisker)
        drawn.append(svg.line(low, top + BAR / 2, high, top + BAR / 2, "whisker"))
    drawn.append(svg.text(x(_end(bar)) + 8, middle, bar.label, "label strong"))
    return svg.group(*drawn)
