"""What charts share: altair when it is first used, axes with SI units, tooltips, spread labels, and
horizontal bars of parts, the picture of most tables."""

import importlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from .. import theme
from ..document import Spec

if TYPE_CHECKING:
    import altair as alt
else:

    class _Altair:
        """Imports altair when the first chart is drawn: light commands draw none."""

        def __getattr__(self, name: str) -> object:
            return _chart() if name == "Chart" else getattr(importlib.import_module("altair"), name)

    alt = _Altair()

    @cache
    def _chart() -> type:
        """altair's Chart with channels told by their class: to find that out of a text or a value
        takes altair 5 ms, hundreds of times as long."""
        altair = importlib.import_module("altair")

        def told(name: str, given: object) -> object:
            kind = name[0].upper() + name[1:]
            if isinstance(given, str):
                return getattr(altair, kind)(given)
            if isinstance(given, dict):
                return getattr(altair, kind + ("Datum" if "datum" in given else "Value"))(**given)
            return given

        class Chart(altair.Chart):
            def encode(self, **channels: object) -> "Chart":
                return super().encode(
                    **{name: told(name, given) for name, given in channels.items()}
                )

        return Chart


CHARACTER = 6.7  # pixels a character of a label takes, on average
Row = Mapping[str, object]


def spec(chart: "alt.TopLevelMixin") -> Spec:
    """The specification, with the theme's look; a page draws it as wide as it has room."""
    made: Spec = chart.to_dict(validate=False)
    config = made.get("config")
    made["config"] = {**(config if isinstance(config, dict) else {}), **theme.vega_config()}
    made.update(background=None, padding=4, autosize={"type": "fit-x", "contains": "padding"})
    return made


def layered(layers: "Sequence[alt.Chart]", height: "float | alt.Step") -> Spec:
    """The specification of layers, as wide as there is room."""
    return spec(alt.layer(*layers).properties(width="container", height=height))


def stacked(chart: "alt.VConcatChart", beside: int) -> Spec:
    """The specification of panels one under the other, each as wide as the room less `beside`.

    Vega-Lite gives such panels no width of their container's: the page sets it, and what makes
    still pictures.
    """
    return spec(chart) | {"autosize": {"type": "pad"}, "usermeta": {"beside": beside}}


def data(rows: Iterable[Row]) -> "alt.InlineData":
    """Rows as inline data."""
    return alt.InlineData(values=[dict(row) for row in rows])


def tips(*names: str) -> "list[alt.Tooltip]":
    """Fields of text that are shown at the pointer, each under its own name."""
    return [alt.Tooltip(f"{name}:N", title=name) for name in names]


def colours(names: Sequence[str], tints: "Sequence[str] | Sequence[list[int]]") -> "alt.Scale":
    """A scale from names to colours, or to symbols or dashes."""
    return alt.Scale(domain=list(names), range=list(tints))


def looks(
    field: str, names: Sequence[str], legend: bool = True
) -> "tuple[alt.Color, alt.StrokeDash, alt.Shape]":
    """A colour, a dash and a symbol for each name, so that lines are told apart in grey too."""
    look = [(theme.series(index), theme.DASHES[index % 6], theme.SYMBOLS[index % 6])
            for index in range(len(names))]  # fmt: skip
    tints, dashes, symbols = map(list, zip(*look, strict=True))
    key = alt.Undefined if legend else None
    return (
        alt.Color(f"{field}:N", title=None, scale=colours(names, tints), legend=key),
        alt.StrokeDash(f"{field}:N", scale=colours(names, dashes), legend=None),
        alt.Shape(f"{field}:N", title=None, scale=colours(names, symbols), legend=key),
    )


def phase_colour(phases: Sequence[str]) -> "alt.Color":
    """Phases in their colours."""
    return alt.Color("phase:N", title=None, scale=colours(phases, theme.phase_colours(phases)))


def si(symbol: str, value: str = "datum.value") -> str:
    """A Vega expression that writes `value` with an SI prefix: '10 ms', '1.2 TB/s'."""
    return f"replace(format({value}, '~s'), regexp('([yzafpnµmkMGTPEZ]?)$'), ' $1{symbol}')"


def si_axis(
    title: str | None, symbol: str, ticks: int = 6, values: Sequence[float] | None = None
) -> "alt.Axis":
    """An axis whose ticks carry SI prefixes; `values` are those of a logarithmic one (decades)."""
    marks = {"tickCount": ticks} if values is None else {"values": list(values)}
    return alt.Axis(title=title, labelExpr=si(symbol), **marks)


