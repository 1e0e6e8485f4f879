"""One published figure with its unit and where it comes from, and tables of such figures.

Every check here raises a ValueError that ends in what was expected; `toml_files` puts the file's
name and the key in front of it.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Confidence = Literal["high", "medium", "low", "claimed"]
"""Claimed: by the one who sells it, and nobody else has measured or can check it."""
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
"""From the surest to the least sure."""

LONGEST_WORDS = 500
LEAST, LARGEST = 1e-18, 1e24
"""Of a figure in its base unit: no chip is near either, and what is computed stays finite."""
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class Table(BaseModel):
    """Base of every table in a chip file: immutable, strict about types, keys known and whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_and_whole(cls, data: object) -> object:
        """Refuse what is not a table, a key that is not in it, and a required key left out."""
        if isinstance(data, cls):
            return data
        return known_and_whole(data, {n: f.is_required() for n, f in cls.model_fields.items()})


def known_and_whole(data: object, keys: Mapping[str, bool]) -> dict[str, object]:
    """`data`, a table of `keys` (-> whether each is needed). Raises ValueError for what is none."""
    if not isinstance(data, dict):
        raise ValueError(f"is {data!r}, expected a table with {', '.join(keys)}")
    for key in data:
        if key not in keys:
            raise ValueError(f"has an unknown key {key!r}, expected only {', '.join(keys)}")
    needed = [key for key, is_needed in keys.items() if is_needed]
    for key in needed:
        if key not in data:
            raise ValueError(f"lacks the key {key!r}, expected a table with {', '.join(needed)}")
    return data


def _words(text: str) -> str:
    """Refuse an empty text, and one that a terminal would obey or a table cannot hold."""
    if not text.strip():
        raise ValueError(f"is {text!r}, expected some words")
    if not text.isprintable() or len(text) > LONGEST_WORDS:
        raise ValueError(f"is {text!r}, expected {LONGEST_WORDS} printable characters at most")
    return text


def _plausible(value: float) -> float:
    """Refuse a number that is no chip's in any unit."""
    if not LEAST <= value <= LARGEST:
        raise ValueError(f"is {value!r}, expected {LEAST:g} to {LARGEST:g}")
    return value


def _dated(value: object) -> str:
    """Refuse what is neither a year nor an ISO date in quotes."""
    if not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ValueError(f"is {value!r}, expected a year or ISO date in quotes, as '2026-01-31'")
    return value


Words = Annotated[str, AfterValidator(_words)]
Date = Annotated[str, BeforeValidator(_dated)]


class Statement(Table):
    """Something published that is not a number, and where it comes from."""

    value: Words
    source: Words = Field(description="where it is published; says so where it is from memory")
    date: Date = Field(description="of the source, else when it was read: a year or ISO date")
    confidence: Confidence


class Figure(Table):
    """A published number in a base unit (GB is 10^9 B), and where it comes from."""

    value: Annotated[float, AfterValidator(_plausible)] = Field(gt=0, allow_inf_nan=False)
    unit: str = Field(description="the one that its key is in: see the kinds of figure below")
    source: Words = Field(description="where it is published; says so where it is from memory")
    date: Date = Field(description="of the source, else when it was read: a year or ISO date")
    confidence: Confidence


def _needs_unit(unit: str) -> AfterValidator:
    """A check that a figure is in `unit`."""

    def check(figure: Figure) -> Figure:
        if figure.unit != unit:
            raise ValueError(f"has the unit {figure.unit!r}, expected {unit!r} (G is 1e9)")
        return figure

    return AfterValidator(check)


def _whole(figure: Figure) -> Figure:
    """Refuse a fraction where things are counted."""
    if not figure.value.is_integer():
        raise ValueError(f"is {figure.value!r}, expected a whole number")
    return figure


# The kinds of figure; FLOP/s counts integer operations too, and "1" is a count of things.
Rate = Annotated[Figure, _needs_unit("FLOP/s")]
Bandwidth = Annotated[Figure, _needs_unit("B/s")]
Bytes = Annotated[Figure, _needs_unit("B")]
Watts = Annotated[Figure, _needs_unit("W")]
HourlyPrice = Annotated[Figure, _needs_unit("USD/h")]
Seconds = Annotated[Figure, _needs_unit("s")]
Nanometres = Annotated[Figure, _needs_unit("nm")]
SquareMillimetres = Annotated[Figure, _needs_unit("mm2")]
Count = Annotated[Figure, _needs_unit("1"), AfterValidator(_whole)]


def figures_in(table: BaseModel, prefix: str = "") -> dict[str, Figure | Statement]:
    """Every figure and statement under `table`, by its dotted key, in the order of the file."""
    figures: dict[str, Figure | Statement] = {}
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, Figure | Statement):
            figures[f"{prefix}{name}"] = value
        elif isinstance(value, BaseModel):
            figures |= figures_in(value, f"{prefix}{name}.")
    return figures
