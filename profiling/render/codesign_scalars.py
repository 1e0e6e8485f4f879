"""A co-design report's scalars for TensorBoard, each under the lens that knows it."""

from collections.abc import Iterator

from ..records.base import Interval
from ..records.codesign import CodesignCase, CodesignReport
from .tags import tag

Scalar = tuple[str, float, int]


def codesign_scalars(report: CodesignReport) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar; an ask's step is its rank."""
    for asks in (report.hardware_asks, report.model_asks):
        for ask in asks:
            begin = f"asks_predicted/{ask.side}"
            yield from _interval(f"{begin}/saving", ask.saving, ask.rank)
            if ask.beats_next is not None:
                yield f"{begin}/beats_next", ask.beats_next, ask.rank
    for case in report.cases:
        yield from _case(case)
    for search in report.searches:
        yield from _interval(f"search_predicted/{tag(search.purpose)}/speedup", search.speedup)
    for center in report.data_centers:
        begin = f"center_predicted/{tag(center.profile)}_on_{tag(center.slice)}"
        yield f"{begin}/chips", center.chips, 0
        yield f"{begin}/sustained", center.sustained, 0
        for trace in center.traces:
            yield f"{begin}/swing/{trace.label}", trace.swing, 0


def _case(case: CodesignCase) -> Iterator[Scalar]:
    name = f"{tag(case.profile)}_on_{tag(case.prediction.slice)}"
    yield from _interval(f"predicted/{name}/time_s", case.prediction.time_s)
    for what, interval in (
        ("usd_per_query", case.usd_per_query),
        ("usd_per_correct", case.usd_per_correct),
        ("energy_per_query_j", case.energy_per_query_j),
    ):
        if interval is not None:
            yield from _interval(f"predicted/{name}/{what}", interval)
    for row in case.elasticities:
        begin = f"elasticity_predicted/{name}/{tag(row.regime)}/{row.quantity}/{tag(row.phase)}"
        yield f"{begin}/{tag(row.parameter)}", row.value.median, 0


def _interval(name: str, interval: Interval, step: int = 0) -> Iterator[Scalar]:
    yield name, interval.median, step
    yield f"{name}_low", interval.low, step
    yield f"{name}_high", interval.high, step
