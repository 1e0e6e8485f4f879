"""Roofline of one chip with an arrow for each lever: all phases, and the longest one enlarged.

Arrows end in the numbers that the table of levers has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...records.codesign import CodesignCase, LeverArrow, Roofline, RooflinePoint
from .. import theme, units
from ..codesign_words import case_name, dominant
from ..document import Chart, Spec, slug
from .chart_parts import alt, colours, data, log_domain, pick, si_axis, spec, tips, zoom

HEIGHT = 340


@dataclass(frozen=True)
class Numbered:
    """A lever's arrow and its number in the table of levers."""

    number: int
    change: str
    arrow: LeverArrow


def lever_rooflines(case: CodesignCase) -> list[Chart]:
    """Both charts; none where no phase is known, one where no lever moves the longest phase."""
    roof, arrows = case.roofline, numbered(case)
    if not roof.points:
        return []
    phase = dominant(case)[0]
    own = [each for each in arrows if each.arrow.phase == phase]
    start = next((point for point in roof.points if point.phase == phase), None)
    name = slug(case_name(case))
    lens = "roofs: datasheet; intensity counted, rates predicted"
    whole = Chart(
        name=f"levers-{name}",
        title=f"{roof.chip}: phases and what each lever does to them",
        note=f"{lens}; drag to pan, Ctrl and wheel to zoom",
        alt=_description(case, own),
        draw=lambda: _draw(roof, roof.points, arrows, f"levers_{slug(name).replace('-', '_')}"),
        half=True,
    )
    if not own or start is None:
        return [whole]
    enlarged = Chart(
        name=f"levers-{name}-{slug(phase)}",
        title=f"{phase}, enlarged",
        note="numbers as in the table of levers",
        alt=_description(case, own),
        draw=lambda: _draw(roof, [start], own, f"zoomed_{name.replace('-', '_')}", near=True),
        half=True,
    )
    return [whole, enlarged]


def numbered(case: CodesignCase) -> list[Numbered]:
    """Every arrow; numbers are those of the table of levers, from one."""
    return [
        Numbered(number, lever.change, arrow)
        for number, lever in enumerate(case.levers, 1)
        for arrow in lever.arrows
    ]


def _draw(
    roof: Roofline, points: Sequence[RooflinePoint], arrows: Sequence[Numbered], name: str,
    near: bool = False,
) -> Spec:  # fmt: skip
    every = [*points, *(each.arrow.end for each in arrows)]
    xs, ys = [p.intensity for p in every], [p.flops_per_s for p in every]
    if near:
        x_ends, y_ends = log_domain(xs, 1.35, 1.35), log_domain(ys, 1.35, 1.35)
    else:
        x_ends = log_domain([*xs, roof.ridge], 3, 3)
        y_ends = log_domain([*ys, roof.peak_flops], 3, 3)
    x = alt.X("x:Q").scale(type="log", domain=x_ends, nice=False)
    x = x.axis(title="FLOP per HBM byte (counted)", format="~s", tickCount=5)
    y = alt.Y("y:Q").scale(type="log", domain=y_ends, nice=False)
    y = y.axis(si_axis("FLOP per second and chip (predicted)", "FLOP/s"))
    phases = list(dict.fromkeys(point.phase for point in points))
    chosen = pick(f"{name}_phase", "phase")
    layers = [
        _roof(roof, x_ends, x, y).add_params(zoom(f"{name}_zoom")),
        _points(points, phases).add_params(chosen),
        *_arrows(arrows, phases, chosen, near),
        *([] if near else [_roof_names(roof)]),
    ]
    return spec(alt.layer(*layers).properties(width="container", height=HEIGHT))


def _roof(roof: Roofline, ends: Sequence[float], x: "alt.X", y: "alt.Y") -> "alt.Chart":
    rows = [
        {"x": at, "y": min(at * roof.memory_bandwidth, roof.peak_flops)}
        for at in (ends[0] / 1e3, roof.ridge, ends[1] * 1e3)
    ]
    line = alt.Chart(data(rows)).mark_line(clip=True, strokeWidth=2, color=theme.colour("roof"))
    return line.encode(x=x, y=y)


