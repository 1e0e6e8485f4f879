"""One decode step along the thought: bytes by kind stacked, measured time, active attempts."""

from collections.abc import Sequence

from ..records import Profile, ThoughtPoint
from ..records.base import BYTE_KINDS
from . import svg, units
from .facts import KIND_LABELS
from .scale import Linear, spaced

WIDTH, LEFT, RIGHT, TOP = 1040, 92, 170, 34
AREA, PANEL, GAP, BOTTOM = 230, 84, 44, 50


def thought(profile: Profile) -> str:
    """The drawing; empty where the thought has fewer than two points."""
    points = profile.thought
    if len(points) < 2:
        return ""
    first, last = points[0].tokens_thought, points[-1].tokens_thought
    x = Linear(first, last, LEFT, WIDTH - RIGHT)
    panels, bottom = [_area(points, x, TOP)], TOP + AREA
    times = [(p.tokens_thought, p.measured_step_s) for p in points if p.measured_step_s is not None]
    if len(times) > 1:
        top = bottom + GAP
        panels.append(_line_panel(times, x, top, "measured step time", "measured-line"))
        bottom = top + PANEL
    active = [(p.tokens_thought, float(p.active_attempts)) for p in points]
    panels.append(_line_panel(active, x, bottom + GAP, "active attempts", "active-line"))
    bottom += GAP + PANEL
    axis = svg.x_axis(x, bottom, "tokens thought", units.count)
    return svg.figure(
        "thought",
        WIDTH,
        bottom + BOTTOM,
        "One step along the thought",
        _description(points),
        "".join([*panels, axis]),
    )


def _area(points: Sequence[ThoughtPoint], x: Linear, top: float) -> str:
    """HBM bytes of a step, kinds stacked from the weights up; each named at its right end."""
    highest = max(p.hbm_bytes.total for p in points) * 1.05
    y = Linear(0.0, highest, top + AREA, top)
    below = [0.0] * len(points)
    drawn, names, wanted = [], [], []
    for kind in BYTE_KINDS:
        sizes = [getattr(p.hbm_bytes, kind) for p in points]
        above = [b + s for b, s in zip(below, sizes, strict=True)]
        across = [x(p.tokens_thought) for p in points]
        upper = list(zip(across, map(y, above), strict=True))
        lower = list(zip(across, map(y, below), strict=True))
        drawn.append(svg.path([*upper, *reversed(lower)], f"kind-{kind}", closed=True))
        wanted.append(y((above[-1] + below[-1]) / 2) + 4)
        names.append((kind, f"{KIND_LABELS[kind]} {units.bytes_(sizes[-1])}"))
        below = above
    places = spaced(wanted, 16, top + 6, top + AREA)
    for (kind, name), at in zip(names, places, strict=True):
        drawn.append(svg.rect(x.end + 10, at - 9, 9, 9, f"kind-{kind}"))
        drawn.append(svg.text(x.end + 24, at, name, "label"))
    axis = svg.y_axis(y, LEFT, "HBM bytes a step (counted)", units.bytes_, x.end)
    return axis + svg.group(*drawn)


def _line_panel(
    values: Sequence[tuple[float, float]], x: Linear, top: float, label: str, class_: str
) -> str:
    """A line from zero on its own axis, its last value written at its end."""
    y = Linear(0.0, max(value for _, value in values) * 1.1 or 1.0, top + PANEL, top)
    write = units.seconds if class_ == "measured-line" else units.count
    places = [(x(at), y(value)) for at, value in values]
    return (
        svg.y_axis(y, LEFT, label, write, x.end, y.ticks(2))
        + svg.path(places, class_)
        + svg.text(places[-1][0] + 10, places[-1][1] + 4, f"{write(values[-1][1])} at the end")
    )


def _description(points: Sequence[ThoughtPoint]) -> str:
    def cache_share(point: ThoughtPoint) -> str:
        moved = point.hbm_bytes
        return units.share((moved.kv_read + moved.kv_write) / moved.total if moved.total else 0.0)

    first, last = points[0], points[-1]
    return (
        f"After {units.count(first.tokens_thought)} tokens a step moves "
        f"{units.bytes_(first.hbm_bytes.total)}, {cache_share(first)} of it KV cache; after "
        f"{units.count(last.tokens_thought)} tokens {units.bytes_(last.hbm_bytes.total)}, "
        f"{cache_share(last)} of it KV cache, for {last.active_attempts} active attempts."
    )
