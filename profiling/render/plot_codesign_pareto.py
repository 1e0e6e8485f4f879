"""Pareto plot: latency against money, a mark's shape for each slice, the frontier as a line."""

import math
from collections.abc import Sequence

from ..records.base import Interval
from ..records.codesign import ParetoPoint
from . import amounts, svg, units
from .scale import Log

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1040, 88, 24, 30, 50
PLOT = 380
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "wedge")
SIZE = 5.0
LEGEND = 22


def money(point: ParetoPoint, correct: bool) -> Interval:
    """Of one query, or of one correct answer."""
    found = point.usd_per_correct if correct else point.usd_per_query
    return found or point.usd_per_query


def by_correct(points: Sequence[ParetoPoint]) -> bool:
    """Whether every point knows what a correct answer costs."""
    return bool(points) and all(point.usd_per_correct is not None for point in points)


def pareto(points: Sequence[ParetoPoint], name: str) -> str:
    """The drawing of one profile's points; '' where there are none."""
    if not points:
        return ""
    correct = by_correct(points)
    slices = list(dict.fromkeys(point.slice for point in points))
    legend, rows = _legend(slices)
    top = TOP + rows * LEGEND + 24
    height = top + PLOT + BOTTOM
    latencies = [end for p in points for end in (p.latency_s.low, p.latency_s.high)]
    prices = [end for p in points for end in (money(p, correct).low, money(p, correct).high)]
    x = Log(min(latencies) / 1.15, max(latencies) * 1.15, LEFT, WIDTH - RIGHT)
    y = Log(min(prices) / 1.15, max(prices) * 1.25, height - BOTTOM, top)
    what = "$ a correct answer, predicted" if correct else "$ a query, predicted"
    body = [
        legend,
        svg.y_axis(y, LEFT, what, amounts.usd, x.end, one_two_five(y)),
        svg.x_axis(x, y.start, "latency of a query, predicted", units.seconds, y.end,
                   one_two_five(x)),
        _frontier(points, correct, x, y),
        *(_whiskers(point, correct, x, y) for point in points),
        *(_mark(point, correct, slices, x, y) for point in points),
        *_labels(points, correct, x, y),
    ]  # fmt: skip
    heading = f"Latency against money, {points[0].profile}"
    return svg.figure(name, WIDTH, height, heading, _description(points, correct), "".join(body))


def one_two_five(scale: Log) -> list[float]:
    """Powers of ten; with twos and fives between where there would be fewer than four."""
    tens = scale.ticks()
    if len(tens) > 3:
        return tens
    first = math.floor(math.log10(scale.low))
    every = [m * 10.0**power for power in range(first, first + 9) for m in (1, 2, 5)]
    return [value for value in every if scale.low <= value <= scale.high]


def shape(kind: str, at: float, height: float, class_: str, tooltip: str = "") -> str:
    """A mark of one of SHAPES."""
    r = SIZE
    if kind == "circle":
        return svg.circle(at, height, r, class_, tooltip)
    corners = {
        "square": [(-r, -r), (r, -r), (r, r), (-r, r)],
        "triangle": [(0, -1.25 * r), (1.15 * r, r), (-1.15 * r, r)],
        "diamond": [(0, -1.4 * r), (1.4 * r, 0), (0, 1.4 * r), (-1.4 * r, 0)],
        "wedge": [(0, 1.25 * r), (1.15 * r, -r), (-1.15 * r, -r)],
        "cross": _cross(r),
    }[kind]
    drawn = svg.path([(at + a, height + b) for a, b in corners], class_, closed=True)
    return svg.group(svg.title(tooltip), drawn) if tooltip else drawn


def _cross(r: float) -> list[tuple[float, float]]:
    a, b = 1.3 * r, 0.42 * r
    return [(-a, -b), (-b, -b), (-b, -a), (b, -a), (b, -b), (a, -b),
            (a, b), (b, b), (b, a), (-b, a), (-b, b), (-a, b)]  # fmt: skip


