"""Money, wall energy and carbon: worked by hand, and two published sums."""

import pytest
from real_records import about, round_prediction

from rooflink.profiling.predicted.economics import Terms, economics_of
from rooflink.profiling.records import Interval
from rooflink.tpu_configs.catalog import load_chip

V5E = load_chip("v5e")  # $1.2 on demand


def test_money_energy_and_carbon_by_hand() -> None:
    found = economics_of(round_prediction(), V5E, Terms())
    # 10 s on 8 chips at $1.2 an hour; 1000 J x 1.431 x 1.09; 430 g a kWh of 3.6 MJ.
    assert found.whole.usd.median == pytest.approx(10 * 8 * 1.2 / 3600)
    assert found.whole.wall_j.median == pytest.approx(1559.79)
    assert found.whole.gco2e.median == pytest.approx(1559.79 / 3.6e6 * 430)
    assert found.per_query.usd.median == pytest.approx(0.026666667 / 4)
    assert found.per_attempt.wall_j.median == pytest.approx(1559.79 / 8)
    assert found.unknown == []


def test_intervals_are_those_of_time_and_energy() -> None:
    whole = economics_of(round_prediction(), V5E, Terms()).whole
    for amount in (whole.usd, whole.wall_j, whole.gco2e):
        assert amount.low == pytest.approx(0.8 * amount.median)
        assert amount.high == pytest.approx(1.5 * amount.median)


def test_phases_add_up_and_go_by_their_tokens() -> None:
    found = economics_of(round_prediction(), V5E, Terms(price=3.6))
    assert sum(p.whole.usd.median for p in found.phases) == pytest.approx(found.whole.usd.median)
    think = found.phases[1]  # 9 s on 8 chips at a tenth of a cent a second, 8000 tokens
    assert think.per_million_tokens.usd.median == pytest.approx(0.072 / 8000 * 1e6)


def test_a_phase_without_tokens_has_no_price_a_token() -> None:
    prediction = round_prediction()
    silent = prediction.phases[1].model_copy(update={"tokens": 0.0})
    found = economics_of(prediction.model_copy(update={"phases": [silent]}), V5E, Terms())
    assert found.phases[0].per_million_tokens is None


def test_batches_share_out_the_whole() -> None:
    one = economics_of(round_prediction(), V5E, Terms())
    five = economics_of(round_prediction(batches=5.0), V5E, Terms())
    assert five.per_query.usd.median == pytest.approx(one.per_query.usd.median / 5)


def test_what_is_not_known_is_none_and_said() -> None:
    v4 = load_chip("v4")
    found = economics_of(round_prediction(energy_j=None, phases=[]), v4, Terms(price="spot"))
    assert (found.whole.usd, found.per_query.wall_j, found.per_attempt.gco2e) == (None, None, None)
    money, energy = found.unknown
    assert "TPU v4 has no spot price: its file has on_demand" in money
    assert energy == "Energy and carbon: the power draw of TPU v5e is not public."


def test_own_figures_replace_the_published_ones() -> None:
    terms = Terms(price=0.0, region="0", pue="1", host="2")
    whole = economics_of(round_prediction(), V5E, terms).whole
    assert (whole.usd.median, whole.wall_j.median, whole.gco2e.median) == (0.0, 2000.0, 0.0)


def test_deepseeks_published_day() -> None:
    """open-infra-index, day 6: 226.75 nodes of 8 H800 at $2 an hour are $87,072 a day."""
    day = Interval(median=86400, low=86400, high=86400)
    prediction = round_prediction(time_s=day, chips=1814)
    whole = economics_of(prediction, load_chip("h800"), Terms(price=2.0)).whole
    assert whole.usd.median == pytest.approx(87_072)


def test_geminis_published_prompt() -> None:
    """arXiv:2508.15734: a median prompt is 0.24 Wh, of which 58 % active accelerators."""
    accelerators_j = 0.58 * 0.24 * 3600
    prediction = round_prediction(energy_j=about(accelerators_j), prompts=1, attempts=1)
    query = economics_of(prediction, V5E, Terms(host="gemini-with-idle")).per_query
    assert query.wall_j.median / 3600 == pytest.approx(0.24, abs=0.005)
