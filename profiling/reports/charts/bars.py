"""Horizontal bars of parts, each with its figure at the right: the picture of most tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import theme
from ..document import Spec
from .chart_parts import alt, colours, data, pick, spec, tips

CHARACTER = 6.7  # pixels a character of a label takes, on average
_PITCH = 32


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


def bars(rows: Sequence[Bar], name: str, legend: bool = False, pitch: int = _PITCH) -> Spec:
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
        _insides(base),
        _figures(rows, order, y),
        *_marks(rows, y),
    ]  # fmt: skip
    made = alt.layer(*layers).properties(width="container", height=alt.Step(pitch))
    return spec(made)


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


def _insides(base: "alt.Chart") -> "alt.Chart":
    """What is written inside the parts that are wide enough."""
    room = f"scale('x', datum.end) - scale('x', datum.start) > {CHARACTER} * length(datum.inside)"
    return base.mark_text(fontSize=11.5, tooltip=None).encode(
        x="middle:Q", text="inside:N",
        color=alt.Color("ink:N", scale=None),
        opacity=alt.condition(room, alt.value(1), alt.value(0)),
    )  # fmt: skip


def _figures(rows: Sequence[Bar], order: Sequence[str], y: "alt.Y") -> "alt.Chart":
    """Each bar's figure, in a column at the right."""
    told = data({"bar": bar.name, "text": bar.text} for bar in rows)
    return (
        alt.Chart(told)
        .mark_text(align="left", dx=8)
        .encode(y=y, x=alt.value("width"), text="text:N")
    )


def _marks(rows: Sequence[Bar], y: "alt.Y") -> "list[alt.Chart]":
    """Ranges as lines with ends, limits as strokes across the bar."""
    spans = [{"bar": b.name, "low": b.span[0], "high": b.span[1]} for b in rows if b.span]
    limits = [{"bar": b.name, "at": b.limit[0], "limit": b.limit[1]} for b in rows if b.limit]
    ink, made = theme.colour("ink"), []
    if spans:
        ranged = alt.Chart(data(spans)).encode(y=y)
        made.append(ranged.mark_rule(strokeWidth=1.5, color=ink).encode(x="low:Q", x2="high:Q"))
        for end in ("low", "high"):
            made.append(ranged.mark_tick(size=9, thickness=1.5, color=ink).encode(x=f"{end}:Q"))
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
