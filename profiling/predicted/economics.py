"""Economics: what a prediction costs in money, energy and carbon, and on what terms.

Each amount is a constant times seconds or joules, so the 80 % interval of the one is that of the
other. Prices are published, the user's own figure, or what owning the chip costs; overheads and
grids are named in data/ with their sources, or are the user's own number.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import exp, hypot, log
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from ...model.input_files import user_path
from ...tpu_configs.chip import Chip, Price
from ...tpu_configs.figure import Figure, Table, Words
from ...tpu_configs.toml_files import parse_toml, read_text
from ..errors import ProfileInputError
from ..records.base import Interval, percent
from ..records.prediction import (
    Amounts,
    Battery,
    Economics,
    EconomicTerms,
    PhaseAmounts,
    Prediction,
)

FEWEST_TOKENS = 1e-6
"""Of all thoughts together, for a price of a million: fewer are none."""
MOST_USD_PER_HOUR = 1e6
"""Of one chip: a hundred thousand times the dearest on sale."""
MOST_OVERHEAD = 100.0
"""Energy with a server or data center over energy without it."""
MOST_G_PER_KWH = 1e5
"""A hundred times what lignite emits."""


def own_number(
    text: str, what: str, unit: str, at_most: float, at_least: float = 0.0
) -> float | None:
    """`text` as the user's own figure; None where it is not a number. Raises ProfileInputError for
    one that is not from `at_least` to `at_most`."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not at_least <= number <= at_most:
        expected = f"{at_least:g} to {at_most:,.0f} {unit}"
        raise ProfileInputError(f"{what} is {text}, expected {expected}")
    return number


def unknown(what: str, text: str, expected: Iterable[str], or_else: str) -> ProfileInputError:
    """The error for a name that is in no table: near names where there are any, else all."""
    names = list(expected)
    near = get_close_matches(text.lower()[:100], names, n=4, cutoff=0.5) or names
    return ProfileInputError(f"unknown {what} {text!r}: expected {', '.join(near)}, or {or_else}")


def per_correct(cost: Interval, share: float, problems: int) -> Interval | None:
    """`cost` of a query over the `share` of `problems`, from 0 to 1, that were answered rightly;
    None where none was. The 80 % interval joins that of the cost with Jeffreys' of the share
    (Brown, Cai & DasGupta 2001): independent, so widths in logarithms add in squares."""
    from ..outcome import jeffreys_interval  # only where answers were checked

    if share <= 0:
        return None
    if cost.low <= 0:  # what costs nothing has no width to join
        return cost * (1 / share)
    least, most = jeffreys_interval(share * problems, problems, 0.1)
    more = hypot(log(cost.high / cost.median), log(share / min(least, share)))
    less = hypot(log(cost.median / cost.low), log(max(most, share) / share))
    median = cost.median / share
    return Interval(median=median, low=median * exp(-less), high=median * exp(more))


class Region(Figure):
    """Grams of CO2e per kWh, where electricity is used."""

    place: Words


class Factor(Figure):
    """Energy with an overhead over energy without it."""

    description: Words


@cache
def regions() -> dict[str, Region]:
    """Every region by name."""
    return {name: Region.model_validate(row) for name, row in _table("grid.toml").items()}


@cache
def overheads(kind: str) -> dict[str, Factor]:
    """The factors of one kind, 'pue' or 'host', by name."""
    rows = _table("overheads.toml")[kind]
    return {name: Factor.model_validate(row) for name, row in rows.items()}


def _table(name: str) -> dict[str, dict]:
    return tomllib.loads((files(__package__) / "data" / name).read_text(encoding="utf-8"))


HOURS_PER_YEAR = 8766.0


class Ownership(Table):
    """Total cost of one chip of one's own, with its share of server and network."""

    purchase_usd: float = Field(ge=0, le=1e9, description="a chip, with its share")
    years: float = Field(ge=0.01, le=100, description="over which it is written off")
    utilisation: float = Field(ge=1e-4, le=1, description="share of those years that it works")
    electricity_usd_per_kwh: float = Field(ge=0, le=1e3)
    pue: float = Field(ge=1, le=MOST_OVERHEAD)
    power_w: float = Field(ge=0, le=1e6, description="at work, with its share")
    idle_power_w: float = Field(
        default=0.0, ge=0, le=1e6, description="in the other hours; 0: switched off"
    )

    @property
    def usd_per_chip_hour(self) -> float:
        """Dollars for an hour of work: purchase, electricity, and that of the idle hours."""
        capital = self.purchase_usd / (self.years * HOURS_PER_YEAR * self.utilisation)
        idle_hours = (1 - self.utilisation) / self.utilisation
        watts = self.power_w + self.idle_power_w * idle_hours
        return capital + self.pue * watts / 1000 * self.electricity_usd_per_kwh


