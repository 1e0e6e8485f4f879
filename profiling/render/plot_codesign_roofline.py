"""Roofline of one chip with an arrow for each lever: all phases, and the longest one enlarged.

The enlarged part numbers its arrows as the table of levers does.
"""

from dataclasses import dataclass

from ..records.codesign import CodesignCase, LeverArrow, Roofline, RooflinePoint
from . import svg, units
from .codesign_words import dominant
from .plot_codesign_badges import apart
from .scale import Linear, Log

WIDTH, HEIGHT, TOP, BOTTOM = 1040, 440, 46, 60
LEFT, MIDDLE, ZOOM, RIGHT = 84, 470, 566, 24
BADGE = 9.0
HEAD = 7.0  # length of an arrow's head


@dataclass(frozen=True)
class Numbered:
    """A lever's arrow and its number in the table of levers."""

    number: int
    change: str
    arrow: LeverArrow


def lever_roofline(case: CodesignCase, name: str) -> str:
    """The drawing; '' where no phase is known."""
    if not case.roofline.points:
        return ""
    arrows = numbered(case)
    phase = dominant(case)[0]
    own = [each for each in arrows if each.arrow.phase == phase]
    body = [_whole(case.roofline, arrows)]
    start = next((p for p in case.roofline.points if p.phase == phase), None)
    if own and start:
        body.append(_enlarged(case.roofline, start, own))
    heading = f"Roofline of {case.roofline.chip} with the levers"
    return svg.figure(name, WIDTH, HEIGHT, heading, _description(case, own), "".join(body))


def numbered(case: CodesignCase) -> list[Numbered]:
    """Every arrow; numbers are those of the table of levers, from one."""
    return [
        Numbered(i + 1, lever.change, arrow)
        for i, lever in enumerate(case.levers)
        for arrow in lever.arrows
    ]


def _scales(points: list[RooflinePoint], roof: Roofline, left: float, right: float, whole: bool):  # type: ignore[no-untyped-def]
    """Log scales that hold the points, and the whole roof's ridge and peak if asked for."""
    xs, ys = [p.intensity for p in points], [p.flops_per_s for p in points]
    margin = 3.0 if whole else 1.35
    if whole:
        xs, ys = [*xs, roof.ridge], [*ys, roof.peak_flops]
    x = Log(min(xs) / margin, max(xs) * margin, left, right)
    return x, Log(min(ys) / margin, max(ys) * margin, HEIGHT - BOTTOM, TOP)


def _axes(x: Log, y: Log, words: str) -> str:
    return svg.group(
        svg.text(x.start, 14, words, "label strong"),
        svg.y_axis(y, x.start, "", units.flop_rate, x.end, _ticks(y)),
        svg.text(x.start, TOP - 14, "FLOP/s a chip, predicted", "axis-label"),
        svg.x_axis(x, y.start, "FLOP per HBM byte (counted)", units.significant, y.end, _ticks(x)),
    )


def _ticks(scale: Log) -> list[float]:
    """Powers of ten, with twos and fives between where there would be fewer than three."""
    tens = scale.ticks()
    if len(tens) > 2:
        return tens
    wider = Log(scale.low / 10, scale.high, 0.0, 1.0).ticks()
    every = [mantissa * ten for ten in wider for mantissa in (1, 2, 5)]
    return [value for value in every if scale.low <= value <= scale.high]


def _roof(roof: Roofline, x: Log, y: Log) -> str:
    """The two roofs, clipped to the panel."""
    slope = roof.memory_bandwidth
    low, high = max(x.low, y.low / slope), min(x.high, roof.ridge, y.high / slope)
    corners = [(low, low * slope), (high, high * slope)] if low < high else []
    if roof.peak_flops < y.high and roof.ridge < x.high:
        corners.append((x.high, roof.peak_flops))
    return svg.path([(x(a), y(b)) for a, b in corners], "roof bold") if len(corners) > 1 else ""


