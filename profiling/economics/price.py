"""Price: dollars for an hour of one chip, by kind of price, one's own figure or one's own costs."""

from dataclasses import dataclass
from pathlib import Path

from ...tpu_configs.chip import Chip
from ...tpu_configs.figure import Figure
from ...tpu_configs.parts import Price
from .choice import own_number, unknown
from .ownership import Ownership, load_ownership

PRICE_KINDS = tuple(Price.model_fields)
"""on_demand, one_year, three_year, spot, ownership: what a chip's file may know."""

Asked = str | float | Ownership
"""A kind of price, dollars for a chip-hour, or what owning it costs."""


@dataclass(frozen=True)
class ChipHour:
    """Dollars for an hour of one chip; None where that is not known, as `said` then says."""

    usd: float | None
    said: str


def parse_price(text: str) -> Asked:
    """A price as the command line has it: a kind, a number or a cost file that ends in .toml.

    Raises ProfileInputError for anything else, and for what is wrong in the file.
    """
    if text.endswith(".toml"):
        return load_ownership(Path(text).expanduser())
    number = own_number(text, "--price", "dollars for a chip-hour")
    if number is not None:
        return number
    kind = text.lower().replace("-", "_")
    if kind not in PRICE_KINDS:
        raise unknown(
            "price", text, PRICE_KINDS, "dollars for a chip-hour, or a cost file ending in .toml"
        )
    return kind


def price_of(chip: Chip, asked: Asked) -> ChipHour:
    """What an hour of `chip` costs under the price that is asked for, a kind of PRICE_KINDS."""
    if isinstance(asked, Ownership):
        return ChipHour(
            asked.usd_per_chip_hour,
            f"own cost over {asked.years:g} years at {asked.utilisation:.0%} utilisation",
        )
    if not isinstance(asked, str):
        return ChipHour(float(asked), "own figure")
    words = asked.replace("_", " ")
    figure: Figure | None = getattr(chip.price, asked) if chip.price else None
    if figure is None:
        return ChipHour(None, f"no {words} price of {chip.name} is known: {_others(chip)}")
    return ChipHour(figure.value, f"{words}, {figure.source}, {figure.confidence} confidence")


def _others(chip: Chip) -> str:
    known = [kind for kind in PRICE_KINDS if chip.price and getattr(chip.price, kind)]
    if not known:
        return "give your own, as --price 2.5"
    return f"its file has {', '.join(known)}, or give your own, as --price 2.5"
