"""The log-log roofline: a line for each chip at datasheet peak, the phases where they meet it,
and, where the workload was run, the machine's own measured line with the rates achieved."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...records.profile import Phase, Profile
from .. import theme, units
from ..document import Chart, Spec
from .base import alt, colours, data, log_domain, pick, si_axis, spaced_log, spec, tips, zoom

HEIGHT = 420
_BEYOND = 1e3
_MACHINE = "this machine (measured)"


@dataclass(frozen=True)
class Roof:
    """A line: matmul peak (FLOP/s) and memory bandwidth (B/s)."""

    name: str
    peak: float
    bandwidth: float
    measured: bool = False

    @property
    def ridge(self) -> float:
        """FLOP per byte where both limits meet."""
        return self.peak / self.bandwidth

    def attainable(self, intensity: float) -> float:
        """FLOP per second at most, at `intensity`."""
        return min(self.peak, intensity * self.bandwidth)


def roofline(profile: Profile) -> Chart | None:
    """The chart; None without a roof or without a phase that has an intensity."""
    phases = [phase for phase in profile.phases if phase.counted.intensity > 0]
    roofs = roofs_of(profile)
    if not phases or not roofs:
        return None
    filled = " Filled: reached on this machine, measured." if any(map(achieved, phases)) else ""
    return Chart(
        name="roofline",
        title="Roofline",
        note=f"Rings: the most that a phase can reach under the chosen roof.{filled}",
        alt=_description(phases, roofs),
        draw=lambda: _draw(phases, roofs),
        least_width=640,
    )


def roofs_of(profile: Profile) -> list[Roof]:
    """The chips' roofs, and the machine's where it was measured."""
    roofs = [Roof(p.chip, p.peak_flops, p.hbm_bandwidth) for p in profile.placements]
    machine = profile.machine
    if machine and machine.read_bandwidth > 0:
        roofs.append(Roof(_MACHINE, machine.matmul_flops, machine.read_bandwidth, True))
    return roofs


def achieved(phase: Phase) -> float | None:
    """Counted FLOPs over measured time; None where the phase was not run."""
    return phase.measured.flops_per_s if phase.measured and phase.steps else None


def _draw(phases: Sequence[Phase], roofs: Sequence[Roof]) -> Spec:
    intensities = [phase.counted.intensity for phase in phases]
    rates = [rate for rate in map(achieved, phases) if rate]
    reach = [roof.attainable(min(intensities)) for roof in roofs]
    x_ends = log_domain([*intensities, *(roof.ridge for roof in roofs)], 3, 3)
    y_ends = log_domain([*reach, *rates, *(roof.peak for roof in roofs)], 4, 2)
    x = alt.X("x:Q", title="FLOP per HBM byte (counted)").scale(
        type="log", domain=x_ends, nice=False
    )
    x = x.axis(format="~s", tickCount=6)
    y = alt.Y("y:Q").scale(type="log", domain=y_ends, nice=False)
    y = y.axis(si_axis("FLOP per second", "FLOP/s"))
    chosen, shown, chip = pick("roofline_phase", "phase"), zoom("roofline_zoom"), _chip(roofs)
    layers = [
        _lines(roofs, x_ends, x, y, chip).add_params(shown, chip),
        _names(roofs, y_ends, chip),
        _guides(phases, chosen),
        *_points(phases, roofs, chosen, chip),
    ]
    made = alt.layer(*layers).properties(width="container", height=HEIGHT)
    return spec(made)


def _chip(roofs: Sequence[Roof]) -> "alt.Parameter":
    """Whose roof is marked, and carries the rings: a choice of the reader's."""
    names = [roof.name for roof in roofs]
    first = next((roof.name for roof in roofs if not roof.measured), names[0])
    bound = alt.binding_radio(options=names, name="roof ")
    return alt.selection_point(
        name="roofline_roof", fields=["roof"], bind=bound, value=[{"roof": first}]
    )


def _lines(
    roofs: Sequence[Roof], x_ends: Sequence[float], x: "alt.X", y: "alt.Y", chip: "alt.Parameter"
) -> "alt.Chart":
    """Beyond the axes too: a reader may pan."""
    rows = []
    for roof in roofs:
        told = {"roof": roof.name, "peak": units.flop_rate(roof.peak),
                "bandwidth": units.bandwidth(roof.bandwidth),
                "ridge": units.intensity(roof.ridge), "measured": roof.measured}  # fmt: skip
        for at in (x_ends[0] / _BEYOND, roof.ridge, x_ends[1] * _BEYOND):
            rows.append({"x": at, "y": roof.attainable(at), **told})
    return alt.Chart(data(rows)).mark_line(clip=True).encode(
        x=x, y=y, detail="roof:N", tooltip=tips("roof", "peak", "bandwidth", "ridge"),
        color=alt.condition(chip, alt.value(theme.colour("ink")), alt.value(theme.colour("roof"))),
        strokeDash=alt.condition("datum.measured", alt.value([7, 4]), alt.value([1, 0])),
        size=alt.condition(chip, alt.value(2.5), alt.value(1.5)),
    )  # fmt: skip


