"""A name out of a table, or the user's own number: with one sentence where it is neither."""

import math
from collections.abc import Iterable
from difflib import get_close_matches

from ..errors import ProfileInputError


def own_number(text: str, what: str, unit: str, at_least: float = 0.0) -> float | None:
    """`text` as the user's own figure; None where it is not a number.

    Raises ProfileInputError for a number below `at_least` or not finite.
    """
    try:
        number = float(text)
    except ValueError:
        return None
    if not (math.isfinite(number) and number >= at_least):
        raise ProfileInputError(f"{what} is {text}, expected {at_least:g} or more {unit}".rstrip())
    return number


def unknown(what: str, text: str, known: Iterable[str], or_else: str) -> ProfileInputError:
    """The error for a name that is in no table: near names where there are any, else all."""
    names = list(known)
    near = get_close_matches(text.lower(), names, n=4, cutoff=0.5) or names
    return ProfileInputError(f"unknown {what} {text!r}: expected {', '.join(near)}, or {or_else}")