def x_axis(axis: "alt.Axis", ends: Sequence[float], log: bool = True) -> "alt.X":
    """The field `x` from one end of the axis to the other."""
    scale = alt.Scale(type="log" if log else "linear", domain=list(ends), nice=False)
    return alt.X("x:Q", axis=axis, scale=scale)


def y_axis(axis: "alt.Axis", ends: Sequence[float], log: bool = True) -> "alt.Y":
    """The field `y` from one end of the axis to the other."""
    scale = alt.Scale(type="log" if log else "linear", domain=list(ends), nice=False)
    return alt.Y("y:Q", axis=axis, scale=scale)


def dollar_axis(
    most: float, one: str = "query", several: str = "queries", on: str = ""
) -> "tuple[alt.Axis, float]":
    """An axis of dollars, by the thousand or million where all are below `most`, and its factor."""
    times = 1.0 if most >= 1 else 1e3 if most >= 1e-3 else 1e6
    per = {1.0: one, 1e3: f"1,000 {several}", 1e6: f"million {several}"}[times]
    return alt.Axis(title=f"$ per {per}{on}", format=",~r", tickCount=6), times


def decades(domain: Sequence[float]) -> list[float]:
    """Powers of ten inside the ends of a logarithmic axis; every other one where they are many."""
    low, high = (math.log10(end) for end in domain)
    powers = range(math.ceil(low), math.floor(high) + 1)
    return [10.0**power for power in powers[:: 1 + len(powers) // 9]]


def parameter(name: str) -> str:
    """A name that Vega takes for one of its parameters."""
    return re.sub(r"\W", "_", name)


def zoom(name: str) -> "alt.Parameter":
    """Drag to pan, Ctrl or Shift with the wheel to zoom (the wheel alone scrolls the page)."""
    wheel = "wheel![event.ctrlKey || event.shiftKey || event.metaKey]"
    return alt.selection_interval(name=parameter(name), bind="scales", zoom=wheel)


def pick(name: str, field: str) -> "alt.Parameter":
    """A click in the legend, or on a mark, singles a series out."""
    return alt.selection_point(name=parameter(name), fields=[field], bind="legend")


def end_texts(rows: Iterable[Row]) -> "alt.Chart":
    """The rows' `text` at the right of the chart, each at its `y`."""
    texts = alt.Chart(data(rows)).mark_text(align="left", dx=8, clip=False)
    return texts.encode(x=alt.value("width"), y="y:Q", text="text:N")


def log_domain(values: Iterable[float], below: float = 2.0, above: float = 2.0) -> list[float]:
    """Ends of a logarithmic axis with some room."""
    known = [v for v in values if v > 0 and math.isfinite(v)]
    return [min(known) / below, max(known) * above]


def spaced(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near `wanted`, in its order, at least `gap` apart, inside low to high if they fit.

    For labels beside the ends of lines: pushed up from the low end, then down from the high one.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [max(wanted[i], low) for i in order]
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    if placed and placed[-1] > high:
        placed[-1] = high
        for k in range(len(placed) - 2, -1, -1):
            placed[k] = min(placed[k], placed[k + 1] - gap)
    places = dict(zip(order, placed, strict=True))
    return [places[i] for i in range(len(wanted))]


def spaced_log(
    values: Sequence[float], gap: float, height: float, domain: Sequence[float]
) -> list[float]:
    """`spaced` on a logarithmic axis of `height` pixels, labels `gap` pixels apart."""
    low, high = (math.log(end) for end in domain)
    scale = (high - low) / height
    moved = spaced([math.log(v) for v in values], gap * scale, low, high)
    return [math.exp(value) for value in moved]


def spaced_linear(
    values: Sequence[float], gap: float, height: float, domain: Sequence[float]
) -> list[float]:
    """`spaced` on a linear axis of `height` pixels, labels `gap` pixels apart."""
    low, high = domain
    return spaced(values, gap * (high - low) / height, low, high)


@dataclass(frozen=True)
class Part:
    """A stretch of a bar: how long, whose colour, and what is said of it at the pointer."""

    value: float
    name: str
    colour: str  # one of the theme's
    tips: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""  # written in it where there is room


@dataclass(frozen=True)
class Bar:
    """A row: parts one after another, and its figure in words."""

    name: str
    parts: Sequence[Part]
    text: str
    span: tuple[float, float] | None = None  # a range about its end: repeats, an interval
    limit: tuple[float, str] | None = None  # a mark that it should stay under, and its name


def phase_parts(rows: Iterable[tuple[str, float, Mapping[str, str]]]) -> list[Part]:
    """Phases one after another in their colours: (phase, how long, what is said of it) of each."""
    rows = list(rows)
    tints = theme.phase_colours([phase for phase, _, _ in rows])
    return [Part(size, phase, tint, {"phase": phase, **told}, phase)
            for (phase, size, told), tint in zip(rows, tints, strict=True)]  # fmt: skip


def bars(rows: Sequence[Bar], name: str, legend: bool = False, pitch: int = 32) -> Spec:
    """The specification; `name` tells its parameters from those of other charts."""
    order = [bar.name for bar in rows]
    parts = {part.name: part.colour for bar in rows for part in bar.parts}
    stretches = [stretch for bar in rows for stretch in _stretches(bar)]
    told = list(dict.fromkeys(n for bar in rows for part in bar.parts for n in part.tips))
    chosen = pick(f"{name}_pick", "part")
    y = alt.Y("bar:N", sort=order, title=None).scale(paddingInner=0.35, paddingOuter=0.15)
    y = y.axis(domain=False, ticks=False, labelColor=theme.colour("ink"), labelLimit=190)
    base = alt.Chart(data(stretches)).encode(y=y)
    x = alt.X("start:Q", title=None, axis=None).scale(zero=True, nice=False)
    key = alt.Legend(title=None, symbolType="square") if legend else None
    layers = [
        base.mark_bar(stroke=theme.colour("page"), strokeWidth=1)
        .encode(
            x=x, x2="end:Q", tooltip=tips(*told),
            color=alt.Color("part:N", scale=colours(list(parts), list(parts.values())), legend=key),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.25)),
        )
        .add_params(chosen),
        _insides(base, raised=any(bar.span for bar in rows)),
        end_texts({"bar": bar.name, "text": bar.text} for bar in rows).encode(y=y),
        *_marks(rows, y),
    ]  # fmt: skip
    return layered(layers, alt.Step(pitch))


def _stretches(bar: Bar) -> list[dict[str, object]]:
    """The bar's parts with where each starts and ends."""
    made, start = list[dict[str, object]](), 0.0
    for part in bar.parts:
        end = start + part.value
        made.append(
            {
                "bar": bar.name, "part": part.name, "start": start, "end": end,
                "middle": (start + end) / 2, "inside": part.inside, "ink": ink_on(part.colour),
                **part.tips,
            }
        )  # fmt: skip
        start = end
    return made


_RANGE_BELOW, _TEXT_ABOVE = 6, 3
"""Pixels from a bar's middle to the line of its range, and to the names of its parts above that."""


def _insides(base: "alt.Chart", raised: bool) -> "alt.Chart":
    """What is written inside the parts that are wide enough, above the lines of ranges if any."""
    room = f"scale('x', datum.end) - scale('x', datum.start) > {CHARACTER} * length(datum.inside)"
    return base.mark_text(
        fontSize=11.5, tooltip=None, yOffset=-_TEXT_ABOVE if raised else 0
    ).encode(
        x="middle:Q", text="inside:N",
        color=alt.Color("ink:N", scale=None),
        opacity=alt.condition(room, alt.value(1), alt.value(0)),
    )  # fmt: skip


def _marks(rows: Sequence[Bar], y: "alt.Y") -> "list[alt.Chart]":
    """Ranges as lines with ends, limits as strokes across the bar."""
    spans = [{"bar": b.name, "low": b.span[0], "high": b.span[1]} for b in rows if b.span]
    limits = [{"bar": b.name, "at": b.limit[0], "limit": b.limit[1]} for b in rows if b.limit]
    ink, made = theme.colour("ink"), []
    if spans:
        ranged = alt.Chart(data(spans)).encode(y=y)
        line = ranged.mark_rule(strokeWidth=1.5, color=ink, yOffset=_RANGE_BELOW)
        made.append(line.encode(x="low:Q", x2="high:Q"))
        for end in ("low", "high"):
            tick = ranged.mark_tick(size=6, thickness=1.5, color=ink, yOffset=_RANGE_BELOW)
            made.append(tick.encode(x=f"{end}:Q"))
    if limits:
        made.append(
            alt.Chart(data(limits)).mark_tick(size=24, thickness=2, color=ink)
            .encode(y=y, x="at:Q", tooltip=tips("limit"))
        )  # fmt: skip
    return made


def ink_on(colour: str) -> str:
    """The colour of text on a fill: of the two the one with more contrast (WCAG 2.1)."""
    light, dark = theme.colour("inside"), theme.colour("on-light")
    return light if contrast(light, colour) >= contrast(dark, colour) else dark


def contrast(one: str, other: str) -> float:
    """Of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
