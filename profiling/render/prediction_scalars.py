"""The predicted lens as TensorBoard scalars: predicted/<slice>/<phase>/..."""

from collections.abc import Iterator

from ..records import Interval, Profile
from ..records.lenses import TOTAL
from .prediction_facts import tokens_per_s, working_phases
from .tags import tag


def prediction_scalars(profile: Profile) -> Iterator[tuple[str, float, int]]:
    """(tag, value, step) of every scalar; money, energy and carbon are of one query."""
    for prediction in profile.predictions:
        under = f"predicted/{tag(prediction.slice)}"
        for phase in working_phases(prediction):
            name = f"{under}/{tag(phase.phase)}"
            yield from _interval(f"{name}/time", "s", phase.time_s)
            yield f"{name}/tokens_per_s", tokens_per_s(prediction, phase), 0
        yield from _interval(f"{under}/{TOTAL}/time", "s", prediction.time_s)
        if prediction.economics:
            query = prediction.economics.per_query
            yield from _interval(f"{under}/query/cost", "usd", query.usd)
            yield from _interval(f"{under}/query/wall_energy", "j", query.wall_j)
            yield from _interval(f"{under}/query/co2e", "g", query.gco2e)


def _interval(name: str, unit: str, value: Interval | None) -> Iterator[tuple[str, float, int]]:
    if value is not None:
        yield f"{name}_{unit}", value.median, 0
        yield f"{name}_low_{unit}", value.low, 0
        yield f"{name}_high_{unit}", value.high, 0
