"""Elasticities: what 1 % more of each hardware parameter does to time, energy and cost.

A block for each parameter, a bar for each phase, the whole query's first; each bar is named, so
that colour says nothing that words do not.
"""

from collections.abc import Sequence

from ...records.codesign import CodesignCase, Elasticity, Regime
from .. import theme, units
from ..codesign_words import MINUS, QUANTITY_WORDS, QUERY, REGIMES, case_name, ranked, signed
from ..document import Chart, Spec, slug
from . import chart_parts as kit
from .chart_parts import alt

ROW, GAP = 13, 10  # pixels of a bar, and between parameters


def tornado(case: CodesignCase, regime: Regime) -> Chart | None:
    """The chart of one regime; None where no parameter matters."""
    order = ranked(case, regime)
    rows = [row for row in case.elasticities if row.regime == regime]
    if not order:
        return None
    whole = {row.parameter: row.value.median for row in rows
             if (row.phase, row.quantity) == (QUERY, "time")}  # fmt: skip
    told = "; ".join(f"{name} {signed(whole[name])}" for name in order if name in whole)
    name = f"{slug(case_name(case))}-{slug(regime)}"
    words = {each.name: each.words for each in case.parameters}
    return Chart(
        name=f"elasticities-{name}",
        title=f"What each hardware parameter is worth to {case_name(case)}",
        note=f"elasticities, predicted, {REGIMES[regime]}; line: 80 % interval",
        alt=f"Elasticity of the whole query's time by parameter: {told}.",
        draw=lambda: _draw(rows, order, words, name),
        least_width=560,
    )


def _draw(
    rows: Sequence[Elasticity], order: Sequence[str], words: dict[str, str], name: str
) -> Spec:
    phases = [QUERY, *dict.fromkeys(row.phase for row in rows if row.phase != QUERY)]
    quantities = [w for q, w in QUANTITY_WORDS.items() if any(row.quantity == q for row in rows)]
    names = [words.get(parameter, parameter) for parameter in order]
    bars = [_bar(row, words) for row in rows if row.parameter in order]
    bind = alt.binding_radio(options=quantities, name="of the query's ")
    chosen = alt.selection_point(
        name=kit.parameter(f"elasticity_{name}"), fields=["quantity"], bind=bind,
        value=[{"quantity": quantities[0]}],
    )  # fmt: skip
    gap = GAP / (GAP + ROW * len(phases))
    y = alt.Y("parameter:N", sort=names, title=None).scale(paddingInner=gap, paddingOuter=0.1)
    y = y.axis(domain=False, ticks=False, labelPadding=66, labelColor=theme.colour("ink"),
               labelFontWeight="bold", labelLimit=170)  # fmt: skip
    within = alt.YOffset("phase:N", sort=phases)
    x = alt.X("median:Q").axis(
        title="d log quantity / d log parameter: less \N{LEFTWARDS ARROW}   "
        "\N{RIGHTWARDS ARROW} more",
        labelExpr=f"datum.value ? replace(format(datum.value, '+.1f'), '-', '{MINUS}') : '0'",
        tickCount=7,
    )  # fmt: skip
    tints = [theme.colour("ink"), *theme.phase_colours(phases[1:])]
    colour = alt.Color("phase:N", legend=None).scale(domain=phases, range=tints)
    base = alt.Chart(kit.data(bars)).encode(y=y, yOffset=within).transform_filter(chosen)
    ink = theme.colour("soft")
    layers = [
        base.mark_bar(opacity=0.85).encode(
            x=x, x2=alt.datum(0), color=colour,
            tooltip=kit.tips("parameter", "phase", "quantity", "elasticity")
        ).add_params(chosen),
        base.mark_rule(color=ink, strokeWidth=1.2).encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="right", dx=-6, fontSize=10, color=ink).encode(
            x=alt.value(0), text="phase:N"
        ),
        base.mark_text(align="left", dx=6, fontSize=11, fontWeight="bold")
        .encode(x=alt.value("width"), text="text:N"),
        alt.Chart(kit.data([{"at": 0}])).mark_rule(color=theme.colour("ink")).encode(x="at:Q"),
    ]  # fmt: skip
    return kit.layered(layers, (ROW * len(phases) + GAP) * len(order))


def _bar(row: Elasticity, words: dict[str, str]) -> dict[str, object]:
    value = row.value
    return {
        "parameter": words.get(row.parameter, row.parameter), "phase": row.phase,
        "quantity": QUANTITY_WORDS[row.quantity], "median": value.median, "low": value.low,
        "high": value.high, "elasticity": units.with_bounds(value, signed),
        "text": signed(value.median) if row.phase == QUERY else "",
    }  # fmt: skip
