"""Tornado of elasticities: a block for each hardware parameter, a bar for each phase.

Three panels side by side: time, energy and money. Within a block the whole query comes first; each
bar is named, so that colour says nothing that words do not.
"""

from collections.abc import Sequence

from ..records.codesign import CodesignCase, Elasticity, Quantity, Regime
from . import svg, units
from .codesign_words import QUANTITY_WORDS, between, signed
from .scale import Linear

WIDTH, TOP, BOTTOM = 1040, 46, 44
NAMES, PHASE_NAMES, GAP = 134, 52, 64
ROW, BLOCK_GAP = 13, 11
LEAST = 0.005  # an elasticity below which a bar would not be seen
QUERY = "query"


def tornado(case: CodesignCase, regime: Regime, name: str) -> str:
    """The drawing; '' where no parameter matters."""
    rows = [row for row in case.elasticities if row.regime == regime]
    order = ranked(rows)
    quantities = [q for q in QUANTITY_WORDS if any(row.quantity == q for row in rows)]
    if not order or not quantities:
        return ""
    phases = [QUERY, *dict.fromkeys(row.phase for row in rows if row.phase != QUERY)]
    block = len(phases) * ROW + BLOCK_GAP
    height = TOP + block * len(order) + BOTTOM
    words = {each.name: each.words for each in case.parameters}
    body = [
        _block_names(words.get(parameter, parameter), phases, TOP + i * block)
        for i, parameter in enumerate(order)
    ]
    for panel, quantity in zip(_panels(rows, quantities), quantities, strict=True):
        own = {(row.parameter, row.phase): row for row in rows if row.quantity == quantity}
        body.append(_panel(quantity, panel, height - BOTTOM))
        for i, parameter in enumerate(order):
            found = [own.get((parameter, phase)) for phase in phases]
            body.append(_block(found, panel, TOP + i * block))
    heading = f"Elasticities {regime}"
    return svg.figure(name, WIDTH, height, heading, _description(rows, order), "".join(body))


def ranked(rows: Sequence[Elasticity]) -> list[str]:
    """Parameters that matter to anything, by what they do to the whole query's time."""
    strength: dict[str, tuple[float, float]] = {}
    for row in rows:
        value = abs(row.value.median)
        whole, any_of = strength.get(row.parameter, (0.0, 0.0))
        if (row.phase, row.quantity) == (QUERY, "time"):
            whole = value
        strength[row.parameter] = (whole, max(any_of, value))
    kept = [name for name, (_, any_of) in strength.items() if any_of >= LEAST]
    return sorted(kept, key=lambda name: strength[name], reverse=True)


def idle_parameters(case: CodesignCase, regime: Regime) -> list[str]:
    """Words for those that are left out of the drawing: nothing depends on them."""
    drawn = ranked([row for row in case.elasticities if row.regime == regime])
    return [each.words for each in case.parameters if each.name not in drawn]


def _panels(rows: Sequence[Elasticity], quantities: Sequence[Quantity]) -> list[Linear]:
    """A scale for each quantity, all with the same elasticity a pixel."""
    low = min(0.0, *(row.value.low for row in rows))
    high = max(0.0, *(row.value.high for row in rows))
    start = NAMES + PHASE_NAMES + 44  # room for a figure beyond the longest bar
    width = (WIDTH - start - GAP * len(quantities)) / len(quantities)
    return [
        Linear(low, high, start + i * (width + GAP), start + i * (width + GAP) + width)
        for i in range(len(quantities))
    ]


def _block_names(words: str, phases: Sequence[str], top: float) -> str:
    middle = top + ROW - 3
    parts = [svg.line(0, top - BLOCK_GAP / 2, WIDTH, top - BLOCK_GAP / 2, "grid")]
    parts.append(svg.text(0, middle, words, "label strong"))
    parts += [
        svg.text(NAMES + PHASE_NAMES - 6, top + i * ROW + ROW - 3, phase, "tick small",
                 text_anchor="end")
        for i, phase in enumerate(phases)
    ]  # fmt: skip
    return svg.group(*parts)


def _panel(quantity: Quantity, x: Linear, bottom: float) -> str:
    label = f"d log {QUANTITY_WORDS[quantity]} / d log parameter"
    ticks = [tick for tick in x.ticks(6) if x(tick) <= x.end]
    return svg.group(
        svg.text(x(0.0), 14, QUANTITY_WORDS[quantity], "label strong", text_anchor="middle"),
        svg.text(x(0.0), 30, "less \N{LEFTWARDS ARROW}   \N{RIGHTWARDS ARROW} more", "tick",
                 text_anchor="middle"),
        svg.x_axis(x, bottom, label, lambda value: signed(value, 1), TOP - 8, ticks),
        svg.line(x(0.0), TOP - 8, x(0.0), bottom, "zero"),
    )  # fmt: skip


def _block(found: Sequence[Elasticity | None], x: Linear, top: float) -> str:
    parts = []
    for i, row in enumerate(found):
        if row is None:
            continue
        y, value = top + i * ROW, row.value
        start, end = sorted((x(0.0), x(value.median)))
        colour = "whole" if row.phase == QUERY else svg.phase_class(row.phase)
        tooltip = (
            f"{row.phase}, {row.parameter}: {signed(value.median)} "
            f"({between(value, signed) or 'certain'}), predicted"
        )
        parts.append(svg.rect(start, y + 2, end - start, ROW - 4, colour, tooltip))
        middle = y + ROW / 2
        parts.append(svg.line(x(value.low), middle, x(value.high), middle, "whisker thin"))
        if row.phase == QUERY:
            parts.append(_value(row, x, y))
    return svg.group(*parts)


def _value(row: Elasticity, x: Linear, y: float) -> str:
    """The figure beyond the bar's end, on the side to which it points."""
    value, outward = row.value, row.value.median < 0
    at = x(min(value.low, 0.0)) - 5 if outward else x(max(value.high, 0.0)) + 5
    return svg.text(at, y + ROW - 3, signed(value.median), "label small strong halo",
                    text_anchor="end" if outward else "start")  # fmt: skip


def _description(rows: Sequence[Elasticity], order: Sequence[str]) -> str:
    whole = {row.parameter: row.value.median for row in rows
             if (row.phase, row.quantity) == (QUERY, "time")}  # fmt: skip
    said = "; ".join(f"{name} {units.significant(whole[name])}" for name in order if name in whole)
    return f"Elasticity of the whole query's time by parameter: {said}."