def load_ownership(path: Path) -> Ownership:
    """The ownership in a TOML file with the keys of `Ownership`. Raises ProfileInputError for one
    that is missing, not TOML, or has a wrong key or value."""
    text = read_text(path, "cost file", ProfileInputError)
    return parse_toml(text, str(path), Ownership.model_validate, ProfileInputError)


PRICE_KINDS = tuple(Price.model_fields)
"""on_demand, one_year, three_year, spot, ownership: what a chip's file may know."""

StatedPrice = str | float | Ownership
"""A kind of price, dollars per chip-hour, or what owning the chip costs."""


class ChipHour(NamedTuple):
    """Dollars for an hour of one chip; None where they are not known, for the reason in `basis`."""

    usd: float | None
    basis: str


def parse_price(text: str) -> StatedPrice:
    """A price as the command line has it: a kind, a number or a cost file that ends in .toml.
    Raises ProfileInputError for anything else, and for what is wrong in the file."""
    if text.endswith(".toml"):
        return load_ownership(user_path(text, ProfileInputError))
    number = own_number(text, "--price", "dollars per chip-hour", MOST_USD_PER_HOUR)
    if number is not None:
        return number
    kind = text.lower().replace("-", "_")
    if kind not in PRICE_KINDS:
        raise unknown(
            "price", text, PRICE_KINDS, "dollars per chip-hour, or a cost file ending in .toml"
        )
    return kind


def price_of(chip: Chip, price: StatedPrice) -> ChipHour:
    """What an hour of `chip` costs; words are a kind of PRICE_KINDS."""
    if isinstance(price, Ownership):
        return ChipHour(
            price.usd_per_chip_hour,
            f"own cost over {price.years:g} years at {percent(price.utilisation)} utilisation",
        )
    if not isinstance(price, str):
        return ChipHour(float(price), "own figure")
    words = price.replace("_", " ")
    figure: Figure | None = getattr(chip.price, price) if chip.price else None
    if figure is None:
        return ChipHour(None, f"{chip.name} has no {words} price: {_others(chip)}")
    return ChipHour(figure.value, f"{words}, {figure.source}, {figure.confidence} confidence")


def _others(chip: Chip) -> str:
    kinds = [kind for kind in PRICE_KINDS if chip.price and getattr(chip.price, kind)]
    if not kinds:
        return "give your own, as --price 2.5"
    return f"its file has {', '.join(kinds)}, or give your own, as --price 2.5"


DEFAULT_REGION = "us-central1"
MOST_WH = 1e5
"""Of a battery: a car's."""


@dataclass(frozen=True)
class Terms:
    """What a user asks for; words as on the command line, a number being the user's own figure."""

    price: StatedPrice = "on_demand"
    region: str = DEFAULT_REGION  # its name, or grams of CO2e per kWh
    pue: str | None = None  # a name or a factor; None: see `_usual_overheads`
    host: str | None = None  # a name or a factor; None: see `_usual_overheads`
    battery_wh: float | None = None  # what a full battery of the device gives


def economic_terms(chip: Chip, terms: Terms) -> EconomicTerms:
    """The factors for `chip`, each with where it comes from. Raises ProfileInputError for a region
    or overhead that is not known, and for a number that cannot be one."""
    price = price_of(chip, terms.price)
    usual_host, usual_pue = _usual_overheads(chip)
    host_factor, host = _factor("host", "--host", terms.host or usual_host)
    pue, pue_source = _factor("pue", "--pue", terms.pue or usual_pue)
    grid_g_per_kwh, grid = _grid(terms.region)
    return EconomicTerms(
        usd_per_chip_hour=price.usd, price=price.basis, host_factor=host_factor, host=host,
        pue=pue, pue_source=pue_source, grid_g_per_kwh=grid_g_per_kwh, grid=grid, place=chip.place,
    )  # fmt: skip


