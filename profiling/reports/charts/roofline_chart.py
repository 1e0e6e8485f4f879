"""The log-log roofline: a line for each chip at datasheet peak, the phases where they meet it,
and, where the workload was run, the machine's own measured line with the rates achieved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...records.profile import Phase, Profile
from .. import theme, units
from ..document import Chart, Spec
from . import chart_parts as kit
from .chart_parts import alt

HEIGHT = 420
_Chip: TypeAlias = "alt.Parameter | None"
_BEYOND = 1e3
_ROW = 15
_MACHINE = "this machine (measured)"


@dataclass(frozen=True)
class Roof:
    """A line: matmul peak (FLOP/s) and memory bandwidth (B/s)."""

    name: str
    peak: float
    bandwidth: float
    dashed: bool = False  # measured, or as it was before

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


@dataclass(frozen=True)
class Mark:
    """Where a phase stands: FLOP per byte and FLOP/s of one chip, and what is said of it."""

    phase: str
    intensity: float
    rate: float
    roof: str  # that it stands under
    word: str  # what the rate is: 'at most', 'reached', 'predicted'


def _draw(phases: Sequence[Phase], roofs: Sequence[Roof]) -> Spec:
    at = {phase.name: phase.counted.intensity for phase in phases}
    rings = [
        Mark(name, x, roof.attainable(x), roof.name, "at most")
        for name, x in at.items()
        for roof in roofs
    ]
    reached = [(phase, achieved(phase)) for phase in phases]
    filled = [Mark(p.name, at[p.name], rate, _MACHINE, "reached") for p, rate in reached if rate]
    return roofline_spec(roofs, rings, filled, choice=True)


def roofline_spec(
    roofs: Sequence[Roof], rings: Sequence[Mark], filled: Sequence[Mark], choice: bool
) -> Spec:
    """Phases under roofs. With a `choice` the reader picks whose roof carries its rings; without
    one the first roof is marked and every ring is drawn."""
    marks = [*rings, *filled]
    at = {mark.phase: mark.intensity for mark in marks}
    reach = [roof.attainable(min(at.values())) for roof in roofs]
    x_ends = kit.log_domain([*at.values(), *(roof.ridge for roof in roofs)], 3, 3)
    room = 4 * 1.5 ** len(at)  # at the foot, for the phases' names
    y_ends = kit.log_domain([*reach, *(m.rate for m in marks), *(r.peak for r in roofs)], room, 2)
    across = alt.Axis(title="FLOP per HBM byte", format=",", values=kit.decades(x_ends))
    up = kit.si_axis("FLOP per second of a chip", "FLOP/s", values=kit.decades(y_ends))
    x, y = kit.x_axis(across, x_ends), kit.y_axis(up, y_ends)
    phase, shown = kit.pick("roofline_phase", "phase"), kit.zoom("roofline_zoom")
    chip = _chip(roofs) if choice else None
    lines = roof_lines(roofs, x_ends, x, y, chip)
    layers = [
        lines.add_params(shown, *([] if chip is None else [chip])),
        _names(roofs, y_ends, chip),
        *_guides(at, phase),
        points(rings, list(at), phase, False, chip).add_params(phase),
        points(filled, list(at), phase, True),
    ]
    return kit.layered(layers, HEIGHT)


def _chip(roofs: Sequence[Roof]) -> "alt.Parameter":
    """Whose roof is marked, and carries the rings: a choice of the reader's."""
    names = [roof.name for roof in roofs]
    first = next((roof.name for roof in roofs if not roof.dashed), names[0])
    bound = alt.binding_radio(options=names, name="roof ")
    return alt.selection_point(
        name="roofline_roof", fields=["roof"], bind=bound, value=[{"roof": first}]
    )


def roof_lines(
    roofs: Sequence[Roof], x_ends: Sequence[float], x: "alt.X", y: "alt.Y", chip: _Chip = None
) -> "alt.Chart":
    """Beyond the axes too: a reader may pan."""
    rows = []
    for index, roof in enumerate(roofs):
        told = {"roof": roof.name, "peak": units.flop_rate(roof.peak),
                "bandwidth": units.bandwidth(roof.bandwidth), "first": index == 0,
                "ridge": units.intensity(roof.ridge), "dashed": roof.dashed}  # fmt: skip
        for at in (x_ends[0] / _BEYOND, roof.ridge, x_ends[1] * _BEYOND):
            rows.append({"x": at, "y": roof.attainable(at), **told})
    ink, grey = alt.value(theme.colour("ink")), alt.value(theme.colour("roof"))
    return alt.Chart(kit.data(rows)).mark_line(clip=True).encode(
        x=x, y=y, detail="roof:N", tooltip=kit.tips("roof", "peak", "bandwidth", "ridge"),
        color=alt.condition(chip or "datum.first", ink, grey),
        strokeDash=alt.condition("datum.dashed", alt.value([7, 4]), alt.value([1, 0])),
        size=alt.condition(chip or "datum.first", alt.value(2.5), alt.value(1.5)),
    )  # fmt: skip


