"""Latency against cost of ways to serve; power over time; the parts of the best chips."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ...records.base import Interval
from ...records.codesign import DataCenter, DesignSearch, ParetoPoint, PowerTrace
from .. import theme, units
from ..codesign_words import by_correct, money
from ..document import Chart, Spec, slug
from . import chart_parts as kit
from .chart_parts import alt

_DASHES = {"synchronised": [1, 0], "unsynchronised": [6, 3]}


def pareto(points: Sequence[ParetoPoint]) -> Chart | None:
    """One profile's points, a mark's shape for each slice, the frontier as a line."""
    if not points:
        return None
    correct = by_correct(points)
    best = "; ".join(
        f"{p.slice} at batch {units.count(p.batch)}: {units.seconds(p.latency_s.median)}, "
        f"{units.usd(money(p, correct).median)}"
        for p in points
        if p.on_frontier
    )
    return Chart(
        name=f"pareto-{slug(points[0].profile)}",
        title=f"Latency against cost: {points[0].profile}",
        note="predicted; filled: none is both faster and cheaper; lines across: 80 % intervals; "
        "faint: beaten by another",
        alt=f"Latency against cost, both logarithmic. Best: {best}.",
        draw=lambda: _pareto(points, correct),
        least_width=480,
    )


def _pareto(points: Sequence[ParetoPoint], correct: bool) -> Spec:
    usd = [money(point, correct) for point in points]
    names = ("correct answer", "correct answers") if correct else ("query", "queries")
    dollars, times = kit.dollar_axis(max(u.median for u in usd), *names)
    rows = [_way(point, paid, times) for point, paid in zip(points, usd, strict=True)]
    slices = list(dict.fromkeys(point.slice for point in points))
    chosen = kit.pick(f"pareto_{slug(points[0].profile)}", "slice")
    x_ends = kit.log_domain(_ends([point.latency_s for point in points]), 1.15, 1.15)
    y_ends = kit.log_domain([end * times for end in _ends(usd)], 1.15, 1.25)
    x, y = (
        kit.x_axis(kit.si_axis("latency of a query", "s", 8), x_ends),
        kit.y_axis(dollars, y_ends),
    )
    colour, _, shape = kit.looks("slice", slices)
    faded = alt.condition(chosen, alt.value(1), alt.value(0.08))
    front = sorted((row for row in rows if row["best"]), key=lambda row: float(str(row["x"])))
    others = [row for row in rows if not row["best"]]
    on_front = alt.Chart(kit.data(front)).encode(x=x, y=y)
    layers = [
        on_front.mark_line(color=theme.colour("ink"), strokeWidth=1.2),
        alt.Chart(kit.data(others)).mark_point(filled=False, size=45, strokeWidth=1.2, opacity=0.5)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=_tips(),
                opacity=alt.condition(chosen, alt.value(0.5), alt.value(0.05))),
        on_front.mark_rule(opacity=0.5).encode(y="low:Q", y2="high:Q", color=colour),
        on_front.mark_rule(opacity=0.5).encode(x="x_low:Q", x2="x_high:Q", color=colour),
        on_front.mark_point(filled=True, size=80, opacity=1)
        .encode(color=colour, shape=shape, opacity=faded, tooltip=_tips())
        .add_params(chosen, kit.zoom(f"pareto_zoom_{slug(points[0].profile)}")),
    ]  # fmt: skip
    return kit.layered(layers, 380)


def _ends(intervals: Sequence[Interval]) -> list[float]:
    return [end for interval in intervals for end in (interval.low, interval.high)]


def _way(point: ParetoPoint, usd: Interval, times: float) -> dict[str, object]:
    return {
        "x": point.latency_s.median, "x_low": point.latency_s.low, "x_high": point.latency_s.high,
        "y": usd.median * times, "low": usd.low * times, "high": usd.high * times,
        "slice": point.slice, "best": point.on_frontier,
        "prompts per batch": units.count(point.batch), "attempts": units.count(point.attempts),
        "tokens thought": units.count(point.think_tokens),
        "latency": units.with_bounds(point.latency_s, units.seconds),
        "cost": units.with_bounds(usd, units.usd),
    }  # fmt: skip


def _tips() -> "list[alt.Tooltip]":
    return kit.tips("slice", "prompts per batch", "attempts", "tokens thought", "latency", "cost")


def power(center: DataCenter) -> Chart | None:
    """Power of all chips where slices go through their phases in step, or not."""
    traces = [trace for trace in center.traces if len(trace.time_s) > 1]
    if not traces:
        return None
    told = "; ".join(f"{trace.label}: {_swing(trace)}" for trace in traces)
    return Chart(
        name=f"power-{slug(center.profile)}-{slug(center.slice)}",
        title=f"Power over time, {center.profile} on {center.slice}",
        note="predicted, all chips; strip: the phases of slices in step",
        alt=f"{told}.",
        draw=lambda: _power(center, traces),
        least_width=560,
    )


def _swing(trace: PowerTrace) -> str:
    low, high = units.watts(trace.low_w), units.watts(trace.peak_w)
    return f"{units.span(low, high)}, swing {units.share(trace.swing)} of the mean"


def _power(center: DataCenter, traces: Sequence[PowerTrace]) -> Spec:
    last = min(trace.time_s[-1] for trace in traces)
    top = 1.2 * max(trace.peak_w for trace in traces)
    rows = [
        {"x": time, "y": watts, "slices": trace.label, "time": units.seconds(time),
         "power": units.watts(watts), "swing": _swing(trace)}
        for trace in traces
        for time, watts in zip(trace.time_s, trace.watts, strict=True)
        if time <= last
    ]  # fmt: skip
    labels = [trace.label for trace in traces]
    x = kit.x_axis(kit.si_axis("time", "s"), [0, last], log=False)
    y = kit.y_axis(kit.si_axis("power", "W", 5), [0, top], log=False)
    key = alt.Legend(title="slices", orient="top", symbolStrokeColor=theme.colour("ink"))
    dash = alt.StrokeDash("slices:N", legend=key).scale(
        domain=labels, range=[_DASHES[label] for label in labels]
    )
    colour = alt.Color("slices:N", legend=None).scale(
        domain=labels, range=[theme.colour(t) for t in ("ink", "blue")][: len(labels)]
    )
    curve = alt.Chart(kit.data(rows)).mark_line(interpolate="step-after", strokeWidth=1.6)
    layers = [
        *_strips(traces, last, top, x),
        curve.encode(x=x, y=y, strokeDash=dash, color=colour,
                     tooltip=kit.tips("slices", "time", "power", "swing")),
    ]  # fmt: skip
    return kit.layered(layers, 260) | {"resolve": {"scale": {"color": "independent"}}}


def _strips(traces: Sequence[PowerTrace], last: float, top: float, x: "alt.X") -> "list[alt.Chart]":
    """The phases of slices in step, named where there is room."""
    rows = [row for trace in traces for row in _phases(trace, last)]
    if not rows:
        return []
    phases = list(dict.fromkeys(str(row["phase"]) for row in rows))
    colour = kit.phase_colour(phases).legend(None)
    bands = [{**row, "y": 0.93 * top, "y2": 0.97 * top} for row in rows]
    base = alt.Chart(kit.data(bands))
    wide = [{**row, "y": 0.93 * top, "text": row["phase"]} for row in rows
            if float(str(row["x2"])) - float(str(row["x"])) > 0.06 * last]  # fmt: skip
    return [
        base.mark_rect().encode(x=x, x2="x2:Q", y="y:Q", y2="y2:Q", color=colour,
                                tooltip=kit.tips("phase")),
        alt.Chart(kit.data(wide)).mark_text(align="left", baseline="top", dy=3, fontSize=11)
        .encode(x="x:Q", y="y:Q", text="text:N"),
    ]  # fmt: skip


def _phases(trace: PowerTrace, last: float) -> Iterator[dict[str, object]]:
    points = list(zip(trace.time_s, trace.phase, strict=False))
    stretches = [(phase, next(held)[0]) for phase, held in groupby(points, lambda p: p[1])]
    ends = [start for _, start in stretches[1:]] + [last]
    for (phase, start), end in zip(stretches, ends, strict=False):
        if start < min(end, last):
            yield {"phase": phase, "x": start, "x2": min(end, last)}


def designs(searches: Sequence[DesignSearch], parts: dict[str, str]) -> Chart | None:
    """The best chip for each purpose, its `parts` as multiples of the chip that is there."""
    if not searches:
        return None
    there = searches[0].reference
    shown = {name: words for name, words in parts.items() if getattr(there, name, 0.0)}
    return Chart(
        name="designs",
        title=f"The best chips' parts, as multiples of {searches[0].reference_chip}'s",
        note="by search under the budget",
        alt=" ".join(search.sentence for search in searches),
        draw=lambda: _designs(searches, shown),
        least_width=420,
    )


def _designs(searches: Sequence[DesignSearch], parts: dict[str, str]) -> Spec:
    there = searches[0].reference
    rows, factors = list[dict[str, object]](), list[float]()
    for search in searches:
        for name, words in parts.items():
            factors.append(getattr(search.best, name) / getattr(there, name))
            rows.append({"purpose": search.purpose, "part": words, "factor": factors[-1],
                         "times": units.ratio(factors[-1])})  # fmt: skip
    purposes = [search.purpose for search in searches]
    ends = kit.log_domain([*factors, 1.0], 1.5, 1.5)
    y = alt.Y("part:N", sort=list(parts.values()), title=None).axis(domain=False, ticks=False)
    x = alt.X("factor:Q", title=None).scale(type="log", base=2, domain=ends, nice=False).axis(None)
    tints = [theme.series(index) for index in range(len(purposes))]
    base = alt.Chart(kit.data(rows)).encode(y=y, yOffset=alt.YOffset("purpose:N", sort=purposes))
    layers = [
        base.mark_bar(opacity=0.9).encode(
            x=x, x2=alt.datum(1), tooltip=kit.tips("purpose", "part", "times"),
            color=alt.Color("purpose:N", title="best for", scale=kit.colours(purposes, tints)),
        ),
        base.transform_filter("datum.factor >= 1").mark_text(align="left", dx=5)
        .encode(x="factor:Q", text="times:N"),
        base.transform_filter("datum.factor < 1").mark_text(align="right", dx=-5)
        .encode(x="factor:Q", text="times:N"),
        alt.Chart(kit.data([{"at": 1}])).mark_rule().encode(x="at:Q"),
    ]  # fmt: skip
    return kit.layered(layers, (18 * len(purposes) + 12) * len(parts))
