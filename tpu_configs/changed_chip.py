"""A chip with some of its figures set to others: 'memory.bandwidth=2x', 'memory.capacity=192GB'."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches

from pydantic import ValidationError

from .chip import Chip
from .figure import Figure, figures_in
from .input_errors import ChipInputError
from .toml_files import sentence

SOURCE = "set on the command line"
_CHANGE = re.compile(r"\s*([\w.]+)\s*=\s*([\d.]+(?:e[+-]?\d+)?)\s*(\S.*?)?\s*", re.ASCII | re.I)
_PREFIXES = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
             "P": 1e15, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}  # fmt: skip


def with_figures(chip: Chip, changes: Sequence[str]) -> Chip:
    """`chip` with each 'KEY=AMOUNT' in place of the figure at that dotted key, as `figures_in` and
    `rooflink chips NAME` name it.

    AMOUNT is a multiple of the chip's own figure ('2x'), or a figure in its key's unit, with a
    prefix ('3.2TB/s', '192 GiB') or without ('3.2e12'). Its source is `SOURCE`, its confidence
    'claimed'. Raises ChipInputError for a key that the chip has no figure at, what is no amount,
    and an amount that the chip file could not have either.
    """
    table = chip.model_dump(exclude_none=True)
    for change in changes:
        key, amount, unit = _parts(change)
        own = _figure_at(chip, key)
        figure = {
            "value": _value(own, amount, unit, change),
            "unit": own.unit,
            "source": SOURCE,
            "date": datetime.now(UTC).date().isoformat(),
            "confidence": "claimed",
        }
        *tables, last = key.split(".")
        inner = table
        for name in tables:
            inner = inner[name]
        inner[last] = figure
    try:
        return Chip.model_validate(table)
    except ValidationError as error:
        raise ChipInputError(f"{chip.name} as set: {sentence(error.errors()[0])}") from None


def _parts(change: str) -> tuple[str, float, str]:
    """Key, number and what follows it: 'x', a unit or ''."""
    if (match := _CHANGE.fullmatch(change)) is not None:
        try:
            return match[1], float(match[2]), match[3] or ""
        except ValueError:
            pass
    raise ChipInputError(
        f"{change[:80]!r} sets no figure: expected KEY=2x or KEY=FIGURE, such as "
        "memory.bandwidth=3.2TB/s"
    )


def _figure_at(chip: Chip, key: str) -> Figure:
    known = {name: each for name, each in figures_in(chip).items() if isinstance(each, Figure)}
    if key not in known:
        near = get_close_matches(key[:80], known, n=3, cutoff=0.4) or ["memory.bandwidth"]
        raise ChipInputError(
            f"{chip.name} has no figure {key[:80]!r} to set: expected {', '.join(near)} or another "
            "that `rooflink chips NAME` lists"
        )
    return known[key]


def _value(own: Figure, amount: float, unit: str, change: str) -> float:
    """In the figure's own unit."""
    if unit in ("x", "\N{MULTIPLICATION SIGN}"):
        return own.value * amount
    units = {f"{prefix}{own.unit.replace('1', '')}": factor for prefix, factor in _PREFIXES.items()}
    if unit and unit not in units:
        raise ChipInputError(
            f"{change[:80]!r} is not in {own.unit}: expected a multiple such as 2x, a number of "
            f"{own.unit}, or one with a prefix, 'T{own.unit}'"
        )
    return amount * units.get(unit, 1.0)
