"""Predicted time on each slice, phase by phase, and what holds it."""

from collections.abc import Mapping, Sequence

from ...records import Prediction
from .. import theme, units
from ..document import Chart, slug
from .bars import Bar, Part, bars


def times_chart(predictions: Sequence[Prediction]) -> Chart:
    """Time of all phases on each slice, phases in their colours, the 80 % interval as a line."""
    told = "; ".join(f"{p.slice}: {units.seconds(p.time_s.median)}" for p in predictions)
    return Chart(
        name="predicted",
        title="Predicted time of all phases",
        note="median by phase; line: 80 % interval of the whole",
        alt=f"Predicted time on each slice. {told}.",
        draw=lambda: bars([_bar(p) for p in predictions], "predicted", legend=True, pitch=28),
        least_width=480,
    )


def _bar(prediction: Prediction) -> Bar:
    working = [phase for phase in prediction.phases if phase.steps > 0]
    tints = theme.phase_colours([phase.phase for phase in working])
    parts = [
        Part(phase.time_s.median, phase.phase, tint,
             {"slice": prediction.slice, "phase": phase.phase,
              "time": units.with_bounds(phase.time_s, units.seconds), "bound": phase.bound},
             phase.phase)
        for phase, tint in zip(working, tints, strict=True)
    ]  # fmt: skip
    time = prediction.time_s
    span = (time.low, time.high) if time.low < time.high else None
    return Bar(prediction.slice, parts, units.seconds(time.median), span)


def resources_chart(
    shares: Mapping[str, Mapping[str, float]], lens: str, half: bool = False, of: str = ""
) -> Chart:
    """On each slice or chip the share of the time that each resource holds.

    Shares are -d log(time) / d log(rate): 1 % more of a resource takes its share in per cent off.
    """
    most = {place: max(each, key=lambda resource: each[resource]) for place, each in shares.items()}
    told = "; ".join(
        f"{place}: {theme.RESOURCES[r][0]} {units.share(shares[place][r])}"
        for place, r in most.items()
    )
    return Chart(
        name=slug(f"resources {of}"),
        title=f"What holds the time{' of ' if of else ''}{of}",
        note=f"share of the time that each resource holds, {lens}",
        alt=f"What holds most of the time. {told}.",
        draw=lambda: bars(_resource_rows(shares), "resources", legend=True, pitch=28),
        least_width=480,
        half=half,
    )


def _resource_rows(shares: Mapping[str, Mapping[str, float]]) -> list[Bar]:
    rows = []
    for place, each in shares.items():
        parts = [
            Part(share, theme.RESOURCES[resource][0], theme.colour(theme.RESOURCES[resource][1]),
                 {"on": place, "resource": theme.RESOURCES[resource][0],
                  "share": units.share(share)}, units.share(share))
            for resource, share in each.items() if share > 0.001
        ]  # fmt: skip
        rows.append(Bar(place, parts, ""))
    return rows
