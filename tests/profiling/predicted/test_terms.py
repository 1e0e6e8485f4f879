"""Prices, own costs, places and overheads: what is taken, and what is refused in one sentence."""

from pathlib import Path

import pytest

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.chip_hours import Ownership, load_ownership, parse_price, price_of
from rooflink.profiling.predicted.economics import Terms, economic_terms, overheads, regions
from rooflink.tpu_configs.catalog import load_chip

V5E, H100 = load_chip("v5e"), load_chip("h100")

OWN = """
purchase_usd = 30000
years = 4
utilisation = 0.5
electricity_usd_per_kwh = 0.07
pue = 1.1
power_w = 1000
idle_power_w = 100
"""


def test_ownership_by_hand(tmp_path: Path) -> None:
    """$30,000 over 17,532 working hours, 1.1 kW for 7 cents, an idle hour of 110 W with each."""
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    assert load_ownership(file).usd_per_chip_hour == pytest.approx(1.711157 + 0.077 + 0.0077)


def test_a_busier_chip_is_cheaper_and_a_free_one_costs_its_electricity() -> None:
    def own(utilisation: float, purchase: float = 30000.0) -> float:
        return Ownership(
            purchase_usd=purchase, years=4, utilisation=utilisation, electricity_usd_per_kwh=0.1,
            pue=1.2, power_w=500,
        ).usd_per_chip_hour  # fmt: skip

    assert own(1.0) < own(0.5) < own(0.1)
    assert own(0.3, purchase=0.0) == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("years = 4", "years = 0"), "years is 0"),
        (("utilisation = 0.5", "utilisation = 1.5"), "utilisation is 1.5"),
        (("pue = 1.1", "pue = 0.9"), "pue is 0.9"),
        (("power_w = 1000", ""), "lacks the key 'power_w'"),
        (("power_w = 1000", "power_w = 1\nwatts = 2"), "unknown key 'watts'"),
        (("years = 4", "years = inf"), "years is inf"),
        (("years = 4", "years ="), "is not TOML"),
    ],
)
def test_a_wrong_cost_file_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN.replace(*change))
    with pytest.raises(ProfileInputError, match=said) as caught:
        parse_price(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_cost_file_is_named() -> None:
    with pytest.raises(ProfileInputError, match=r"no cost file at nowhere\.toml"):
        parse_price("nowhere.toml")


@pytest.mark.parametrize(
    ("text", "usd"), [("on_demand", 1.2), ("list", 1.2), ("Spot", 0.24493), ("2.5", 2.5)]
)
def test_prices(text: str, usd: float) -> None:
    assert price_of(V5E, parse_price(text)).usd == usd


def test_a_price_is_of_one_seller_and_says_whose() -> None:
    google, aws = price_of(H100, "on_demand"), price_of(H100, "on_demand", "aws")
    assert (google.seller, google.region, aws.seller) == ("google-cloud", "us-central1", "aws")
    assert google.usd == 10.9791
    assert aws.usd == 6.88
    assert aws.basis.startswith("on demand, aws in us-east-1; 2026-11-09, https://")


def test_what_the_seller_does_not_offer_is_the_cheapest_sellers_and_says_so() -> None:
    found = price_of(load_chip("l40s"), "on_demand")
    assert (found.usd, found.seller) == (1.09, "runpod")
    assert "runpod, the cheapest: google-cloud has no such price" in found.basis


def test_the_cheapest_seller() -> None:
    found = price_of(H100, "on_demand", "cheapest")
    assert H100.price is not None
    asked = [min(o.usd_per_chip_hour.values()) for o in H100.price.offers if o.kind == "on_demand"]
    assert found.usd == min(asked)
    assert "no such price" not in found.basis


@pytest.mark.parametrize("price", ["on_demand", "spot"])
def test_a_region_changes_price_and_carbon_together(price: str) -> None:
    home = economic_terms(V5E, Terms(price=price))
    there = economic_terms(V5E, Terms(price=price, region="europe-west4"))
    assert (there.price_region, there.grid_g_per_kwh) == ("europe-west4", 236)
    assert (there.usd_per_chip_hour or 0) > (home.usd_per_chip_hour or 9)


def test_where_the_seller_has_no_price_there_is_none() -> None:
    found = economic_terms(V5E, Terms(region="europe-west9"))
    assert found.usd_per_chip_hour is None
    assert "no on demand price of google-cloud is known for TPU v5e in europe-west9" in found.price
    assert found.grid_g_per_kwh == 34


def test_carbon_is_that_of_where_the_price_is_asked() -> None:
    assert economic_terms(H100, Terms(seller="aws")).grid.startswith("us-east-1 (Northern Virginia")
    v4 = economic_terms(load_chip("v4"), Terms())
    assert v4.grid.startswith("United States, for us-central2, whose own grid is not in the table")


def test_grams_of_the_users_own_leave_the_price() -> None:
    found = economic_terms(V5E, Terms(region="100"))
    assert (found.usd_per_chip_hour, found.grid_g_per_kwh) == (1.2, 100.0)


def test_an_unknown_seller_has_the_known_ones() -> None:
    with pytest.raises(ProfileInputError, match="unknown seller 'lamda': expected lambda"):
        price_of(H100, "on_demand", "lamda")


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e300"])
def test_a_price_that_cannot_be_one(text: str) -> None:
    with pytest.raises(
        ProfileInputError, match=f"--price is {text}, expected 0 to 1,000,000 dollars"
    ):
        parse_price(text)


def test_an_unknown_price_has_near_names() -> None:
    with pytest.raises(ProfileInputError, match="unknown price 'on_demnd': expected on_demand"):
        parse_price("on_demnd")


def test_a_price_that_is_not_published_is_none() -> None:
    found = price_of(load_chip("cerebras-wse3"), "on_demand")
    assert found.usd is None
    assert "has no on demand price" in found.basis


@pytest.mark.parametrize(
    ("terms", "pue"),
    [
        (Terms(), 1.09),  # any chip of Google's cloud
        (Terms(seller="aws"), 1.14),
        (Terms(seller="azure"), 1.18),
        (Terms(seller="coreweave"), 1.57),  # which publishes none
        (Terms(price=2.0), 1.09),  # of the stated seller
        (Terms(price=2.0, seller="aws"), 1.14),
        (Terms(price="ownership"), 1.57),
        (Terms(pue="Google", seller="aws"), 1.09),
        (Terms(pue="1.3"), 1.3),
    ],
)
def test_the_pue_is_the_operators_not_the_chips(terms: Terms, pue: float) -> None:
    assert economic_terms(H100, terms).pue == pue


def test_a_cost_file_states_its_own_pue() -> None:
    owned = Ownership(
        purchase_usd=1.0, years=1.0, utilisation=1.0, electricity_usd_per_kwh=0.1, pue=1.25,
        power_w=100.0,
    )  # fmt: skip
    assert economic_terms(H100, Terms(price=owned)).pue == 1.25


def test_each_factor_says_where_it_is_from() -> None:
    found = economic_terms(V5E, Terms())
    assert "skypilot-catalog" in found.price
    assert "2508.15734" in found.host
    assert "2508.15734" in found.pue_source
    assert found.grid.startswith("us-central1 (Iowa), location-based")


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (Terms(region="us-centrall"), "unknown region 'us-centrall': expected us-central1"),
        (Terms(region="-3"), "--region is -3, expected 0 to 100,000 grams"),
        (Terms(pue="0.9"), "--pue is 0.9, expected 1 to 100"),
        (Terms(pue="gogle"), "unknown --pue 'gogle': expected google"),
        (Terms(host="gemni"), "unknown --host 'gemni': expected gemini"),
        (Terms(host="nan"), "--host is nan"),
    ],
)
def test_what_is_unknown_is_refused(terms: Terms, said: str) -> None:
    with pytest.raises(ProfileInputError, match=said):
        economic_terms(V5E, terms)


def test_the_data_files_are_whole() -> None:
    """Every row is a sourced figure; factors and grids are in their range."""
    assert all(figure.unit == "gCO2e/kWh" and figure.value < 1000 for figure in regions().values())
    assert {"us-central1", "world", "france"} <= set(regions())
    for kind in ("pue", "host"):
        assert all(1 <= figure.value < 2.5 for figure in overheads(kind).values())
    assert overheads("host")["gemini"].value == pytest.approx((58 + 25) / 58, abs=5e-4)
    assert overheads("host")["gemini-with-idle"].value == pytest.approx(93 / 58, abs=5e-4)
