"""What the tab shows, as data: controls, and a document under the sliders."""

import pytest

from rooflink.profiling.board.places import places_at_peak, places_predicted
from rooflink.profiling.board.view import Request, request_of, view
from rooflink.profiling.predicted.phase_terms import RESOURCES, grown, whole_elasticities
from rooflink.profiling.records import Profile
from rooflink.profiling.reports.terms import AT_PEAK, PREDICTED


def request(**arguments: str) -> Request:
    return request_of({"run": "week/tuesday", **arguments})


def table_of(profiles: dict[str, Profile], asked: Request):  # type: ignore[no-untyped-def]
    _, document = view(profiles, asked)
    return next(table for table in document.tables() if table.key == "phases")


def test_a_view_starts_with_the_prediction(profiles: dict[str, Profile]) -> None:
    controls, _ = view(profiles, request())
    assert (controls["lens"], controls["place"]) == (PREDICTED, "v5e:2x4")
    names = [slider["resource"] for slider in controls["sliders"]]
    assert names == ["memory", "compute", "on_chip", "links", "overhead"]
    prediction = profiles["week/tuesday"].predictions[0]
    unknown = prediction.model_copy(
        update={"phases": [p.model_copy(update={"on_chip_s": 0.0}) for p in prediction.phases]}
    )
    tuesday = profiles["week/tuesday"].model_copy(update={"predictions": [unknown]})
    controls, _ = view({"week/tuesday": tuesday}, request())
    assert "on_chip" not in {slider["resource"] for slider in controls["sliders"]}


def test_a_run_without_predictions_shows_the_datasheet(profiles: dict[str, Profile]) -> None:
    controls, _ = view(profiles, request(run="monday", lens=PREDICTED))
    assert (controls["lens"], controls["place"]) == (AT_PEAK, "TPU v5e")
    assert "TPU v5e" not in controls["roofs"]


@pytest.mark.parametrize("memory", [0.25, 1.0, 2.0, 4.0, 16.0])
@pytest.mark.parametrize("overhead", [1.0, 8.0])
def test_the_table_is_the_time_model_wherever_the_sliders_are(
    profiles: dict[str, Profile], memory: float, overhead: float
) -> None:
    (place,) = places_predicted(profiles["week/tuesday"])
    table = table_of(profiles, request(memory=str(memory), overhead=str(overhead)))
    factors = {"memory": memory, "overhead": overhead}
    moved = [grown(phase.terms, factors) for phase in place.phases]
    assert place.median_s == profiles["week/tuesday"].predictions[0].time_s.median
    summed, were = (sum(terms.time_s for terms in each) for each in
                    (moved, [phase.terms for phase in place.phases]))  # fmt: skip
    whole = pytest.approx(place.median_s * summed / were)
    assert table.column("time").values == [*(terms.time_s for terms in moved), whole]
    before = [phase.terms for phase in place.phases]
    bounds = [now.bound if now.bound == was.bound else f"{was.bound}, now {now.bound}"
              for was, now in zip(before, moved, strict=True)]  # fmt: skip
    assert table.column("bound").values == [*bounds, ""]


def test_a_slider_crosses_the_ridge(profiles: dict[str, Profile]) -> None:
    still, grown_far = (
        table_of(profiles, request(lens=AT_PEAK, memory=memory, compute=compute))
        for memory, compute in (("0.25", "1"), ("16", "0.0625"))
    )
    assert set(still.column("bound").values) == {"memory", ""}
    assert set(grown_far.column("bound").values) == {"memory, now compute", ""}


def test_resources_are_ranked_by_what_they_hold(profiles: dict[str, Profile]) -> None:
    (place,) = places_predicted(profiles["week/tuesday"])
    _, document = view(profiles, request())
    (table,) = [t for t in document.tables() if t.key.startswith("levers")]
    held = table.column("elasticity").values
    assert held == sorted(held, reverse=True)
    found = whole_elasticities(phase.terms for phase in place.phases)
    assert held == [v for v in sorted(found.values(), reverse=True) if v > 0.005]
    assert set(found) == set(RESOURCES)


def test_two_runs_have_their_ratio(profiles: dict[str, Profile]) -> None:
    table = table_of(profiles, request(lens=AT_PEAK, place="TPU v5e", other="monday"))
    a, b = (
        next(p for p in places_at_peak(profiles[name]) if p.chip == "TPU v5e")
        for name in ("week/tuesday", "monday")
    )
    whole = [sum(phase.terms.time_s for phase in place.phases) for place in (a, b)]
    assert table.column("B / A").values[-1] == pytest.approx(whole[1] / whole[0])
    assert table.column("monday: time").values[-1] == pytest.approx(whole[1])


def test_a_run_without_figures_there_is_said(profiles: dict[str, Profile]) -> None:
    _, document = view(profiles, request(other="monday"))  # monday has no prediction
    assert document.headline.endswith("monday has no figures on TPU v5e.")


def test_the_roofline_follows_the_sliders(profiles: dict[str, Profile]) -> None:
    _, document = view(
        profiles, request(lens=AT_PEAK, place="TPU v5e", memory="2", beside="TPU v6e")
    )
    (chart,) = [c for c in document.charts() if c.name == "roofline"]
    rows = [row for rows in chart.spec["datasets"].values() for row in rows if "peak" in row]
    assert {row["roof"] for row in rows} == {"TPU v5e", "TPU v5e before", "TPU v6e"}
    assert {row["roof"] for row in rows if row["dashed"]} == {"TPU v5e before"}


def test_a_place_without_terms_shows_nothing(profiles: dict[str, Profile]) -> None:
    bare = profiles["monday"].model_copy(update={"placements": []})
    controls, document = view({"monday": bare}, request(run="monday"))
    assert controls["sliders"] == []
    assert document.sections == []
    assert "has no figures of a chip" in document.headline
