"""Predictions in the terminal, in Markdown and HTML, and as scalars."""

import io
import re

import pytest
from rich.console import Console
from sample_prediction import sample_prediction

from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.records import Interval, Prediction, Profile
from rooflink.profiling.render import amounts
from rooflink.profiling.render.console import show
from rooflink.profiling.render.html import html
from rooflink.profiling.render.markdown import markdown
from rooflink.profiling.render.prediction_console import (
    show_prediction,
    show_predictions,
    show_tiers,
)
from rooflink.profiling.render.prediction_scalars import prediction_scalars
from rooflink.profiling.render.prediction_tables import phases_table, tiers_table
from rooflink.profiling.render.units import TIMES
from rooflink.tpu_configs.catalog import load_chip


def priced(price: str = "on_demand", **changes: object) -> Prediction:
    found = sample_prediction(**changes)
    return found.model_copy(
        update={"economics": economics_of(found, load_chip("v5e"), Terms(price=price))}
    )


@pytest.fixture
def predicted(not_run: Profile) -> Profile:
    other = priced(slice="v5e:4x4", chips=16, parallelism="tensor=8,data=2")
    sentence = "No slice of Apple M2 that its links join holds this workload."
    return not_run.model_copy(update={"predictions": [priced(), other], "unpredicted": [sentence]})


def shown(print_it, *what: object, width: int = 100) -> str:  # type: ignore[no-untyped-def]
    out = io.StringIO()
    print_it(*what, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_everything_fits_the_console_and_nothing_is_lost(width: int, predicted: Profile) -> None:
    one = shown(show_prediction, priced(), width=width)
    two = shown(show_predictions, predicted.predictions, width=width)
    tiers = shown(show_tiers, [(priced(), priced(think_tokens=0.0))], width=width)
    for text in (one, two, tiers, shown(show, predicted, width=width)):
        assert max(map(len, text.splitlines())) <= width
        assert "None" not in text
    for title in ("80 % interval", "tok/s", "chips' energy", "$ a M tokens", "bound"):
        assert title in one
    for title in ("mesh", "prefill", "$ a query", "CO2e a query", "most attempts at once"):
        assert title in two
    assert "predicted, not measured" in one


def test_a_row_of_a_phase() -> None:
    table = phases_table(priced())
    think = dict(zip([c.title for c in table.columns], table.rows[1], strict=True))
    assert think == {
        "phase": "think",
        "tokens": "8,000",
        "time": "9.00 s",
        "80 % interval": "7.20 to 13.5 s",
        "bound": "memory",
        "FLOP/B": "24,000",
        "tok/s": "889",
        "chips' energy": "900 J",
        "money": "$0.0240",
        "$ a M tokens": "$3.00",
    }
    assert table.rows[-1][0] == "total"


def test_columns_without_a_figure_are_left_out() -> None:
    table = phases_table(priced(price="ownership", energy_j=None))
    titles = {column.title for column in table.columns}
    assert not {"money", "$ a M tokens"} & titles
    ideal = priced(time_s=Interval(median=1, low=1, high=1), phases=[], ideal=True)
    assert "80 % interval" not in {column.title for column in phases_table(ideal).columns}
    assert "without an interval" in " ".join(shown(show_prediction, ideal).split())


def test_phases_without_steps_are_left_out() -> None:
    idle = [phase.model_copy(update={"steps": 0.0}) for phase in sample_prediction().phases[1:2]]
    table = phases_table(priced(phases=[*sample_prediction().phases[:1], *idle]))
    assert [row[0] for row in table.rows] == ["prefill", "total"]


def test_tiers_have_their_ratio() -> None:
    quick = priced(think_tokens=0.0, time_s=Interval(median=1, low=1, high=1))
    table = tiers_table(priced(), quick)
    assert [row[0] for row in table.rows] == ["quick answer", "thinking", "thinking is"]
    times = [column.title for column in table.columns].index("time of the batch")
    assert table.rows[2][times] == f"10.0{TIMES}"
    assert table.rows[2][1] == f"21.0{TIMES}"


@pytest.mark.parametrize("render", [html, markdown])
def test_reports_carry_the_predictions_under_their_lens(predicted: Profile, render) -> None:  # type: ignore[no-untyped-def]
    text = render(predicted)
    for words in ("Predicted on slices", "v5e:2x4", "v5e:4x4", "8.00 to 15.0 s", "not measured",
                  "predicted", "holds 80 %", "No slice of Apple M2", "Basis: 7 measured rows",
                  "$0.00667"):  # fmt: skip
        assert words in text.replace("\\", "")
    assert len(re.findall("Predicted on slices", text)) >= 1


@pytest.mark.parametrize("render", [html, markdown])
def test_reports_without_predictions_say_nothing_of_them(not_run: Profile, render) -> None:  # type: ignore[no-untyped-def]
    assert "redicted" not in render(not_run)


def test_scalars(predicted: Profile) -> None:
    found = {name: value for name, value, _ in prediction_scalars(predicted)}
    assert found["predicted/v5e_2x4/think/time_s"] == 9.0
    assert found["predicted/v5e_2x4/think/time_low_s"] == pytest.approx(7.2)
    assert found["predicted/v5e_4x4/total/time_high_s"] == 15.0
    assert found["predicted/v5e_2x4/query/cost_usd"] == pytest.approx(10 * 8 * 1.2 / 3600 / 4)
    assert "predicted/v5e_2x4/query/co2e_g" in found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.3456, "$12.3"),
        (0.00456, "$0.00456"),
        (0, "$0"),
        (1e-5, "$0.0000100"),
        (2e-7, "$2.00e-07"),
    ],
)
def test_dollars(value: float, text: str) -> None:
    assert amounts.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1530, "1.53 kJ"), (0.024, "24.0 mJ"), (3e-6, "3.00 µJ"), (0, "0 J")]
)
def test_joules(value: float, text: str) -> None:
    assert amounts.joules(value) == text


def test_an_unknown_amount_is_called_so() -> None:
    assert amounts.with_bounds(None, amounts.usd) == "unknown"
