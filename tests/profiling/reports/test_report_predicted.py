"""Predictions as tables, documents and charts."""

import io

import pytest
from real_records import real_prediction, round_prediction
from rich.console import Console

from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.predicted.phase_terms import resource_shares
from rooflink.profiling.records import Interval, Prediction, Profile
from rooflink.profiling.reports.document import Document
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.notebook import rows_of
from rooflink.profiling.reports.sections.prediction_document import (
    phases_table,
    prediction_document,
    predictions_document,
    slices_table,
    tiers_document,
    tiers_table,
)
from rooflink.profiling.reports.sections.prediction_notes import IDEAL_NOTE, notes
from rooflink.profiling.reports.sections.profile_document import profile_document, profile_summary
from rooflink.profiling.reports.sections.profile_scalars import scalars
from rooflink.profiling.reports.units import TIMES
from rooflink.tpu_configs.catalog import load_chip


def priced(price: str | float = "on_demand", **changes: object) -> Prediction:
    """The prediction with what it costs."""
    prediction = round_prediction(**changes)
    economics = economics_of(prediction, load_chip("v5e"), Terms(price=price))
    return prediction.model_copy(update={"economics": economics})


def shown(document: Document, width: int) -> list[str]:
    out = io.StringIO()
    show(document, Console(file=out, width=width, color_system=None))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_everything_fits_the_console_and_nothing_is_lost(width: int, predicted: Profile) -> None:
    several = predictions_document(predicted.predictions)
    tiers = tiers_document([(priced(), priced(think_tokens=0.0))])
    for document in (prediction_document(priced()), several, tiers, profile_summary(predicted)):
        assert max(map(len, shown(document, width))) <= width
    words = " ".join(shown(several, width))
    for column in slices_table(predicted.predictions).shown:
        assert set((column.short or column.title).split()) <= set(words.split())


def test_a_row_of_a_phase() -> None:
    table = phases_table(priced())
    think = {column.title: column.cells[1] for column in table.shown}
    assert think == {
        "phase": "think",
        "tokens": "8,000",
        "time": "9.00 s",
        "80 % interval": "7.20 to 13.5 s",
        "bound": "memory",
        "FLOP/B": "24,000",
        "tok/s": "889",
        "chips' energy": "0.900 kJ",
        "cost": "$0.0240",
        "$ per million tokens": "$3.00",
    }
    assert table.rows[-1][0] == "total"


def test_columns_without_a_figure_are_left_out() -> None:
    titles = {column.title for column in phases_table(priced("ownership", energy_j=None)).shown}
    assert not {"cost", "$ per million tokens"} & titles
    ideal = priced(time_s=Interval(median=1, low=1, high=1), phases=[], ideal=True)
    assert "80 % interval" not in {column.title for column in phases_table(ideal).shown}
    assert IDEAL_NOTE in notes(ideal)


def test_phases_without_steps_are_left_out() -> None:
    first, think, _ = real_prediction().phases
    table = phases_table(priced(phases=[first, think.model_copy(update={"steps": 0.0})]))
    assert [row[0] for row in table.rows] == ["prefill", "total"]


def test_tiers_have_their_ratio() -> None:
    quick = priced(think_tokens=0.0, time_s=Interval(median=1, low=1, high=1))
    table = tiers_table(priced(), quick)
    assert table.column("tier").values == ["quick answer", "thinking", "thinking is"]
    assert table.column("time of the batch").values[2] == f"10.0{TIMES}"
    assert table.column("tokens per attempt").values[2] == f"21.0{TIMES}"
    grams = table.column("CO2e per query").values[:2]
    assert len({cell.partition(" (")[0].partition(" ")[2] for cell in grams}) == 1  # one unit


def test_a_report_has_every_slice_and_what_does_not_fit(predicted: Profile) -> None:
    section = profile_document(predicted).section("predicted")
    (side_by_side,) = [b for b in section.blocks if getattr(b, "key", "") == "slices"]
    assert side_by_side.column("slice").values == ["v5e:2x4", "v6e:2x2"]
    assert section.blocks[-1].items == predicted.unpredicted
    names = {chart.name for chart in profile_document(predicted).charts()}
    assert {"predicted", "resources"} <= names


def test_resources_hold_the_whole_time(predicted: Profile, not_run: Profile) -> None:
    assert list(resource_shares(predicted)) == ["v5e:2x4", "v6e:2x2"]
    for shares in (resource_shares(predicted), resource_shares(not_run)):
        for each in shares.values():
            assert sum(each.values()) == pytest.approx(1)


def test_frames_have_an_interval_in_three_columns(predicted: Profile) -> None:
    (first, _) = rows_of(slices_table(predicted.predictions))
    record = predicted.predictions[0]
    time_s = Interval(median=first["time_s"], low=first["time_low_s"], high=first["time_high_s"])
    assert time_s == record.time_s
    assert record.economics
    usd = record.economics.per_query.usd
    assert usd
    assert (first["usd_per_query"], first["usd_low_per_query"]) == (usd.median, usd.low)


def test_scalars(predicted: Profile) -> None:
    found = {name: value for name, value, _ in scalars(predicted)}
    v5e, v6e = predicted.predictions
    think, cost = v5e.phases[1].time_s, v5e.economics and v5e.economics.per_query
    assert found["predicted/v5e_2x4/think/time_s"] == think.median
    assert found["predicted/v5e_2x4/think/time_low_s"] == think.low
    assert found["predicted/v6e_2x2/total/time_high_s"] == v6e.time_s.high
    assert cost
    assert cost.usd
    assert cost.gco2e
    assert found["predicted/v5e_2x4/query/cost_usd"] == cost.usd.median
    assert found["predicted/v5e_2x4/query/co2e_g"] == cost.gco2e.median
