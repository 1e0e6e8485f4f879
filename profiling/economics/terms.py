"""Terms: what is asked of price, place and overheads, and the factors that this makes."""

from dataclasses import dataclass

from ...tpu_configs.chip import Chip
from ..record.economics import EconomicTerms
from .choice import own_number, unknown
from .data_files import Factor, overheads, regions
from .price import Asked, price_of

DEFAULT_REGION = "us-central1"
DEFAULT_HOST = "gemini"


@dataclass(frozen=True)
class Terms:
    """What a user asks for; words as on the command line, a number being the user's own figure."""

    price: Asked = "on_demand"
    region: str = DEFAULT_REGION  # its name, or grams of CO2e a kilowatt-hour
    pue: str | None = None  # a name or a factor; None: Google's for its own chips, else the mean
    host: str = DEFAULT_HOST  # a name or a factor


def economic_terms(chip: Chip, terms: Terms) -> EconomicTerms:
    """The factors for `chip`, each with where it comes from.

    Raises ProfileInputError for a region or overhead that is not known, and for a number that
    cannot be one.
    """
    price = price_of(chip, terms.price)
    host_factor, host = _factor("host", "--host", terms.host)
    pue, pue_source = _factor("pue", "--pue", terms.pue or _usual_pue(chip))
    grid_g_per_kwh, grid = _grid(terms.region)
    return EconomicTerms(
        usd_per_chip_hour=price.usd,
        price=price.said,
        host_factor=host_factor,
        host=host,
        pue=pue,
        pue_source=pue_source,
        grid_g_per_kwh=grid_g_per_kwh,
        grid=grid,
    )


def _usual_pue(chip: Chip) -> str:
    """Google's chips stand in Google's data centers; where others stand is not known."""
    return "google" if chip.vendor == "Google" else "industry"


def _factor(kind: str, option: str, asked: str) -> tuple[float, str]:
    number = own_number(asked, option, "(a factor)", at_least=1.0)
    if number is not None:
        return number, "own figure"
    known = overheads(kind)
    found: Factor | None = known.get(asked.lower())
    if found is None:
        raise unknown(option, asked, known, "a factor of 1 or more")
    return found.value, f"{found.said}, {found.source}, {found.confidence} confidence"


def _grid(asked: str) -> tuple[float, str]:
    number = own_number(asked, "--region", "grams of CO2e a kilowatt-hour")
    if number is not None:
        return number, "own figure"
    found = regions().get(asked.lower())
    if found is None:
        raise unknown("region", asked, regions(), "grams of CO2e a kilowatt-hour")
    said = f"{asked.lower()} ({found.place}), location-based, {found.source}"
    return found.value, f"{said}, {found.confidence} confidence"
