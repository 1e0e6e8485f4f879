"""Levers: changes of the model and of how it is used, in the currency of the hardware's."""

from collections.abc import Sequence

import numpy as np

from ..record.codesign import Changed, Lever, LeverArrow
from ..record.interval import Interval
from .costs import PHASES, WITH_QUERY
from .draws import summary, summary_or_none
from .evidence import Run
from .moves import Move, moves
from .point import Point, fits
from .quantities import Logs, logs_of, ratio
from .roofline import roofline_points
from .setting import Setting


def levers(known: Setting, runs: Sequence[Run] = ()) -> list[Lever]:
    """Every lever that applies to the setting, with what it does to a query."""
    before = logs_of(known.point, known.draws)
    return [lever_of(known, move, before) for move in moves(known, runs)]


def lever_of(known: Setting, move: Move, before: Logs) -> Lever:
    """One lever's cost, from `before`, the logs of the setting's own point."""
    found = ratio_of(known, move, before)
    return Lever(
        name=move.name,
        change=move.change,
        by_phase={phase: summary(found["time"][i]) for i, phase in enumerate(PHASES)
                  if phase != "think" or float(known.query.lengths.think_tokens) > 1},
        whole=changed_of(known, found),
        quality=move.quality,
        evidence=move.evidence,
        fits=bool(fits(move.point)),
        arrows=_arrows(known, move.point),
    )  # fmt: skip


def ratio_of(known: Setting, move: Move, before: Logs) -> dict[str, np.ndarray]:
    """After over before for one query: quantity -> [phases and query, draws]."""
    found = ratio(logs_of(move.point, known.draws), before)
    return {name: values * move.waves for name, values in found.items()}


def changed_of(known: Setting, found: dict[str, np.ndarray]) -> Changed:
    """The whole query's part of a ratio, in a record."""
    query = WITH_QUERY.index("query")
    usd: Interval | None = None
    if known.usd_per_second is not None:
        usd = summary(found["usd"][query])
    return Changed(
        time=summary(found["time"][query]), energy=summary_or_none(found["energy"][query]), usd=usd
    )


def _arrows(known: Setting, after: Point) -> list[LeverArrow]:
    """How far each phase moves, those that hardly do left out."""
    pairs = zip(roofline_points(known, known.point), roofline_points(known, after), strict=True)
    return [
        LeverArrow(phase=start.phase, start=start, end=end)
        for start, end in pairs
        if abs(np.log(end.intensity / start.intensity)) > 0.02
        or abs(np.log(end.flops_per_s / start.flops_per_s)) > 0.02
    ]
