"""SVG as strings: elements whose attributes and text are escaped, axes, and the figure itself.

Colours come from classes in report.css, so that one drawing serves light, dark and print.
"""

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape, quoteattr

from .scale import Linear, Log
from .units import tick

NAMESPACE = "http://www.w3.org/2000/svg"
CHARACTER = 6.3  # mean width in pixels of one character of a label

KNOWN_PHASES = ("prefill", "think", "answer", "verify", "draft", "revise")


def phase_class(phase: str) -> str:
    """CSS class that colours a phase; unknown phases share one."""
    return f"phase-{phase}" if phase in KNOWN_PHASES else "phase-other"


def _clean(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(c if c >= " " or c in "\t\n" else " " for c in text)


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def element(tag: str, *children: str, **attributes: object) -> str:
    """`<tag …>children</tag>`; `class_` and `text_anchor` become `class` and `text-anchor`.

    Attributes are escaped; children are taken as they are, so text goes through `text`.
    """
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(_clean(_value(value)))}"
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def text(x: float, y: float, content: str, class_: str = "label", **attributes: object) -> str:
    """A label; its content is escaped."""
    return element("text", escape(_clean(content)), x=x, y=y, class_=class_, **attributes)


def title(content: str) -> str:
    """A tooltip, read by screen readers too."""
    return element("title", escape(_clean(content)))


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(
    x: float, y: float, width: float, height: float, class_: str, tooltip: str = "", rx: float = 0.0
) -> str:
    """A rectangle with a tooltip."""
    inner = [title(tooltip)] if tooltip else []
    width, height = max(width, 0.0), max(height, 0.0)
    return element(
        "rect", *inner, x=x, y=y, width=width, height=height, rx=rx or None, class_=class_
    )


def circle(x: float, y: float, radius: float, class_: str, tooltip: str = "") -> str:
    """A point with a tooltip."""
    inner = [title(tooltip)] if tooltip else []
    return element("circle", *inner, cx=x, cy=y, r=radius, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str, closed: bool = False) -> str:
    """Straight segments through `points`."""
    drawn = " ".join(f"{_value(float(x))},{_value(float(y))}" for x, y in points)
    return element("path", d=f"M{drawn}{'Z' if closed else ''}", class_=class_)


def group(*children: str, **attributes: object) -> str:
    """`<g>`."""
    return element("g", *children, **attributes)


def figure(name: str, width: int, height: int, heading: str, description: str, body: str) -> str:
    """The whole drawing; `heading` and `description` are what a screen reader says."""
    return element(
        "svg",
        element("title", escape(_clean(heading)), id=f"{name}-title"),
        element("desc", escape(_clean(description)), id=f"{name}-desc"),
        body,
        xmlns=NAMESPACE,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def x_axis(
    scale: Linear | Log,
    y: float,
    label: str,
    write: Callable[[float], str],
    grid_top: float | None = None,
    ticks: Sequence[float] | None = None,
) -> str:
    """Ticks with numbers under `y`, a label under them, and grid lines up to `grid_top`."""
    parts = [line(scale.start, y, scale.end, y, "axis")]
    for value in scale.ticks() if ticks is None else ticks:
        x = scale(value)
        if grid_top is not None:
            parts.append(line(x, grid_top, x, y, "grid"))
        parts.append(text(x, y + 17, tick(write(value)), "tick", text_anchor="middle"))
    if label:
        middle = (scale.start + scale.end) / 2
        parts.append(text(middle, y + 37, label, "axis-label", text_anchor="middle"))
    return group(*parts)


def y_axis(
    scale: Linear | Log,
    x: float,
    label: str,
    write: Callable[[float], str],
    grid_right: float | None = None,
    ticks: Sequence[float] | None = None,
) -> str:
    """Ticks with numbers left of `x`, the label above the axis, grid lines to `grid_right`."""
    parts = []
    for value in scale.ticks() if ticks is None else ticks:
        y = scale(value)
        if grid_right is not None:
            parts.append(line(x, y, grid_right, y, "grid"))
        parts.append(text(x - 8, y + 4, tick(write(value)), "tick", text_anchor="end"))
    if label:
        parts.append(text(0.0, scale.end - 12, label, "axis-label"))
    return group(*parts)
