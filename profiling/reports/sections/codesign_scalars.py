"""A co-design report as TensorBoard events: its scalars, each under its lens, charts, report.

Each case has a run of its own in `cases/`, for the HPARAMS tab.
"""

from collections.abc import Iterator

from ...records.codesign import CodesignCase, CodesignReport
from ..charts.codesign_elasticities import tornado
from ..charts.codesign_map import bound_maps
from ..charts.codesign_roofline import lever_rooflines
from ..charts.codesign_serving import designs, pareto, power
from ..document import Chart, Document
from ..renderers.markdown import markdown
from ..renderers.tensorboard import (
    Events,
    Hyperparameters,
    Scalar,
    Session,
    chip_given,
    curves,
    medians,
    tag,
    tags,
)
from .codesign_search import SHARES


def codesign_events(report: CodesignReport, document: Document) -> Events:
    """All that its event file holds; `document` is its report."""
    return Events(
        scalars=scalars(report),
        texts={"codesign_report": markdown(document)},
        charts=charts(report),
        sessions=sessions(report),
        sessions_folder="cases",
    )


def charts(report: CodesignReport) -> dict[str, Chart]:
    """Tag -> chart: of each case its elasticities, levers and maps; then what all share."""
    made: dict[str, Chart | None] = {}
    cases = _case_tags(report)
    for case in report.cases:
        name = cases[_place(case)]
        made[f"tornado/{name}"] = tornado(case, "memory full")
        made[f"roofline/{name}"] = next(iter(lever_rooflines(case)), None)
        for grid, chart in zip(case.bound_maps, bound_maps(case), strict=False):
            made[f"crossovers/{name}_attempts_{grid.attempts:g}"] = chart
    for profile in dict.fromkeys(point.profile for point in report.pareto):
        own = [point for point in report.pareto if point.profile == profile]
        made[f"pareto/{tag(profile)}"] = pareto(own)
    if report.searches:
        made[f"search/{tag(report.searches[0].model)}"] = designs(report.searches, SHARES)
    for center in report.data_centers:
        made[f"power/{tag(center.profile)}_on_{tag(center.slice)}"] = power(center)
    return {name: chart for name, chart in made.items() if chart is not None}


def _case_tags(report: CodesignReport) -> dict[str, str]:
    return tags(_place(case) for case in report.cases)


def _place(case: CodesignCase) -> str:
    return f"{case.profile}_on_{case.prediction.slice}"


def scalars(report: CodesignReport) -> Iterator[Scalar]:
    """(tag, value, step) of every scalar; a recommendation's step is its rank."""
    for ask in (*report.hardware_asks, *report.model_asks):
        begin = f"asks_predicted/{ask.side}"
        yield from curves(f"{begin}/saving", ask.saving, ask.rank)
        if ask.beats_next is not None:
            yield f"{begin}/beats_next", ask.beats_next, ask.rank
    cases = _case_tags(report)
    for case in report.cases:
        yield from _case(case, cases[_place(case)])
    for search in report.searches:
        name = f"search_predicted/{tag(search.purpose)}/speedup"
        yield from curves(name, search.speedup)
    for center in report.data_centers:
        begin = f"center_predicted/{tag(center.profile)}_on_{tag(center.slice)}"
        yield f"{begin}/chips", center.chips, 0
        yield f"{begin}/sustained", center.sustained, 0
        for trace in center.traces:
            yield f"{begin}/swing/{trace.label}", trace.swing, 0


def _case(case: CodesignCase, name: str) -> Iterator[Scalar]:
    under = f"predicted/{name}"
    yield from curves(f"{under}/time_s", case.prediction.time_s)
    yield from curves(f"{under}/usd_per_query", case.usd_per_query)
    yield from curves(f"{under}/usd_per_correct", case.usd_per_correct)
    yield from curves(f"{under}/energy_per_query_j", case.energy_per_query_j)
    for row in case.elasticities:
        begin = f"elasticity_predicted/{name}/{tag(row.regime)}/{row.quantity}/{tag(row.phase)}"
        yield f"{begin}/{tag(row.parameter)}", row.value.median, 0


def sessions(report: CodesignReport) -> Iterator[Session]:
    """A profile on a slice each. Energy is left out: a case has that of its chips alone."""
    cases = _case_tags(report)
    for case in report.cases:
        prediction = case.prediction
        given: Hyperparameters = {
            "made_by": "codesign",
            "model": prediction.model,
            "dtype": prediction.weight_dtype,
            "slice": prediction.slice,
        }
        given |= chip_given(prediction.chip, prediction.chips, "predicted")
        known = {
            "cost/time_s": prediction.time_s,
            "cost/query_usd": case.usd_per_query,
            "cost/correct_usd": case.usd_per_correct,
            "outcome/accuracy": case.accuracy,
        }
        yield Session(cases[_place(case)], given, medians(known))