def _names(roofs: Sequence[Roof], y_ends: Sequence[float], chip: _Chip) -> "alt.Chart":
    """Each roof's name at its right end, moved apart where roofs nearly meet."""
    places = kit.spaced_log([roof.peak for roof in roofs], 15, HEIGHT, y_ends)
    rows = [
        {"y": place, "roof": roof.name, "first": index == 0,
         "name": f"{roof.name}, ridge {units.intensity(roof.ridge)}"}
        for index, (roof, place) in enumerate(zip(roofs, places, strict=True))
    ]  # fmt: skip
    ink, soft = alt.value(theme.colour("ink")), alt.value(theme.colour("soft"))
    return kit.end_texts(rows).encode(
        text="name:N", color=alt.condition(chip or "datum.first", ink, soft),
        opacity=alt.condition("inrange(datum.y, domain('y'))", alt.value(1), alt.value(0)),
    )  # fmt: skip


def _guides(at: Mapping[str, float], chosen: "alt.Parameter") -> "list[alt.Chart]":
    """A vertical line at each phase's intensity, named at its foot, a row each."""
    ranked = sorted(at.items(), key=lambda pair: pair[1])
    rows = [
        {"x": x, "phase": phase, "foot": HEIGHT - 9 - _ROW * index,
         "label": f"{phase} {units.intensity(x)}"}
        for index, (phase, x) in enumerate(ranked)
    ]  # fmt: skip
    faint = alt.condition(chosen, alt.value(0.75), alt.value(0.1))
    seen = alt.condition("inrange(datum.x, domain('x'))", alt.value(1), alt.value(0))
    drawn, colour = alt.Chart(kit.data(rows)).encode(x="x:Q"), kit.phase_colour(list(at))
    foot = drawn.mark_text(align="left", dx=5, clip=False, fontWeight=600)
    return [
        drawn.mark_rule(strokeDash=[2, 4], clip=True).encode(color=colour, opacity=faint),
        foot.encode(y=alt.Y("foot:Q", scale=None), text="label:N", opacity=seen, color=colour),
    ]


def points(
    marks: Sequence[Mark], phases: Sequence[str], chosen: "alt.Parameter", filled: bool,
    chip: _Chip = None,
) -> "alt.Chart":  # fmt: skip
    """Rings or filled points; with `chip` those under the roof of choice alone."""
    rows = [
        {"x": m.intensity, "y": m.rate, "phase": m.phase, "roof": m.roof,
         "intensity": units.intensity(m.intensity),
         "rate": f"{m.word} {units.flop_rate(m.rate)}".strip()}
        for m in marks
    ]  # fmt: skip
    shapes = [theme.phase(phase).symbol for phase in phases]
    shape = alt.Shape("phase:N", title=None).scale(domain=list(phases), range=shapes)
    opacity = alt.condition(chosen, alt.value(1), alt.value(0.1))
    drawn = alt.Chart(kit.data(rows)).encode(
        x="x:Q", y="y:Q", shape=shape, opacity=opacity,
        tooltip=kit.tips("phase", "roof", "intensity", "rate"),
    )  # fmt: skip
    if chip is not None:
        drawn = drawn.transform_filter(chip)
    colour, page = kit.phase_colour(phases), theme.colour("page")
    if not filled:
        return drawn.mark_point(filled=False, strokeWidth=2, size=90, clip=True).encode(
            color=colour
        )
    disc = drawn.mark_point(filled=True, size=110, clip=True, stroke=page, strokeWidth=1)
    return disc.encode(fill=colour)


def _description(phases: Sequence[Phase], roofs: Sequence[Roof]) -> str:
    where = "; ".join(f"{p.name} at {units.intensity(p.counted.intensity)}" for p in phases)
    lines = "; ".join(
        f"{roof.name}: ridge {units.intensity(roof.ridge)}, peak {units.flop_rate(roof.peak)}"
        for roof in roofs
    )
    return f"FLOP per second against FLOP per HBM byte, both logarithmic. {where}. {lines}."
