"""Accuracy against the cost of a query: every option, the frontier, and the choice by level."""

from collections.abc import Callable, Sequence

from ..records.evaluation import Frontier, Optimal, Option
from . import amounts, svg, units
from .scale import Linear, Log

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 30, 44, 56
WORDS = {"flops": "FLOPs a query (counted)", "usd": "$ a query (predicted)"}


def frontier_plot(frontier: Frontier, optimal: Optimal | None, name: str) -> str:
    """The drawing; empty where there are no two different costs. `optimal` is drawn by FLOPs."""
    costs = [option.cost for option in frontier.options if option.cost > 0]
    if len(set(costs)) < 2:
        return ""
    said: Callable[[float], str] = units.flops if frontier.kind == "flops" else amounts.usd
    x = Log(min(costs) / 1.15, max(costs) * 1.15, LEFT, WIDTH - RIGHT)
    y = Linear(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    best = [option for option in frontier.options if option.on_frontier and option.cost > 0]
    where = f" on {frontier.slice}" if frontier.slice else ""
    body = [
        svg.y_axis(y, LEFT, "right", lambda value: f"{100 * value:.0f} %", x.end),
        svg.x_axis(x, y.start, WORDS[frontier.kind] + where, said, ticks=ticks_of(x)),
        *(_point(option, x, y, said) for option in frontier.options if option.cost > 0),
        svg.path(_stairs(best, x, y), "line-0"),
    ]
    if optimal and frontier.kind == "flops" and len(optimal.points) > 1:
        choice = [(x(point.flops), y(point.accuracy)) for point in optimal.points]
        body.append(svg.path(choice, "line-1 choice"))
    body += _names(best, x, y)
    description = "; ".join(
        f"{option.label}: {100 * option.accuracy:.0f} % for {said(option.cost)}" for option in best
    )
    title = f"Accuracy against cost{where}"
    return svg.figure(name, WIDTH, HEIGHT, title, description, "".join(body))


def ticks_of(x: Log) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there are fewer than three."""
    powers = x.ticks()
    if len(powers) >= 3:
        return powers
    tens = [10.0**n for n in range(-18, 25)]
    return [m * ten for ten in tens for m in (1, 2, 5) if x.low <= m * ten <= x.high]


def _stairs(best: Sequence[Option], x: Log, y: Linear) -> list[tuple[float, float]]:
    """Between two options, more money buys nothing."""
    points: list[tuple[float, float]] = []
    for option in best:
        if points:
            points.append((x(option.cost), points[-1][1]))
        points.append((x(option.cost), y(option.accuracy)))
    return [*points, (x.end, points[-1][1])] if points else []


def _point(option: Option, x: Log, y: Linear, said: Callable[[float], str]) -> str:
    at = x(option.cost)
    kind = "dot-0" if option.on_frontier else "dot-other"
    tooltip = f"{option.label}: {100 * option.accuracy:.1f} %, {said(option.cost)} a query"
    return svg.line(at, y(option.low), at, y(option.high), "whisker-thin") + svg.circle(
        at, y(option.accuracy), 3.5, kind, tooltip
    )


def _names(best: Sequence[Option], x: Log, y: Linear) -> list[str]:
    """Up and left of each frontier option, where there can be no other; one that would lie on the
    name of a better option is left to its tooltip."""
    drawn: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for option in reversed(best):
        width = len(option.label) * svg.CHARACTER
        end = max(x(option.cost) - 7, LEFT + 4 + width)
        base = y(option.accuracy) - 5
        if any(
            abs(base - at) < 14 and end - width < stop and start < end for start, stop, at in taken
        ):
            continue
        taken.append((end - width, end, base))
        drawn.append(svg.text(end, base, option.label, "label halo", text_anchor="end"))
    return drawn
