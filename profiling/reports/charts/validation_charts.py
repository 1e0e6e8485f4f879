"""Predicted against measured, both logarithmic: a point for each row with its 80 % interval."""

from collections.abc import Sequence

from ...records.validation import Fold, MeasuredRow
from .. import theme, units
from ..document import Chart, Spec
from . import chart_parts as kit
from .chart_parts import alt

HEIGHT = 560
UNITS: dict[str, tuple[str, units.Text]] = {  # unit -> its quantity, and what writes a value
    "s": ("time", units.seconds.__call__),  # each on its own scale: ns beside minutes
    "J": ("energy", units.joules.__call__),
}
_REGIMES = {  # regime -> (colour, symbol)
    "decode": ("orange", "circle"),
    "prefill": ("blue", "square"),
    "serving": ("violet", "triangle-up"),
    "tpot": ("brick", "circle"),
    "ttft": ("steel", "square"),
    "matmul": ("teal", "diamond"),
    "vector": ("ochre", "triangle-down"),
    "collective": ("pink", "cross"),
    "attention": ("indigo", "triangle-left"),
    "experts": ("green", "wedge"),
    "energy": ("olive", "triangle-right"),
}
_OFF = (1.5, 1 / 1.5)


def measured_chart(rows: Sequence[MeasuredRow], unit: str, fold: Fold = "held out") -> Chart | None:
    """The rows in one unit; None where there are none."""
    shown = [row for row in rows if row.unit == unit and row.predicted(fold)]
    if not shown:
        return None
    words, _ = UNITS[unit]
    return Chart(
        name=words,
        title=f"Predicted against measured {words}",
        note=f"{units.plural(len(shown), 'row')}, {fold}; bars: 80 % intervals; dotted: 1.5 "
        "times off",
        alt=f"{units.plural(len(shown), 'row')}, both axes logarithmic; the diagonal is a perfect "
        "prediction.",
        draw=lambda: _draw(shown, unit, fold),
        least_width=480,
    )


def _draw(rows: Sequence[MeasuredRow], unit: str, fold: Fold) -> Spec:
    words, write = UNITS[unit]
    points = [_point(row, fold, write) for row in rows]
    ends = kit.log_domain((float(str(p[key])) for p in points for key in ("x", "y", "low", "high")),
                      1.5, 1.5)  # fmt: skip
    present = {str(point["regime"]) for point in points}
    names = [regime for regime in _REGIMES if regime in present]
    names += sorted(present.difference(names))
    looks = [_REGIMES.get(name, ("grey", "circle")) for name in names]
    tints, symbols = [theme.colour(tint) for tint, _ in looks], [symbol for _, symbol in looks]
    chosen, shown = (
        kit.pick(f"validation_{unit}", "regime"),
        kit.zoom(f"validation_{unit}_zoom"),
    )
    x = kit.x_axis(kit.si_axis(f"measured {words}", unit), ends)
    colour = alt.Color("regime:N", title=None, scale=kit.colours(names, tints))
    shape = alt.Shape("regime:N", title=None).scale(domain=names, range=symbols)
    base = alt.Chart(kit.data(points)).encode(x=x, color=colour)
    layers = [
        *_lines(ends, x, words, unit),
        base.mark_rule(clip=True).encode(
            y="low:Q", y2="high:Q", opacity=alt.condition(chosen, alt.value(0.4), alt.value(0.04))
        ),
        base.mark_point(filled=True, size=45, clip=True)
        .encode(y="y:Q", shape=shape,
                opacity=alt.condition(chosen, alt.value(0.9), alt.value(0.08)),
                tooltip=kit.tips("row", "what", "where", "measured", "predicted", "error"))
        .add_params(chosen, shown),
    ]  # fmt: skip
    return kit.layered(layers, HEIGHT)


def _point(row: MeasuredRow, fold: Fold, write: units.Text) -> dict[str, object]:
    predicted = row.predicted(fold)
    assert predicted is not None  # of the rows that are drawn
    return {
        "x": row.observed, "y": predicted.median, "low": predicted.low, "high": predicted.high,
        "regime": row.group, "row": row.id, "what": row.model, "where": f"{row.slice}, {row.stack}",
        "measured": write(row.observed), "predicted": units.with_bounds(predicted, write),
        "error": units.change(row.error(fold) or 0.0),
    }  # fmt: skip


def _lines(ends: Sequence[float], x: "alt.X", words: str, unit: str) -> "list[alt.Chart]":
    """The diagonal of a perfect prediction, and those of 1.5 times off."""
    y = kit.y_axis(kit.si_axis(f"predicted {words}", unit), ends)
    made = []
    for factor, dash in ((1.0, [1, 0]), *((off, [2, 4]) for off in _OFF)):
        rows = [{"x": end, "y": end * factor} for end in ends]
        tint = theme.colour("ink" if factor == 1 else "roof")
        line = alt.Chart(kit.data(rows)).mark_line(
            strokeDash=dash, strokeWidth=1.2, color=tint, clip=True
        )
        made.append(line.encode(x=x, y=y))
    return made
