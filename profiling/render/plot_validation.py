"""Predicted against measured, both logarithmic: a point for each row with its 80 % interval."""

from collections.abc import Callable, Sequence

from ..records.validation import Fold, MeasuredRow
from . import svg
from .scale import Log
from .templating import TEMPLATES
from .validation_tables import quantity

WIDTH, HEIGHT = 760, 620
LEFT, RIGHT, TOP, BOTTOM = 92, 150, 40, 56
REGIMES = ("decode", "prefill", "serving", "matmul", "vector", "collective", "energy")
MEASURED = {"s": "measured", "J": "measured energy"}
PREDICTED = {"s": "predicted", "J": "predicted energy"}


def validation_plot(rows: Sequence[MeasuredRow], unit: str, fold: Fold) -> str:
    """The drawing of the rows in one unit, as a file of its own; empty where there are none."""
    shown = drawn_rows(rows, unit, fold)
    if not shown:
        return ""
    low, high = extent(shown, fold)
    x = Log(low, high, LEFT, WIDTH - RIGHT)
    y = Log(low, high, HEIGHT - BOTTOM, TOP)

    def write(value: float) -> str:
        return quantity(value, unit)

    body = [
        f"<style>{(TEMPLATES / 'validation.css').read_text()}</style>",
        svg.rect(0.0, 0.0, WIDTH, HEIGHT, "page"),
        _axes(x, y, unit, write),
        svg.path([(x(low), y(low)), (x(high), y(high))], "equal"),
        *(_band(x, y, low, high, factor) for factor in (1.5, 1 / 1.5)),
        *(_point(row, x, y, fold) for row in shown),
        _legend(shown, x.end + 16),
    ]
    title = f"Predicted against measured, {fold}"
    description = (
        f"{len(shown)} rows, both axes logarithmic, vertical lines are 80 % intervals; the "
        "diagonal is a perfect prediction, the dotted lines are 1.5 times off."
    )
    return svg.figure("validation", WIDTH, HEIGHT, title, description, "".join(body))


def drawn_rows(rows: Sequence[MeasuredRow], unit: str, fold: Fold) -> list[MeasuredRow]:
    """Rows in that unit with such a prediction."""
    return [row for row in rows if row.unit == unit and row.predicted(fold)]


def extent(rows: Sequence[MeasuredRow], fold: Fold) -> tuple[float, float]:
    """What both axes must hold."""
    values = [row.observed for row in rows]
    for row in rows:
        predicted = row.predicted(fold)
        assert predicted is not None
        values += [predicted.median, predicted.low, predicted.high]
    return min(values) / 1.5, max(values) * 1.5


def _axes(x: Log, y: Log, unit: str, write: Callable[[float], str]) -> str:
    return svg.y_axis(y, LEFT, PREDICTED[unit], write, x.end) + svg.x_axis(
        x, y.start, MEASURED[unit], write, y.end
    )


def _band(x: Log, y: Log, low: float, high: float, factor: float) -> str:
    """Where the prediction is `factor` times the measurement."""
    start, end = max(low, low / factor), min(high, high / factor)
    return svg.path([(x(start), y(start * factor)), (x(end), y(end * factor))], "band")


def _point(row: MeasuredRow, x: Log, y: Log, fold: Fold) -> str:
    predicted = row.predicted(fold)
    assert predicted is not None
    at = x(row.observed)
    tooltip = (
        f"{row.id}: {row.model} on {row.slice}, {row.stack}; measured "
        f"{quantity(row.observed, row.unit)}, predicted {quantity(predicted.median, row.unit)}"
    )
    colour = f"regime-{row.group}"
    return svg.line(at, y(predicted.low), at, y(predicted.high), f"interval {colour}") + svg.circle(
        at, y(predicted.median), 3.5, f"point {colour}", tooltip
    )


def _legend(rows: Sequence[MeasuredRow], x: float) -> str:
    there = [regime for regime in REGIMES if any(row.group == regime for row in rows)]
    parts = []
    for index, regime in enumerate(there):
        y = TOP + 10 + 20 * index
        count = sum(row.group == regime for row in rows)
        parts.append(svg.circle(x, y - 4.0, 4.0, f"point regime-{regime}"))
        parts.append(svg.text(x + 10, y, f"{regime} ({count})"))
    return svg.group(*parts)
