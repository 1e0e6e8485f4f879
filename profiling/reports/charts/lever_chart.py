"""Accuracy of a model under each lever, against what a query moves or costs."""

from ...records.lever_study import LeverStudy, MeasuredLever
from .. import theme, units
from ..document import Chart, Spec, slug
from . import chart_parts as kit
from .chart_parts import alt

NEAR = 0.03
"""Points whose costs and accuracies differ by less share a label."""


def lever_chart(study: LeverStudy, on: str | None) -> Chart | None:
    """Against counted HBM bytes, or against predicted dollars on the slice `on`; None where no two
    costs differ or the slice has no price."""
    rows = [(row, cost) for row in (study.base, *study.levers) if (cost := _cost(row, on))]
    if len({cost for _, cost in rows}) < 2:
        return None
    write = units.usd if on else units.bytes_
    told = "; ".join(
        f"{row.lever}: {units.percent(row.accuracy.value)} for {write(cost)}" for row, cost in rows
    )
    what = f"predicted dollars on {on}" if on else "counted HBM bytes"
    return Chart(
        name=f"levers-{slug(on or 'bytes')}",
        title=f"Accuracy against {what} of a query",
        note=f"bars: 95 % over {study.problems} problems; blue: the unchanged model",
        alt=f"{told}.",
        draw=lambda: _drawn(rows, on),
        least_width=480,
    )


def _cost(row: MeasuredLever, on: str | None) -> float | None:
    if on is None:
        return row.hbm_bytes
    found = [cost.amounts.usd for cost in row.slices if cost.slice == on]
    return found[0].median if found and found[0] is not None else None


def _drawn(rows: list[tuple[MeasuredLever, float]], on: str | None) -> Spec:
    axis, times = kit.si_axis("HBM bytes per query (counted)", "B"), 1.0
    write = units.usd if on else units.bytes_
    if on:
        most = max(cost for _, cost in rows)
        axis, times = kit.dollar_axis(most, on=f" on {on} (predicted)")
    ends = kit.log_domain([cost * times for _, cost in rows], 1.15, 1.3)
    marks = [
        {
            "x": cost * times, "right": row.accuracy.value, "low": row.accuracy.low,
            "high": row.accuracy.high, "lever": row.lever, "base": row.kind == "base",
            "accuracy": units.percent(row.accuracy.value), "per query": write(cost),
            "change": row.change,
        }
        for row, cost in rows
    ]  # fmt: skip
    x = kit.x_axis(axis, ends)
    scale = alt.Scale(domain=[0, 1])
    right = alt.Y("right:Q", axis=alt.Axis(title="right (measured)", format="%"), scale=scale)
    low = alt.Y("low:Q", axis=alt.Axis(title="right (measured)", format="%"), scale=scale)
    blue, grey = alt.value(theme.colour("blue")), alt.value(theme.colour("grey"))
    tint = alt.condition("datum.base", blue, grey)
    base = alt.Chart(kit.data(marks)).encode(x=x)
    layers = [
        base.mark_rule(opacity=0.5).encode(y=low, y2="high:Q", color=tint),
        base.mark_point(filled=True, size=60).encode(
            y=right, color=tint, tooltip=kit.tips("lever", "change", "accuracy", "per query")
        ),
        alt.Chart(kit.data(_names(rows, times)))
        .mark_text(align="left", dx=6, fontSize=10)
        .encode(x=x, y=right, text="lever:N"),
    ]
    return kit.layered(layers, 360)


def _names(rows: list[tuple[MeasuredLever, float]], times: float) -> list[dict[str, object]]:
    """A label for each point; points that lie on one another share one."""
    labels: list[tuple[float, float, list[str]]] = []
    for row, cost in rows:
        right = row.accuracy.value
        near = [names for x, y, names in labels
                if abs(cost / x - 1) < NEAR and abs(right - y) < NEAR]  # fmt: skip
        if near:
            near[0].append(row.lever)
        else:
            labels.append((cost, right, [row.lever]))
    return [{"x": x * times, "right": y, "lever": ", ".join(names)} for x, y, names in labels]
