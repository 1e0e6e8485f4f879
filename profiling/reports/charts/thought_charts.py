"""Along the thought: bytes of a step by kind, its time, the active attempts; and how long thoughts
were and what ended them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ...records import Length, Profile, ThoughtPoint
from ...records.base import BYTE_KINDS
from .. import theme, units
from ..document import Chart, Spec
from . import chart_parts as kit
from .chart_parts import alt

HEIGHT, PANEL, BINS = 220, 70, 16
_BESIDE = 230  # pixels beside the panels: the axis and the names at the right
STOP_COLOURS = {"marker": "green", "budget": "red", "end_of_sequence": "grey"}


def thought_chart(profile: Profile) -> Chart | None:
    """One decode step along the thought; None where it has fewer than two points."""
    points = profile.thought
    if len(points) < 2:
        return None
    measured = (
        "; time measured in calls of up to 16 steps"
        if points[0].measured_step_s is not None
        else ""
    )
    return Chart(
        name="thought", title="One step along the thought",
        note=f"bytes and attempts counted{measured}", alt=_description(points),
        draw=lambda: _draw(points), least_width=640,
    )  # fmt: skip


def _draw(points: Sequence[ThoughtPoint]) -> Spec:
    ends = [points[0].tokens_thought, points[-1].tokens_thought]
    panels = [_areas(points, ends)]
    times = [(p.tokens_thought, p.measured_step_s) for p in points if p.measured_step_s is not None]
    if len(times) > 1:
        panels.append(_line(times, ends, "mean step time", "s", units.seconds))
    active = [(p.tokens_thought, float(p.active_attempts)) for p in points]
    panels.append(_line(active, ends, "active attempts", "", units.count, last=True))
    return kit.stacked(alt.vconcat(*panels, spacing=14).resolve_scale(x="shared"), _BESIDE)


def _areas(
    points: Sequence[ThoughtPoint], ends: Sequence[float]
) -> "alt.LayerChart | alt.FacetChart":
    """HBM bytes of a step, kinds stacked from the weights up; each named at its right end."""
    rows, names = list[dict[str, object]](), list[tuple[float, str]]()
    for point in points:
        below, last = 0, point is points[-1]
        for kind in BYTE_KINDS:
            size, label = getattr(point.hbm_bytes, kind), theme.KINDS[kind][0]
            rows.append({"x": point.tokens_thought, "from": below, "to": below + size,
                         "kind": label, "tokens thought": units.count(point.tokens_thought),
                         "bytes": units.bytes_(size)})  # fmt: skip
            names += [(below + size / 2, f"{label} {units.bytes_(size)}")] if last else []
            below += size
    top = max(p.hbm_bytes.total for p in points) * 1.05
    places = kit.spaced_linear([at for at, _ in names], 15, HEIGHT, [0, top])
    labels = [{"y": p, "text": text} for p, (_, text) in zip(places, names, strict=True)]
    chosen = kit.pick("thought_kind", "kind")
    kinds = [theme.KINDS[kind] for kind in BYTE_KINDS]
    scale = kit.colours([label for label, _ in kinds], [theme.colour(tint) for _, tint in kinds])
    x = kit.x_axis(alt.Axis(title=None, labels=False, ticks=False), ends, log=False)
    y = alt.Y("from:Q").scale(domain=[0, top], nice=False)
    y = y.axis(kit.si_axis("HBM bytes per step", "B", 5))
    area = (
        alt.Chart(kit.data(rows)).mark_area(stroke=theme.colour("page"), strokeWidth=0.5)
        .encode(x=x, y=y, y2="to:Q", color=alt.Color("kind:N", scale=scale, legend=None),
                tooltip=kit.tips("tokens thought", "kind", "bytes"),
                opacity=alt.condition(chosen, alt.value(1), alt.value(0.2)))
        .add_params(chosen)
    )  # fmt: skip
    return alt.layer(area, kit.end_texts(labels)).properties(height=HEIGHT)


def _line(
    values: Sequence[tuple[float, float]], ends: Sequence[float], title: str, symbol: str,
    text: units.Text, last: bool = False,
) -> "alt.LayerChart | alt.FacetChart":  # fmt: skip
    """A line from zero on its own axis, its last value written at its end."""
    rows = [{"x": x, "y": y, "tokens thought": units.count(x), title: text(y)} for x, y in values]
    top = max(value for _, value in values) * 1.1 or 1.0
    under = alt.Axis(title="tokens thought" if last else None, labels=last, ticks=last, tickCount=8)
    x = kit.x_axis(under, ends, log=False)
    y = kit.y_axis(kit.si_axis(title, symbol, 3), [0, top], log=False)
    ink = theme.colour("ink")
    line = alt.Chart(kit.data(rows)).mark_line(
        color=ink, point=alt.OverlayMarkDef(size=30, color=ink)
    )
    line = line.encode(x=x, y=y, tooltip=kit.tips("tokens thought", title))
    end = [{"y": values[-1][1], "text": f"{text(values[-1][1])} at the end"}]
    return alt.layer(line, kit.end_texts(end)).properties(height=PANEL)


def steps_chart(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Chart | None:
    """Time of a step along the thought, (tokens thought, seconds) of each run."""
    known = {name: points for name, points in curves.items() if len(points) > 1}
    if not known:
        return None
    told = "; ".join(
        f"{name}: {units.seconds(points[0][1])} at first, {units.seconds(points[-1][1])} at the end"
        for name, points in known.items()
    )
    return Chart(
        name="steps", title="A step along the thought", note="lower bound from the datasheet",
        alt=f"Time of a step along the thought. {told}.", draw=lambda: _steps(known), half=True,
    )  # fmt: skip


def _steps(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Spec:
    rows = [
        {"x": x, "y": y, "run": run, "tokens thought": units.count(x), "time": units.seconds(y)}
        for run, points in curves.items() for x, y in points
    ]  # fmt: skip
    colour, dash, _ = kit.looks("run", list(curves))
    made = alt.Chart(kit.data(rows)).mark_line().encode(
        x=alt.X("x:Q", title="tokens thought").axis(tickCount=6),
        y=alt.Y("y:Q").axis(kit.si_axis("time", "s", 4)), color=colour, strokeDash=dash,
        tooltip=kit.tips("run", "tokens thought", "time"),
    )  # fmt: skip
    return kit.spec(made.properties(width="container", height=150))


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


def lengths_chart(lengths: Sequence[Length], budget: int, labels: "dict[str, str]") -> Chart | None:
    """How long the thoughts were, stacked by what ended them; `labels` are reasons in words."""
    if not lengths:
        return None
    reasons = Counter(length.stop_reason for length in lengths)
    words = ", ".join(f"{n} {labels.get(r, r)}" for r, n in reasons.most_common())
    mean = sum(length.think_tokens for length in lengths) / len(lengths)
    return Chart(
        name="lengths", title="Thought lengths", note="attempts by what ended the thought",
        alt=f"{len(lengths)} attempts, mean {mean:.1f} tokens: {words}.",
        draw=lambda: _histogram(lengths, budget, labels, mean), half=True,
    )  # fmt: skip


def _histogram(
    lengths: Sequence[Length], budget: int, labels: "dict[str, str]", mean: float
) -> Spec:
    highest = max(1, budget, *(n.think_tokens for n in lengths))
    width = -(-(highest + 1) // BINS)  # the longest thought still falls inside the last bin
    counts = Counter((n.think_tokens // width, n.stop_reason) for n in lengths)
    reasons = [reason for reason, _ in Counter(n.stop_reason for n in lengths).most_common()]
    names = {reason: labels.get(reason, reason) for reason in reasons}
    rows = [
        {"from": index * width, "to": (index + 1) * width, "attempts": number,
         "ended": names[reason], "tokens": f"{index * width} to {(index + 1) * width - 1}"}
        for (index, reason), number in sorted(counts.items())
    ]  # fmt: skip
    chosen = kit.pick("lengths_end", "ended")
    tints = [theme.colour(STOP_COLOURS.get(reason, "soft")) for reason in reasons]
    colour = alt.Color("ended:N", title=None, scale=kit.colours(list(names.values()), tints))
    x = alt.X("from:Q", title="tokens thought", bin="binned")
    x = x.scale(domain=[0, width * BINS], nice=False)
    y = alt.Y("attempts:Q", title="attempts", stack="zero").axis(tickMinStep=1, tickCount=4)
    drawn = (
        alt.Chart(kit.data(rows)).mark_bar(stroke=theme.colour("page"), strokeWidth=1)
        .encode(x=x.axis(grid=False), x2="to:Q", y=y, color=colour,
                tooltip=[*kit.tips("tokens", "ended"), alt.Tooltip("attempts:Q")],
                opacity=alt.condition(chosen, alt.value(1), alt.value(0.2)))
        .add_params(chosen)
    )  # fmt: skip
    at = alt.Chart(kit.data([{"from": mean, "text": f"mean {units.significant(mean)}"}]))
    rule = at.mark_rule(strokeDash=[3, 3], color=theme.colour("ink")).encode(x="from:Q")
    label = at.mark_text(baseline="bottom", dy=-3).encode(x="from:Q", y=alt.value(0), text="text:N")
    return kit.layered([drawn, rule, label], 180)
