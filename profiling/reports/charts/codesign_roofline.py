"""Roofline of one chip with an arrow for each lever: all phases, and the longest one enlarged.

Arrows end in the numbers that the table of levers has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...records.codesign import CodesignCase, LeverArrow, Roofline, RooflinePoint
from .. import theme, units
from ..codesign_words import case_name
from ..document import Chart, Spec, slug
from . import chart_parts as kit
from .chart_parts import alt
from .roofline_chart import Mark, Roof, points, roof_lines

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
    phase = case.prediction.longest.phase
    own = [each for each in arrows if each.arrow.phase == phase]
    start = next((point for point in roof.points if point.phase == phase), None)
    name = slug(case_name(case))
    lens, told = "roofs: datasheet; intensity counted, rates predicted", _description(case, own)
    whole = Chart(
        name=f"levers-{name}", title=f"{roof.chip}: phases and what each lever does to them",
        note=f"{lens}; drag to pan, Ctrl and wheel to zoom", alt=told,
        draw=lambda: _draw(roof, roof.points, arrows, f"levers_{name}"), half=True,
    )  # fmt: skip
    if not own or start is None:
        return [whole]
    enlarged = Chart(
        name=f"levers-{name}-{slug(phase)}", title=f"{phase}, enlarged",
        note="numbers as in the table of levers", alt=told,
        draw=lambda: _draw(roof, [start], own, f"zoomed_{name}", near=True), half=True,
    )  # fmt: skip
    return [whole, enlarged]


def numbered(case: CodesignCase) -> list[Numbered]:
    """Every arrow; numbers are those of the table of levers, from one."""
    return [
        Numbered(number, lever.change, arrow)
        for number, lever in enumerate(case.levers, 1)
        for arrow in lever.arrows
    ]


def _draw(
    roof: Roofline, starts: Sequence[RooflinePoint], arrows: Sequence[Numbered], name: str,
    near: bool = False,
) -> Spec:  # fmt: skip
    every = [*starts, *(each.arrow.end for each in arrows)]
    xs, ys = [p.intensity for p in every], [p.flops_per_s for p in every]
    if near:
        x_ends, y_ends = kit.log_domain(xs, 1.35, 1.35), kit.log_domain(ys, 1.35, 1.35)
    else:
        x_ends = kit.log_domain([*xs, roof.ridge], 3, 3)
        y_ends = kit.log_domain([*ys, roof.peak_flops], 3, 3)
    title = "FLOP per HBM byte (counted)"
    x = kit.x_axis(alt.Axis(title=title, format="~s", tickCount=5), x_ends)
    y = kit.y_axis(kit.si_axis("FLOP per second and chip (predicted)", "FLOP/s"), y_ends)
    marks = [Mark(p.phase, p.intensity, p.flops_per_s, roof.chip, "") for p in starts]
    phases, chosen = (
        list(dict.fromkeys(p.phase for p in starts)),
        kit.pick(f"{name}_phase", "phase"),
    )
    lines = roof_lines([Roof(roof.chip, roof.peak_flops, roof.memory_bandwidth)], x_ends, x, y)
    layers = [
        lines.add_params(kit.zoom(f"{name}_zoom")),
        points(marks, phases, chosen, True).add_params(chosen),
        *_arrows(arrows, phases, chosen, near),
        *([] if near else [_roof_names(roof)]),
    ]
    return kit.layered(layers, HEIGHT)


def _roof_names(roof: Roofline) -> "alt.Chart":
    words = f"{units.flop_rate(roof.peak_flops)} {roof.peak_dtype}, ridge "
    rows = [{"x": roof.ridge, "y": roof.peak_flops, "text": words + units.intensity(roof.ridge)}]
    return alt.Chart(kit.data(rows)).mark_text(align="center", dy=-9).encode(
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
    base, colour = alt.Chart(kit.data(rows)), kit.phase_colour(phases)
    faded = alt.condition(chosen, alt.value(0.8), alt.value(0.08))
    line = base.mark_rule(clip=True, strokeWidth=1.2).encode(
        x="x:Q", y="y:Q", x2="x2:Q", y2="y2:Q", color=colour, opacity=faded
    )
    told = kit.tips("lever", "phase", "intensity", "rate")
    if not near:
        end = base.mark_point(filled=True, clip=True, size=26, opacity=1).encode(
            x="x2:Q", y="y2:Q", color=colour, opacity=faded, tooltip=told
        )
        return [line, end]
    stroke = alt.Stroke(
        "phase:N", legend=None, scale=kit.colours(phases, theme.phase_colours(phases))
    )
    badge = base.mark_point(clip=True, size=230, opacity=1, fill=theme.colour("page")).encode(
        x="x2:Q", y="y2:Q", stroke=stroke, tooltip=told
    )
    number = base.mark_text(clip=True, fontSize=10.5, tooltip=None)
    return [line, badge, number.encode(x="x2:Q", y="y2:Q", text="number:N")]


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