def _roof_names(roof: Roofline) -> "alt.Chart":
    words = f"{units.flop_rate(roof.peak_flops)} {roof.peak_dtype}, ridge "
    rows = [{"x": roof.ridge, "y": roof.peak_flops, "text": words + units.intensity(roof.ridge)}]
    return alt.Chart(data(rows)).mark_text(align="center", dy=-9).encode(
        x="x:Q", y="y:Q", text="text:N"
    )  # fmt: skip


def _arrows(
    arrows: Sequence[Numbered], phases: Sequence[str], chosen: "alt.Parameter", near: bool
) -> "list[alt.Chart]":
    """A line from where a phase is to where a lever takes it, and the lever's number there."""
    rows = [
        {
            "x": each.arrow.start.intensity, "y": each.arrow.start.flops_per_s,
            "x2": each.arrow.end.intensity, "y2": each.arrow.end.flops_per_s,
            "phase": each.arrow.phase, "number": str(each.number),
            "lever": f"{each.number}. {each.change}",
            "intensity": units.intensity(each.arrow.end.intensity),
            "rate": units.flop_rate(each.arrow.end.flops_per_s),
        }
        for each in arrows
    ]  # fmt: skip
    if not rows:
        return []
    base = alt.Chart(data(rows))
    faded = alt.condition(chosen, alt.value(0.8), alt.value(0.08))
    line = base.mark_rule(clip=True, strokeWidth=1.2).encode(
        x="x:Q", y="y:Q", x2="x2:Q", y2="y2:Q", color=_colour(phases), opacity=faded
    )
    told = tips("lever", "phase", "intensity", "rate")
    if not near:
        end = base.mark_point(filled=True, clip=True, size=26, opacity=1).encode(
            x="x2:Q", y="y2:Q", color=_colour(phases), opacity=faded, tooltip=told
        )
        return [line, end]
    badge = base.mark_point(clip=True, size=230, opacity=1, fill=theme.colour("page")).encode(
        x="x2:Q", y="y2:Q", stroke=_stroke(phases), tooltip=told
    )
    number = base.mark_text(clip=True, fontSize=10.5, tooltip=None)
    return [line, badge, number.encode(x="x2:Q", y="y2:Q", text="number:N")]


def _points(points: Sequence[RooflinePoint], phases: Sequence[str]) -> "alt.Chart":
    rows = [
        {"x": p.intensity, "y": p.flops_per_s, "phase": p.phase,
         "intensity": units.intensity(p.intensity), "rate": units.flop_rate(p.flops_per_s)}
        for p in points
    ]  # fmt: skip
    symbols = [theme.phase(phase).symbol for phase in phases]
    shape = alt.Shape("phase:N", title=None).scale(domain=list(phases), range=symbols)
    mark = alt.Chart(data(rows)).mark_point(
        filled=True, size=130, opacity=1, stroke=theme.colour("page"), strokeWidth=1
    )
    return mark.encode(x="x:Q", y="y:Q", shape=shape, color=_colour(phases),
                       tooltip=tips("phase", "intensity", "rate"))  # fmt: skip


def _colour(phases: Sequence[str]) -> "alt.Color":
    return alt.Color("phase:N", title=None, scale=colours(phases, theme.phase_colours(phases)))


def _stroke(phases: Sequence[str]) -> "alt.Stroke":
    return alt.Stroke("phase:N", legend=None, scale=colours(phases, theme.phase_colours(phases)))


def _description(case: CodesignCase, own: Sequence[Numbered]) -> str:
    where = "; ".join(
        f"{p.phase} at {units.intensity(p.intensity)} and {units.flop_rate(p.flops_per_s)}"
        for p in case.roofline.points
    )
    moved = "; ".join(
        f"{e.number}, {e.change}: to {units.intensity(e.arrow.end.intensity)} and "
        f"{units.flop_rate(e.arrow.end.flops_per_s)}"
        for e in own
    )
    return f"One chip's rate against intensity, both logarithmic. {where}. Levers: {moved}."