def _usual_overheads(chip: Chip) -> tuple[str, str]:
    """Host and PUE by name, where nobody states them: none at the edge. Google's chips stand in
    Google's data centers; where others stand is not known."""
    if chip.place == "edge":
        return "device", "none"
    return "gemini", "google" if chip.vendor == "Google" else "industry"


def _factor(kind: str, option: str, stated: str) -> tuple[float, str]:
    number = own_number(stated, option, "(a factor)", MOST_OVERHEAD, at_least=1.0)
    if number is not None:
        return number, "own figure"
    factors = overheads(kind)
    factor: Factor | None = factors.get(stated.lower())
    if factor is None:
        raise unknown(option, stated, factors, "a factor of 1 or more")
    return factor.value, f"{factor.description}, {factor.source}, {factor.confidence} confidence"


def _grid(stated: str) -> tuple[float, str]:
    number = own_number(stated, "--region", "grams of CO2e per kWh", MOST_G_PER_KWH)
    if number is not None:
        return number, "own figure"
    region = regions().get(stated.lower())
    if region is None:
        raise unknown("region", stated, regions(), "grams of CO2e per kWh")
    text = f"{stated.lower()} ({region.place}), location-based, {region.source}"
    return region.value, f"{text}, {region.confidence} confidence"


SECONDS_PER_HOUR = 3600.0
JOULES_PER_KWH = 3.6e6


def economics_of(prediction: Prediction, chip: Chip, terms: Terms) -> Economics:
    """What `prediction` costs on `chip`, the chip of its slice, which is paid for, and its hosts
    run, for just the predicted time; a query is a prompt with all its attempts. Carbon is that of
    the electricity: 70 to 90 % of a TPU's whole life's (arXiv:2502.01671). Raises its errors.
    """
    factors = economic_terms(chip, terms)
    whole = _amounts(prediction.time_s, prediction.energy_j, prediction.chips, factors)
    queries = prediction.prompts * prediction.batches
    per_query = _times(whole, 1 / queries)
    phases = []
    for phase in prediction.phases:
        amounts = _amounts(phase.time_s, phase.energy_j, prediction.chips, factors)
        million = _times(amounts, 1e6 / phase.tokens) if phase.tokens > FEWEST_TOKENS else None
        phases.append(PhaseAmounts(phase=phase.phase, whole=amounts, per_million_tokens=million))
    return Economics(
        terms=factors,
        whole=whole,
        per_query=per_query,
        per_attempt=_times(whole, 1 / (queries * prediction.attempts)),
        phases=phases,
        battery=_battery(per_query, factors, terms.battery_wh),
        unknown=_unknown(prediction, factors, terms.battery_wh),
    )


def _battery(
    per_query: Amounts, factors: EconomicTerms, battery_wh: float | None
) -> Battery | None:
    """Queries that a full battery answers; None without one, and where their energy is unknown."""
    wall_j = per_query.wall_j
    if battery_wh is None or factors.place != "edge" or wall_j is None or wall_j.low <= 0:
        return None
    full_j = battery_wh * SECONDS_PER_HOUR
    most, least = full_j / wall_j.low, full_j / wall_j.high
    queries = Interval(median=full_j / wall_j.median, low=least, high=most)
    return Battery(battery_wh=battery_wh, queries=queries)


def _amounts(
    time_s: Interval, energy_j: Interval | None, chips: int, factors: EconomicTerms
) -> Amounts:
    hourly = factors.usd_per_chip_hour
    wall_j = energy_j * (factors.host_factor * factors.pue) if energy_j else None
    return Amounts(
        usd=None if hourly is None else time_s * (chips * hourly / SECONDS_PER_HOUR),
        wall_j=wall_j,
        gco2e=wall_j * (factors.grid_g_per_kwh / JOULES_PER_KWH) if wall_j else None,
    )


def _times(amounts: Amounts, times: float) -> Amounts:
    return Amounts(**{name: value and value * times for name, value in amounts})


def _unknown(prediction: Prediction, factors: EconomicTerms, battery_wh: float | None) -> list[str]:
    sentences = [] if factors.usd_per_chip_hour is not None else [f"Money: {factors.price}."]
    if prediction.energy_j is None:
        sentences.append(f"Energy and carbon: the power draw of {prediction.chip} is not public.")
    if battery_wh is not None and factors.place != "edge":
        sentences.append(f"Battery: {prediction.chip} stands in a data center, not in a device.")
    return sentences
