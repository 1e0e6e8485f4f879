"""Horizontal bars of stacked parts, one a row, all on one linear scale from zero."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import svg
from .scale import Linear

WIDTH, LEFT, RIGHT, TOP = 508, 84, 118, 8
BAR, PITCH, CLOSE_PITCH = 22, 38, 25


@dataclass(frozen=True)
class Part:
    """A stretch of a bar."""

    value: float
    colour: str  # a CSS class
    tooltip: str
    label: str = ""  # drawn inside the part where it fits


@dataclass(frozen=True)
class Bar:
    """One row; its label stands at the bar's end."""

    name: str
    parts: Sequence[Part]
    label: str
    whisker: tuple[float, float] | None = None
    limit: tuple[float, str] | None = None  # a mark across the bar, and what it is
    close: bool = False  # belongs to the bar above it

    @property
    def end(self) -> float:
        """The largest value that the bar shows."""
        reached = sum(part.value for part in self.parts)
        return max(
            reached, self.whisker[1] if self.whisker else 0.0, self.limit[0] if self.limit else 0.0
        )


def bars(
    name: str,
    heading: str,
    rows: Sequence[Bar],
    width: int = WIDTH,
    left: int = LEFT,
    pitch: int = PITCH,
    right: int = RIGHT,
) -> str:
    """The drawing; '' where no bar has a length."""
    highest = max((row.end for row in rows), default=0.0)
    if highest <= 0:
        return ""
    x = Linear(0.0, highest, left, width - right)
    drawn, top = [], TOP - pitch
    for row in rows:
        top += CLOSE_PITCH if row.close else pitch
        drawn.append(_row(row, x, top))
    drawn.append(svg.line(left, TOP - 4, left, top + BAR + 4, "axis"))
    words = "; ".join(f"{row.name}: {row.label}" for row in rows)
    return svg.figure(name, width, top + pitch, heading, words, "".join(drawn))


def _row(bar: Bar, x: Callable[[float], float], top: float) -> str:
    middle, reached = top + BAR / 2 + 4, 0.0
    drawn = [svg.text(x(0) - 10, middle, bar.name, "label", text_anchor="end")]
    for part in bar.parts:
        start, end = x(reached), x(reached + part.value)
        if part.value > 0:
            drawn.append(svg.rect(start, top, end - start, BAR, part.colour, part.tooltip))
        if part.label and len(part.label) * svg.CHARACTER + 10 < end - start:
            drawn.append(svg.text(start + 6, middle, part.label, f"inside on-{part.colour}"))
        reached += part.value
    if bar.whisker:
        low, high = (x(value) for value in bar.whisker)
        drawn.append(svg.line(low, top + BAR / 2, high, top + BAR / 2, "whisker"))
    if bar.limit:
        at, tooltip = x(bar.limit[0]), bar.limit[1]
        drawn.append(svg.rect(at - 1, top - 4, 2, BAR + 8, "limit", tooltip))
    drawn.append(svg.text(x(bar.end) + 8, middle, bar.label, "label strong"))
    return svg.group(*drawn)