def _names(roofs: Sequence[Roof], y_ends: Sequence[float], chip: "alt.Parameter") -> "alt.Chart":
    """Each roof's name at its right end, moved apart where roofs nearly meet."""
    places = spaced_log([roof.peak for roof in roofs], 15, HEIGHT, y_ends)
    rows = [
        {"y": place, "roof": roof.name, "name": f"{roof.name}, ridge {units.intensity(roof.ridge)}"}
        for roof, place in zip(roofs, places, strict=True)
    ]
    return alt.Chart(data(rows)).mark_text(align="left", dx=8, clip=False).encode(
        x=alt.value("width"), y="y:Q", text="name:N",
        opacity=alt.condition("inrange(datum.y, domain('y'))", alt.value(1), alt.value(0)),
        color=alt.condition(chip, alt.value(theme.colour("ink")), alt.value(theme.colour("soft"))),
    )  # fmt: skip


def _guides(phases: Sequence[Phase], chosen: "alt.Parameter") -> "alt.Chart":
    """A vertical line at each phase's intensity."""
    rows = [{"x": p.counted.intensity, "phase": p.name} for p in phases]
    return alt.Chart(data(rows)).mark_rule(strokeDash=[2, 4], clip=True).encode(
        x="x:Q", color=_phase_colour(phases),
        opacity=alt.condition(chosen, alt.value(0.75), alt.value(0.1)),
    )  # fmt: skip


def _points(
    phases: Sequence[Phase], roofs: Sequence[Roof], chosen: "alt.Parameter", chip: "alt.Parameter"
) -> "list[alt.Chart]":
    """Rings where the phases meet the roof of choice, filled points at the rates achieved."""
    rings, filled = [], []
    for phase in phases:
        at = phase.counted.intensity
        told = {"phase": phase.name, "intensity": units.intensity(at)}
        for roof in roofs:
            rate = roof.attainable(at)
            rings.append({"x": at, "y": rate, **told, "roof": roof.name,
                          "at most": units.flop_rate(rate)})  # fmt: skip
        reached = achieved(phase)
        if reached:
            filled.append({"x": at, "y": reached, **told, "roof": _MACHINE,
                           "reached": units.flop_rate(reached)})  # fmt: skip
    shape = alt.Shape("phase:N", title=None).scale(
        domain=[p.name for p in phases], range=[theme.phase(p.name).symbol for p in phases]
    )
    colour, opacity = _phase_colour(phases), alt.condition(chosen, alt.value(1), alt.value(0.1))
    made = [
        alt.Chart(data(rings)).mark_point(filled=False, strokeWidth=2, size=90, clip=True)
        .encode(x="x:Q", y="y:Q", shape=shape, color=colour, opacity=opacity,
                tooltip=tips("phase", "roof", "intensity", "at most"))
        .transform_filter(chip)
        .add_params(chosen)
    ]  # fmt: skip
    if filled:
        made.append(
            alt.Chart(data(filled)).mark_point(filled=True, size=110, clip=True,
                                               stroke=theme.colour("page"), strokeWidth=1)
            .encode(x="x:Q", y="y:Q", shape=shape, fill=colour, opacity=opacity,
                    tooltip=tips("phase", "roof", "intensity", "reached"))
        )  # fmt: skip
    return made


def _phase_colour(phases: Sequence[Phase]) -> "alt.Color":
    names = [phase.name for phase in phases]
    return alt.Color("phase:N", title=None, scale=colours(names, theme.phase_colours(names)))


def _description(phases: Sequence[Phase], roofs: Sequence[Roof]) -> str:
    where = "; ".join(f"{p.name} at {units.intensity(p.counted.intensity)}" for p in phases)
    lines = "; ".join(
        f"{roof.name}: ridge {units.intensity(roof.ridge)}, peak {units.flop_rate(roof.peak)}"
        for roof in roofs
    )
    return f"FLOP per second against FLOP per HBM byte, both logarithmic. {where}. {lines}."
