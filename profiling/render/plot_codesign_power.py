"""Power over time of a data center whose slices go through their phases together, or not."""

from itertools import groupby

from ..records.codesign import DataCenter, PowerTrace
from . import svg, units
from .scale import Linear

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1040, 300, 84, 176, 52, 50
STRIP = 10  # height of the strip of phases above the plot
NAMED_FROM = 46  # pixels of a phase that has room for its name


def power(center: DataCenter, name: str) -> str:
    """The drawing; '' without a trace."""
    traces = [trace for trace in center.traces if len(trace.time_s) > 1]
    if not traces:
        return ""
    x = Linear(0.0, min(trace.time_s[-1] for trace in traces), LEFT, WIDTH - RIGHT)
    highest = max(trace.peak_w for trace in traces)
    y = Linear(0.0, highest * 1.08, HEIGHT - BOTTOM, TOP)
    body = [
        svg.y_axis(y, LEFT, "", lambda value: units.prefixed(value, "W"), x.end),
        svg.x_axis(x, y.start, "time", units.seconds, None),
        *(_strip(trace, x) for trace in traces),
        *(_curve(trace, x, y) for trace in traces),
        *_ends(traces, x, y),
    ]
    heading = f"Power over time on {center.slice}"
    words = "; ".join(f"{trace.label}: {_swing(trace)}" for trace in traces)
    return svg.figure(name, WIDTH, HEIGHT, heading, f"{words}.", "".join(body))


def _swing(trace: PowerTrace) -> str:
    low, high = (units.prefixed(value, "W") for value in (trace.low_w, trace.peak_w))
    return f"{units.span(low, high)}, swing {units.share(trace.swing)} of the mean"


def _curve(trace: PowerTrace, x: Linear, y: Linear) -> str:
    """Power holds until the next point: a staircase."""
    corners: list[tuple[float, float]] = []
    for time, watts in zip(trace.time_s, trace.watts, strict=True):
        if time > x.high:
            break
        if corners:
            corners.append((x(time), corners[-1][1]))
        corners.append((x(time), y(watts)))
    return svg.path(corners, f"power {trace.label}")


def _strip(trace: PowerTrace, x: Linear) -> str:
    """The phases of slices that go together, named where there is room."""
    if not trace.phase:
        return ""
    parts, height = [svg.text(LEFT - 8, 31, "phase", "tick", text_anchor="end")], 22
    points = list(zip(trace.time_s, trace.phase, strict=True))
    runs = [(phase, [time for time, _ in run]) for phase, run in groupby(points, lambda p: p[1])]
    starts = [times[0] for _, times in runs]
    ends = [*starts[1:], trace.time_s[-1]]
    for (phase, _), start, end in zip(runs, starts, ends, strict=True):
        left, right = x(start), min(x(end), x.end)
        if right <= left:
            continue
        parts.append(svg.rect(left, height, right - left, STRIP, svg.phase_class(phase), phase))
        if right - left > NAMED_FROM:
            parts.append(svg.text((left + right) / 2, height - 5, phase, "tick",
                                  text_anchor="middle"))  # fmt: skip
    return svg.group(*parts)


def _ends(traces: list[PowerTrace], x: Linear, y: Linear) -> list[str]:
    """What each curve is, and how far it swings, in the margin beside the plot."""
    parts, top = [], float(TOP + 14)
    for trace in sorted(traces, key=lambda trace: -trace.peak_w):
        parts.append(svg.line(x.end + 12, top - 4, x.end + 36, top - 4, f"power {trace.label}"))
        parts.append(svg.text(x.end + 42, top, trace.label, "label strong"))
        said = (
            f"mean {units.prefixed(trace.mean_w, 'W')}",
            f"{units.span(units.prefixed(trace.low_w, 'W'), units.prefixed(trace.peak_w, 'W'))}",
            f"swing {units.share(trace.swing)} of mean",
        )
        for i, words in enumerate(said):
            parts.append(svg.text(x.end + 42, top + 17 * (i + 1), words, "tick"))
        top += 92
    return parts
