"""The log-log roofline: a line for each chip at datasheet peak, the phases where they meet it,
and, where the workload was run, the machine's own measured line with the rates achieved.
"""

from ..records import ChipPlacement, MachineLimits, Phase, Profile
from . import svg, units
from .facts import was_run
from .scale import Log, rows_for, spaced

WIDTH, HEIGHT = 1040, 500
LEFT, RIGHT, TOP, BOTTOM = 92, 196, 84, 52
ROW = 16  # pixels between rows of labels above the plot


def roofline(profile: Profile) -> str:
    """The drawing; empty without chips and without a measured machine."""
    phases = [phase for phase in profile.phases if phase.counted.intensity > 0]
    if not phases or not (profile.placements or profile.machine):
        return ""
    x, y = _scales(profile, phases)
    body = [
        svg.y_axis(y, LEFT, "FLOP per second", units.flop_rate, x.end),
        svg.x_axis(x, y.start, "FLOP per HBM byte (counted)", units.significant, y.end),
        _guides(phases, x, y),
        _chips(profile.placements, phases, x, y),
    ]
    if profile.machine:
        body.append(_machine(profile.machine, phases, x, y))
    return svg.figure(
        "roofline", WIDTH, HEIGHT, "Roofline", _description(profile, phases), "".join(body)
    )


def attainable(intensity: float, peak: float, bandwidth: float) -> float:
    """FLOP per second under a roofline at `intensity`."""
    return min(peak, intensity * bandwidth)


def achieved(phase: Phase) -> float | None:
    """Counted FLOPs over measured time; None where the phase was not run."""
    if phase.measured is None or phase.measured.time_s.median <= 0:
        return None
    return phase.counted.flops / phase.measured.time_s.median


def extent(profile: Profile, phases: list[Phase]) -> tuple[float, float, float, float]:
    """Lowest and highest intensity, lowest and highest FLOP/s that the axes must hold."""
    roofs = [(p.peak_flops, p.hbm_bandwidth) for p in profile.placements]
    if profile.machine:
        roofs.append((profile.machine.matmul_flops, profile.machine.read_bandwidth))
    intensities = [phase.counted.intensity for phase in phases]
    low_x = min(intensities) / 3
    high_x = max(intensities + [peak / bandwidth for peak, bandwidth in roofs]) * 3
    rates = [attainable(min(intensities), *roof) for roof in roofs]
    rates += [rate for rate in map(achieved, phases) if rate]
    return low_x, high_x, min(rates) / 4, max(peak for peak, _ in roofs) * 2


def _scales(profile: Profile, phases: list[Phase]) -> tuple[Log, Log]:
    low_x, high_x, low_y, high_y = extent(profile, phases)
    x = Log(low_x, high_x, LEFT, WIDTH - RIGHT)
    return x, Log(low_y, high_y, HEIGHT - BOTTOM, TOP)


def _guides(phases: list[Phase], x: Log, y: Log) -> str:
    """A vertical line at each phase's intensity, named above the plot."""
    labels = [f"{p.name} {units.intensity(p.counted.intensity)}" for p in phases]
    places = [x(p.counted.intensity) for p in phases]
    spans = [
        (at - 8, at + len(label) * svg.CHARACTER + 14)
        for at, label in zip(places, labels, strict=True)
    ]
    parts = []
    for phase, label, at, row in zip(phases, labels, places, rows_for(spans), strict=True):
        height, colour = TOP - 10 - row * ROW, svg.phase_class(phase.name)
        parts.append(svg.line(at, height - 4, at, y.start, f"guide {colour}"))
        parts.append(svg.text(at + 5, height, label, f"label strong {colour}"))
    return "".join(parts)


def _roof(peak: float, bandwidth: float, x: Log, y: Log) -> list[tuple[float, float]]:
    """The line's corners, clipped to the plot."""
    ridge = peak / bandwidth
    low_x = max(x.low, y.low / bandwidth)
    corners = [(low_x, low_x * bandwidth), (ridge, peak), (x.high, peak)]
    return [(x(a), y(b)) for a, b in corners if a >= low_x]


def _chips(placements: list[ChipPlacement], phases: list[Phase], x: Log, y: Log) -> str:
    ends = [y(p.peak_flops) for p in placements]
    labels = spaced(ends, 15, TOP - 30, HEIGHT - BOTTOM)
    return "".join(
        _chip(index, placement, labels[index], phases, x, y)
        for index, placement in enumerate(placements)
    )


def _chip(
    index: int, placement: ChipPlacement, label_y: float, phases: list[Phase], x: Log, y: Log
) -> str:
    peak, bandwidth = placement.peak_flops, placement.hbm_bandwidth
    end = y(peak)
    parts = [
        svg.path(_roof(peak, bandwidth, x, y), "roof"),
        svg.line(x.end, end, x.end + 12, label_y, "leader"),
        svg.text(x.end + 16, label_y + 4, placement.chip, "label chip-name"),
    ]
    detail = [_ridge_label(placement, x, y)]
    for phase in phases:
        intensity = phase.counted.intensity
        rate = attainable(intensity, peak, bandwidth)
        tooltip = (
            f"{phase.name} on {placement.chip}, at datasheet peak: at most "
            f"{units.flop_rate(rate)} a chip"
        )
        colour = svg.phase_class(phase.name)
        detail.append(svg.circle(x(intensity), y(rate), 5.5, f"at-peak {colour}", tooltip))
    parts.append(svg.group(*detail, class_="detail"))
    return svg.group(*parts, class_=f"chip chip-{index}")


def _ridge_label(placement: ChipPlacement, x: Log, y: Log) -> str:
    at, height = x(placement.ridge), y(placement.peak_flops)
    label = f"ridge {units.intensity(placement.ridge)}"
    return svg.circle(at, height, 2.5, "ridge") + svg.text(
        at - 6, height - 9, label, "label halo", text_anchor="end"
    )


def _machine(machine: MachineLimits, phases: list[Phase], x: Log, y: Log) -> str:
    peak, bandwidth = machine.matmul_flops, machine.read_bandwidth
    parts = [
        svg.path(_roof(peak, bandwidth, x, y), "roof machine"),
        svg.text(x.end + 16, y(peak) - 3, "this machine,", "label strong"),
        svg.text(x.end + 16, y(peak) + 12, "measured limits", "label strong"),
    ]
    for phase in phases:
        rate = achieved(phase)
        if rate:
            tooltip = f"{phase.name} achieved {units.flop_rate(rate)}, measured on this machine"
            at = x(phase.counted.intensity)
            parts.append(
                svg.circle(at, y(rate), 5.5, f"measured {svg.phase_class(phase.name)}", tooltip)
            )
    return svg.group(*parts, class_="this-machine")


def _description(profile: Profile, phases: list[Phase]) -> str:
    where = "; ".join(f"{p.name} at {units.intensity(p.counted.intensity)}" for p in phases)
    chips = "; ".join(
        f"{p.chip}: ridge {units.intensity(p.ridge)}, peak {units.flop_rate(p.peak_flops)}"
        for p in profile.placements
    )
    ran = " Filled points are rates measured on this machine." if was_run(profile) else ""
    return f"FLOP per second against FLOP per HBM byte, both logarithmic. {where}. {chips}.{ran}"
