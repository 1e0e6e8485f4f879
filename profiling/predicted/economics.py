"""Economics: what a prediction costs in money, energy and carbon, and on what terms.

Each amount is a constant times seconds or joules, so the 80 % interval of the one is that of the
other. Prices are published, the user's own figure, or what owning the chip costs; overheads and
grids are named in data/ with their sources, or are the user's own number.
"""

from dataclasses import dataclass
from functools import cache
from math import exp, hypot, log

from pydantic import Field

from ...tpu_configs.chip import DEFAULT_SELLER, Chip, Price
from ...tpu_configs.figure import Figure, Words
from ...tpu_configs.toml_files import shipped_tables
from ..records.base import Interval
from ..records.prediction import (
    Amounts,
    Battery,
    Economics,
    EconomicTerms,
    PhaseAmounts,
    Prediction,
)
from .chip_hours import (
    MOST_OVERHEAD,
    Ownership,
    StatedPrice,
    own_number,
    price_of,
    unknown,
)

FEWEST_TOKENS = 1e-6
"""Of all thoughts together, for a price of a million: fewer are none."""
MOST_G_PER_KWH = 1e5
"""A hundred times what lignite emits."""


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
    sellers: list[Words] = Field(default=[], description="whose data centers it is measured in")


@cache
def regions() -> dict[str, Region]:
    """Every region by name."""
    rows = shipped_tables(__package__, "grid.toml")
    return {name: Region.model_validate(row) for name, row in rows.items()}


@cache
def overheads(kind: str) -> dict[str, Factor]:
    """The factors of one kind, 'pue' or 'host', by name."""
    rows = shipped_tables(__package__, "overheads.toml")[kind]
    return {name: Factor.model_validate(row) for name, row in rows.items()}


DEFAULT_REGION = "us-central1"
MOST_WH = 1e5
"""Of a battery: a car's."""


@dataclass(frozen=True)
class Terms:
    """What a user asks for; words as on the command line, a number being the user's own figure."""

    price: StatedPrice = "on_demand"
    seller: str = DEFAULT_SELLER
    region: str | None = None  # its name, or grams of CO2e per kWh; None: where the price is asked
    pue: str | None = None  # a name or a factor; None: the seller's, see `_usual_pue`
    host: str | None = None  # a name or a factor; None: gemini, or device for a device's chip
    battery_wh: float | None = None  # what a full battery of the device gives


def economic_terms(chip: Chip, terms: Terms) -> EconomicTerms:
    """The factors for `chip`, each with where it comes from. Raises ProfileInputError for a region,
    seller or overhead that is not known, and for a number that cannot be one."""
    own_grid = _own_grid(terms.region)
    named = None if terms.region is None or own_grid else terms.region.lower()
    if named:
        _require_region(chip, named)
    price = price_of(chip, terms.price, terms.seller.lower(), named)
    edge = chip.place == "edge"
    usual_host = "device" if edge else "gemini"
    host_factor, host = _factor("host", "--host", terms.host or usual_host)
    usual_pue = "none" if edge else _usual_pue(price.seller or terms.seller.lower(), terms.price)
    pue, pue_source = _factor("pue", "--pue", terms.pue or usual_pue)
    grid_g_per_kwh, grid = own_grid or _grid(named or price.region or DEFAULT_REGION)
    return EconomicTerms(
        usd_per_chip_hour=price.usd, price=price.basis, host_factor=host_factor, host=host,
        pue=pue, pue_source=pue_source, grid_g_per_kwh=grid_g_per_kwh, grid=grid, place=chip.place,
        seller=price.seller, price_region=price.region, price_confidence=price.confidence,
    )  # fmt: skip


def _usual_pue(operator: str, price: StatedPrice) -> str:
    """Of whose data center it is: the seller's, or the one that a cost file states; the mean of the
    industry where nothing is published of it."""
    if isinstance(price, Ownership):
        return str(price.pue)
    known = (name for name, factor in overheads("pue").items() if operator in factor.sellers)
    return "industry" if price == "ownership" else next(known, "industry")


def _factor(kind: str, option: str, stated: str) -> tuple[float, str]:
    number = own_number(stated, option, "(a factor)", MOST_OVERHEAD, at_least=1.0)
    if number is not None:
        return number, "own figure"
    factors = overheads(kind)
    factor: Factor | None = factors.get(stated.lower())
    if factor is None:
        raise unknown(option, stated, factors, "a factor of 1 or more")
    return factor.value, f"{factor.description}, {factor.source}, {factor.confidence} confidence"


def _own_grid(stated: str | None) -> tuple[float, str] | None:
    """What the user states as a number; None for a name, and for nothing."""
    if stated is None:
        return None
    number = own_number(stated, "--region", "grams of CO2e per kWh", MOST_G_PER_KWH)
    return None if number is None else (number, "own figure")


def _require_region(chip: Chip, region: str) -> None:
    """Raise ProfileInputError for what is neither a known grid nor where the chip is offered."""
    offers = (chip.price or Price()).offers
    if region not in regions() and not any(region in o.usd_per_chip_hour for o in offers):
        raise unknown("region", region, regions(), "grams of CO2e per kWh")


def _grid(name: str) -> tuple[float, str]:
    """The grid of a region; of its whole country where only a seller knows the region."""
    if (region := regions().get(name)) is not None:
        said = f"{name} ({region.place})"
    else:
        region = regions()["usa" if name.startswith("us") else "world"]
        said = f"{region.place}, for {name}, whose own grid is not in the table"
    return region.value, (
        f"{said}, location-based, {region.source}, {region.confidence} confidence"
    )


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
