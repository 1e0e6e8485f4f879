"""What charts share: altair when it is first used, axes with SI units, tooltips, spread labels."""

import importlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import theme
from ..document import Spec

if TYPE_CHECKING:
    import altair as alt
else:

    class _Altair:
        """Imports altair when the first chart is drawn: light commands draw none."""

        def __getattr__(self, name: str) -> object:
            return getattr(importlib.import_module("altair"), name)

    alt = _Altair()

__all__ = [
    "alt", "colours", "data", "decades", "log_domain", "pick", "si", "si_axis", "spaced_linear",
    "spaced_log", "spec", "stacked", "tips", "zoom",
]  # fmt: skip

Row = Mapping[str, object]


def spec(
    chart: "alt.Chart | alt.LayerChart | alt.VConcatChart | alt.HConcatChart | alt.FacetChart",
) -> Spec:
    """The specification, with the theme's look; a page draws it as wide as it has room."""
    made: Spec = chart.to_dict(validate=False)
    config = made.get("config")
    made["config"] = {**(config if isinstance(config, dict) else {}), **theme.vega_config()}
    made.update(background=None, padding=4, autosize={"type": "fit-x", "contains": "padding"})
    return made


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


def colours(names: Sequence[str], tints: Sequence[str]) -> "alt.Scale":
    """A scale from names to colours."""
    return alt.Scale(domain=list(names), range=list(tints))


def si(symbol: str, value: str = "datum.value") -> str:
    """A Vega expression that writes `value` with an SI prefix: '10 ms', '1.2 TB/s'."""
    return f"replace(format({value}, '~s'), regexp('([yzafpnµmkMGTPEZ]?)$'), ' $1{symbol}')"


def si_axis(
    title: str | None, symbol: str, ticks: int = 6, values: Sequence[float] | None = None
) -> "alt.Axis":
    """An axis whose ticks carry SI prefixes; `values` are those of a logarithmic one (decades)."""
    if values is None:
        return alt.Axis(title=title, labelExpr=si(symbol), tickCount=ticks)
    return alt.Axis(title=title, labelExpr=si(symbol), values=list(values))


def decades(domain: Sequence[float]) -> list[float]:
    """Powers of ten inside the ends of a logarithmic axis; every other one where they are many."""
    low, high = (math.log10(end) for end in domain)
    powers = range(math.ceil(low), math.floor(high) + 1)
    return [10.0**power for power in powers[:: 1 + len(powers) // 9]]


def zoom(name: str) -> "alt.Parameter":
    """Drag to pan, Ctrl or Shift with the wheel to zoom (the wheel alone scrolls the page)."""
    return alt.selection_interval(
        name=name, bind="scales", zoom="wheel![event.ctrlKey || event.shiftKey || event.metaKey]"
    )


def pick(name: str, field: str) -> "alt.Parameter":
    """A click in the legend, or on a mark, singles a series out."""
    return alt.selection_point(name=name, fields=[field], bind="legend")


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