def _shape_of(slices: Sequence[str], name: str) -> tuple[str, str]:
    """Shape, and colour class: both repeat only after six."""
    index = list(slices).index(name)
    return SHAPES[index % len(SHAPES)], f"series-{index % len(SHAPES)}"


def _legend(slices: Sequence[str]) -> tuple[str, int]:
    """Marks with names above the plot, in as many rows as they need."""
    parts, at, row = [], float(LEFT), 0
    for name in slices:
        needed = 22 + len(name) * svg.CHARACTER + 22
        if at + needed > WIDTH - RIGHT and at > LEFT:
            at, row = float(LEFT), row + 1
        kind, colour = _shape_of(slices, name)
        height = 12 + row * LEGEND
        parts.append(shape(kind, at + 6, height - 4, f"mark-shape {colour}"))
        parts.append(svg.text(at + 18, height, name, "label"))
        at += needed
    return svg.group(*parts), row


def _frontier(points: Sequence[ParetoPoint], correct: bool, x: Log, y: Log) -> str:
    ends = sorted(
        (x(p.latency_s.median), y(money(p, correct).median)) for p in points if p.on_frontier
    )
    return svg.path(ends, "frontier") if len(ends) > 1 else ""


def _whiskers(point: ParetoPoint, correct: bool, x: Log, y: Log) -> str:
    """Intervals of the frontier's points alone: of all they would cover one another."""
    if not point.on_frontier:
        return ""
    at, height = x(point.latency_s.median), y(money(point, correct).median)
    usd = money(point, correct)
    return svg.line(x(point.latency_s.low), height, x(point.latency_s.high), height, "spread") + (
        svg.line(at, y(usd.low), at, y(usd.high), "spread")
    )


def _mark(point: ParetoPoint, correct: bool, slices: Sequence[str], x: Log, y: Log) -> str:
    usd = money(point, correct)
    tooltip = (
        f"{point.slice}, {units.count(point.batch)} prompts together, {point.attempts:g} attempts, "
        f"{units.count(point.think_tokens)} tokens thought: "
        f"{amounts.with_bounds(point.latency_s, units.seconds)}, "
        f"{amounts.with_bounds(usd, amounts.usd)}, predicted"
    )
    kind, colour = _shape_of(slices, point.slice)
    filled = "" if point.on_frontier else " hollow"
    place = x(point.latency_s.median), y(usd.median)
    return shape(kind, *place, f"mark-shape {colour}{filled}", tooltip)


def _labels(points: Sequence[ParetoPoint], correct: bool, x: Log, y: Log) -> list[str]:
    """The batch beside each point of the frontier that has room for it."""
    others = [(x(p.latency_s.median), y(money(p, correct).median)) for p in points]
    taken: list[tuple[float, float]] = []
    parts = []
    for point in sorted((p for p in points if p.on_frontier), key=lambda p: p.latency_s.median):
        words = f"batch {units.count(point.batch)}"
        at, height = x(point.latency_s.median) + 9, y(money(point, correct).median) - 8
        width = len(words) * svg.CHARACTER
        meets = any(abs(height - b) < 15 and a - width - 4 < at < a + width + 4 for a, b in taken)
        covers = any(at - 4 < a < at + width + 4 and -14 < b - height < 6 for a, b in others)
        if meets or covers or at + width > x.end:
            continue
        taken.append((at, height))
        parts.append(svg.text(at, height, words, "tick halo"))
    return parts


def _description(points: Sequence[ParetoPoint], correct: bool) -> str:
    best = [
        f"{p.slice} at batch {units.count(p.batch)}: {units.seconds(p.latency_s.median)}, "
        f"{amounts.usd(money(p, correct).median)}"
        for p in points
        if p.on_frontier
    ]
    return f"Latency against money, both logarithmic. On the frontier: {'; '.join(best)}."