def _whole(roof: Roofline, arrows: list[Numbered]) -> str:
    ends = [each.arrow.end for each in arrows]
    x, y = _scales([*roof.points, *ends], roof, LEFT, MIDDLE, whole=True)
    peak = f"{units.flop_rate(roof.peak_flops)} {roof.peak_dtype}"
    parts = [
        _axes(x, y, f"{roof.chip}, all phases"),
        _roof(roof, x, y),
        svg.text(x.end, y(roof.peak_flops) - 7, peak, "tick halo", text_anchor="end"),
        svg.text(
            x(roof.ridge), y(roof.peak_flops) + 16, f"ridge {units.intensity(roof.ridge)}",
            "tick halo",
        ),
    ]  # fmt: skip
    for each in arrows:
        parts.append(_arrow(each.arrow, x, y, f"arrow faint {svg.phase_class(each.arrow.phase)}"))
    parts += [_point(point, x, y) for point in roof.points]
    return svg.group(*parts, *_phase_names(roof.points, x, y))


def _phase_names(points: list[RooflinePoint], x: Log, y: Log) -> list[str]:
    """Names beside the points, those that would meet moved apart."""
    wanted = [(x(p.intensity) + 14, y(p.flops_per_s) + 4) for p in points]
    names = []
    placed: list[tuple[float, float]] = []
    for point, (at, height) in sorted(
        zip(points, wanted, strict=True), key=lambda each: each[1][1]
    ):
        while any(abs(height - other) < 15 and abs(at - across) < 60 for across, other in placed):
            height += 3
        placed.append((at, height))
        colour = svg.phase_class(point.phase)
        names.append(svg.text(at, height, point.phase, f"label strong halo {colour}"))
    return names


def _enlarged(roof: Roofline, start: RooflinePoint, own: list[Numbered]) -> str:
    points = [start, *(each.arrow.end for each in own)]
    x, y = _scales(points, roof, ZOOM, WIDTH - RIGHT, whole=False)
    parts = [_axes(x, y, f"{start.phase}, enlarged: numbers as in the table of levers")]
    parts.append(_roof(roof, x, y))
    parts += [_arrow(each.arrow, x, y, "arrow ink") for each in own]
    parts.append(_point(start, x, y))
    tips = [(x(e.arrow.end.intensity), y(e.arrow.end.flops_per_s)) for e in own]
    origin = (x(start.intensity), y(start.flops_per_s))
    box = (Linear(0, 1, x.start + 12, x.end - 12), Linear(0, 1, y.end + 4, y.start - 12))
    for each, tip, badge in zip(own, tips, apart(tips, origin, BADGE, box), strict=True):
        parts.append(svg.line(*tip, *badge, "leader"))
        parts.append(svg.circle(*badge, BADGE, "badge", f"{each.number}: {each.change}"))
        parts.append(
            svg.text(badge[0], badge[1] + 4, str(each.number), "badge-number", text_anchor="middle")
        )
    return svg.group(*parts)


def _point(point: RooflinePoint, x: Log, y: Log) -> str:
    tooltip = (
        f"{point.phase}: {units.intensity(point.intensity)} counted, "
        f"{units.flop_rate(point.flops_per_s)} a chip predicted"
    )
    colour = svg.phase_class(point.phase)
    return svg.circle(x(point.intensity), y(point.flops_per_s), 5.5, f"measured {colour}", tooltip)


def _arrow(arrow: LeverArrow, x: Log, y: Log, class_: str) -> str:
    a, b = x(arrow.start.intensity), y(arrow.start.flops_per_s)
    c, d = x(arrow.end.intensity), y(arrow.end.flops_per_s)
    length = ((c - a) ** 2 + (d - b) ** 2) ** 0.5 or 1.0
    along, across = (c - a) / length, (d - b) / length
    back = min(HEAD, length / 2)
    wings = [
        (
            c - back * along + side * 0.45 * back * across,
            d - back * across - side * 0.45 * back * along,
        )
        for side in (1, -1)
    ]
    return svg.line(a, b, c, d, class_) + svg.path([(c, d), *wings], f"{class_} head", closed=True)


def _description(case: CodesignCase, own: list[Numbered]) -> str:
    where = "; ".join(
        f"{p.phase} at {units.intensity(p.intensity)} and {units.flop_rate(p.flops_per_s)}"
        for p in case.roofline.points
    )
    moved = "; ".join(
        f"{e.number}, {e.change}: to {units.intensity(e.arrow.end.intensity)} and "
        f"{units.flop_rate(e.arrow.end.flops_per_s)}"
        for e in own
    )
    return f"One chip's rate against intensity, both logarithmic. {where}. Arrows: {moved}."
