"""Predicted against measured as PNG bytes, seconds and joules side by side.

Drawn with matplotlib's objects and the Agg canvas alone, as roofline_png does.
"""

from collections.abc import Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..records.validation import Fold, MeasuredRow
from .plot_validation import REGIMES, drawn_rows, extent

_COLOURS = {
    "decode": "#cc5a1a",
    "prefill": "#2f66b0",
    "serving": "#7d4aa8",
    "matmul": "#0d8a86",
    "vector": "#9a7412",
    "collective": "#b83b73",
    "energy": "#4f7a28",
}


def validation_png(rows: Sequence[MeasuredRow], fold: Fold) -> bytes | None:
    """The image; None where there is nothing to draw."""
    units = [unit for unit in ("s", "J") if drawn_rows(rows, unit, fold)]
    if not units:
        return None
    drawn = Figure(figsize=(6.4 * len(units), 6), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(drawn)
    for index, unit in enumerate(units):
        axes = drawn.add_subplot(1, len(units), index + 1)
        _panel(axes, drawn_rows(rows, unit, fold), unit, fold)
    stream = BytesIO()
    canvas.print_png(stream)
    return stream.getvalue()


def _panel(axes: Axes, rows: list[MeasuredRow], unit: str, fold: Fold) -> None:
    limits = extent(rows, fold)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(*limits)
    axes.set_xlabel(f"measured ({unit})")
    axes.set_ylabel(f"predicted ({unit})")
    axes.set_title(f"{len(rows)} rows, {fold}; lines: 80 % intervals", fontsize=10)
    axes.grid(color="#eceae4")
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot(limits, limits, color="#1c2024", lw=1)
    for factor in (1.5, 1 / 1.5):
        axes.plot(limits, [limit * factor for limit in limits], color="#b3b0a8", lw=1, ls=":")
    for regime in REGIMES:
        _regime(axes, [row for row in rows if row.group == regime], regime, fold)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _regime(axes: Axes, rows: list[MeasuredRow], regime: str, fold: Fold) -> None:
    if not rows:
        return
    measured = [row.observed for row in rows]
    intervals = [interval for row in rows if (interval := row.predicted(fold))]
    colour = _COLOURS[regime]
    axes.vlines(
        measured, [i.low for i in intervals], [i.high for i in intervals],
        color=colour, alpha=0.35, lw=1.1,
    )  # fmt: skip
    axes.plot(
        measured, [i.median for i in intervals], "o", ms=3.5, color=colour,
        label=f"{regime} ({len(rows)})",
    )  # fmt: skip
