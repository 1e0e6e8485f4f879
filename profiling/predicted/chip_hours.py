"""Chip-hours: what an hour of a chip costs, by a seller's offer, the user's own figure, or what
owning the chip costs.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from ...model.input_files import user_path
from ...tpu_configs.catalog import load_all
from ...tpu_configs.chip import ANYWHERE, DEFAULT_SELLER, OFFER_KINDS, Asked, Chip, Price
from ...tpu_configs.figure import Table
from ...tpu_configs.toml_files import parse_toml, read_text
from ..errors import ProfileInputError
from ..records.base import percent

MOST_USD_PER_HOUR = 1e6
"""Of one chip: a hundred thousand times the dearest on sale."""
MOST_OVERHEAD = 100.0
"""Energy with a server or data center over energy without it."""


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
    """The error for a name that is in no table: all names of a short one, of a long one those that
    are near or else the first."""
    names = list(expected)
    near = get_close_matches(text.lower()[:100], names, n=4, cutoff=0.5)
    if len(names) <= 16:
        near += [name for name in names if name not in near]
    elif not near:
        near = [*names[:8], f"{len(names) - 8} more"]
    return ProfileInputError(f"unknown {what} {text!r}: expected {', '.join(near)}, or {or_else}")


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


PRICE_KINDS = (*OFFER_KINDS, "ownership")
"""What a chip's file may know; 'list' is another name of on_demand."""
CHEAPEST = "cheapest"
"""As a seller: whoever asks least for the chip."""

StatedPrice = str | float | Ownership
"""A kind of price, dollars per chip-hour, or what owning the chip costs."""


class ChipHour(NamedTuple):
    """Dollars for an hour of one chip; None where they are not known, for the reason in `basis`."""

    usd: float | None
    basis: str
    seller: str = ""  # '' where it is nobody's offer
    region: str = ""  # where the seller asks it; '' anywhere
    confidence: str = ""  # of the price


def parse_price(text: str) -> StatedPrice:
    """A price as the command line has it: a kind, a number or a cost file that ends in .toml.
    Raises ProfileInputError for anything else, and for what is wrong in the file."""
    if text.endswith(".toml"):
        return load_ownership(user_path(text, ProfileInputError))
    number = own_number(text, "--price", "dollars per chip-hour", MOST_USD_PER_HOUR)
    if number is not None:
        return number
    kind = text.lower().replace("-", "_")
    kind = "on_demand" if kind == "list" else kind
    if kind not in PRICE_KINDS:
        raise unknown(
            "price", text, PRICE_KINDS, "dollars per chip-hour, or a cost file ending in .toml"
        )
    return kind


def price_of(
    chip: Chip, price: StatedPrice, seller: str = DEFAULT_SELLER, region: str | None = None
) -> ChipHour:
    """What an hour of `chip` costs; words are a kind of PRICE_KINDS. A price of the `seller`, in
    `region` where one is named; of the cheapest one, which `basis` says, where the seller does not
    offer such hours at all. Raises ProfileInputError for a seller of nothing."""
    if isinstance(price, Ownership):
        return ChipHour(
            price.usd_per_chip_hour,
            f"own cost over {price.years:g} years at {percent(price.utilisation)} utilisation",
        )
    if not isinstance(price, str):
        return ChipHour(float(price), "own figure")
    prices = chip.price or Price()
    if price == "ownership":
        return _owned(chip.name, prices)
    words = price.replace("_", " ")
    _require_seller(prices, seller)
    asked = prices.of_seller(price, seller, region)
    regions = prices.regions(price, seller)
    if regions and (asked is None or asked.offer.seller != seller):
        return ChipHour(
            None, f"no {words} price of {seller} is known for {chip.name} in {region}: it has "
            f"{', '.join(regions)}, or give your own, as --price 2.5",
        )  # fmt: skip
    if asked is None:
        where = f" in {region}" if prices.asked(price) else ""
        return ChipHour(None, f"{chip.name} has no {words} price{where}: {_others(prices)}")
    other = asked.offer.seller != seller and seller != CHEAPEST
    return _offered(asked, words, f", the cheapest: {seller} has no such price" if other else "")


def _offered(asked: Asked, words: str, instead: str) -> ChipHour:
    offer, region = asked.offer, "" if asked.region == ANYWHERE else asked.region
    basis = (
        f"{words}, {offer.seller}{f' in {region}' if region else ''}{instead}; {offer.date}, "
        f"{offer.source}, {offer.confidence} confidence"
    )
    return ChipHour(asked.usd, basis, offer.seller, region, offer.confidence)


def _owned(chip: str, prices: Price) -> ChipHour:
    if (figure := prices.ownership) is None:
        return ChipHour(None, f"{chip} has no ownership price: {_others(prices)}")
    basis = f"ownership, {figure.source}, {figure.confidence} confidence"
    return ChipHour(figure.value, basis, confidence=figure.confidence)


def _require_seller(prices: Price, seller: str) -> None:
    if seller in (DEFAULT_SELLER, CHEAPEST, *(offer.seller for offer in prices.offers)):
        return
    sellers = {offer.seller for each in load_all() if each.price for offer in each.price.offers}
    if seller not in sellers:
        raise unknown("seller", seller, sorted(sellers), CHEAPEST)


def _others(prices: Price) -> str:
    kinds: list[str] = [kind for kind in OFFER_KINDS if prices.asked(kind)]
    kinds += ["ownership"] if prices.ownership else []
    if not kinds:
        return "give your own, as --price 2.5"
    return f"its file has {', '.join(kinds)}, or give your own, as --price 2.5"
