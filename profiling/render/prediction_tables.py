"""The tables of predictions: one slice by phase, slices side by side, and two tiers."""

from collections.abc import Sequence

from ..records.base import Interval
from ..records.prediction import Amounts, PredictedPhase, Prediction
from . import amounts, units
from .lens import PREDICTED
from .prediction_facts import tokens_per_s, working_phases
from .table import Column, Table, from_columns


def phases_table(prediction: Prediction) -> Table:
    """Each phase with its time, bound, rate, energy and money; the sum last."""
    phases = working_phases(prediction)
    joules = [*(p.energy_j for p in phases), prediction.energy_j]
    return from_columns(
        "Phases on the slice",
        [
            (Column("phase", numeric=False), [*(p.phase for p in phases), "total"]),
            (Column("tokens"), [*(units.count(p.tokens) for p in phases), ""]),
            *_time_columns([*(p.time_s for p in phases), prediction.time_s]),
            (Column("bound", PREDICTED, False), [*(p.bound for p in phases), ""]),
            (Column("FLOP/B"), [*(units.intensity_number(p.intensity) for p in phases), ""]),
            (
                Column("tok/s", PREDICTED),
                [*(units.significant(tokens_per_s(prediction, p)) for p in phases), ""],
            ),
            (Column("chips' energy", PREDICTED), [_known(j, amounts.joules) for j in joules]),
            (Column("money", PREDICTED), _money(prediction, phases)),
            (Column("$ a M tokens", PREDICTED), [*_per_million(prediction, phases), ""]),
        ],
        has_total=True,
    )


def slices_table(predictions: Sequence[Prediction], by_phase: bool = True) -> Table:
    """Slices side by side: times with intervals, `by_phase` too, then what a query costs."""
    each = [_per_query(prediction) for prediction in predictions]
    largest = [units.count(p.fit.largest_batch) for p in predictions]
    return from_columns(
        "Slices side by side",
        [
            (Column("slice", numeric=False), [p.slice for p in predictions]),
            (Column("mesh", numeric=False), [p.parallelism or "one chip" for p in predictions]),
            *_time_columns([p.time_s for p in predictions]),
            *(_phase_columns(predictions) if by_phase else []),
            (Column("$ a query", PREDICTED), [_known(a.usd, amounts.usd) for a in each]),
            (
                Column("energy a query", PREDICTED),
                [_known(a.wall_j, amounts.joules) for a in each],
            ),
            (Column("CO2e a query", PREDICTED), [_known(a.gco2e, amounts.grams) for a in each]),
            (Column("most attempts at once"), largest),
        ],
    )


def tiers_table(thinking: Prediction, quick: Prediction) -> Table:
    """A query answered after thinking and at once, and how many times more the first costs."""
    tiers = [_per_query(prediction) for prediction in (quick, thinking)]
    times = [quick.time_s, thinking.time_s]
    tokens = [p.think_tokens + p.answer_tokens for p in (quick, thinking)]

    def column(title: str, intervals: list[Interval | None], said) -> tuple[Column, list[str]]:  # type: ignore[no-untyped-def]
        if not any(intervals):
            return Column(title, PREDICTED), [""] * 3
        cells = [amounts.with_bounds(each, said) for each in intervals]
        low, high = intervals
        more = units.ratio(high.median / low.median) if low and high and low.median else ""
        return Column(title, PREDICTED), [*cells, more]

    return from_columns(
        f"Thinking and answering at once on {thinking.slice}",
        [
            (Column("tier", numeric=False), ["quick answer", "thinking", "thinking is"]),
            (
                Column("tokens an attempt"),
                [*(units.count(n) for n in tokens), units.ratio(tokens[1] / tokens[0])],
            ),
            column("time of the batch", list(times), units.seconds),
            column("$ a query", [each.usd for each in tiers], amounts.usd),
            column("energy a query", [each.wall_j for each in tiers], amounts.joules),
            column("CO2e a query", [each.gco2e for each in tiers], amounts.grams),
        ],
    )


def _time_columns(times: Sequence[Interval]) -> list[tuple[Column, list[str]]]:
    return [
        (Column("time", PREDICTED), [units.seconds(each.median) for each in times]),
        (Column("80 % interval", PREDICTED), [amounts.bounds(t, units.seconds) for t in times]),
    ]


def _phase_columns(predictions: Sequence[Prediction]) -> list[tuple[Column, list[str]]]:
    """The time and bound of each phase that any of them has."""
    rows = [{p.phase: p for p in working_phases(prediction)} for prediction in predictions]
    names = dict.fromkeys(name for row in rows for name in row)
    return [(Column(n, PREDICTED), [_phase_text(row.get(n)) for row in rows]) for n in names]


def _phase_text(phase: PredictedPhase | None) -> str:
    return f"{units.seconds(phase.time_s.median)}, {phase.bound}" if phase else ""


def _per_query(prediction: Prediction) -> Amounts:
    nothing = Amounts(usd=None, wall_j=None, gco2e=None)
    return prediction.economics.per_query if prediction.economics else nothing


def _known(interval: Interval | None, said) -> str:  # type: ignore[no-untyped-def]
    """The median; '' where nothing is known, so that a column without any is left out."""
    return "" if interval is None else said(interval.median)


def _money(prediction: Prediction, phases: Sequence[PredictedPhase]) -> list[str]:
    economics = prediction.economics
    if economics is None:
        return [""] * (len(phases) + 1)
    by_phase = {each.phase: each.whole.usd for each in economics.phases}
    found = [by_phase.get(phase.phase) for phase in phases]
    return [_known(usd, amounts.usd) for usd in (*found, economics.whole.usd)]


def _per_million(prediction: Prediction, phases: Sequence[PredictedPhase]) -> list[str]:
    economics = prediction.economics
    known = {e.phase: e.per_million_tokens for e in economics.phases} if economics else {}
    found = [known.get(phase.phase) for phase in phases]
    return [_known(each.usd, amounts.usd) if each else "" for each in found]
