"""Money, energy and carbon as people read them, and intervals of any of them."""

from collections.abc import Callable

from ..records.base import Interval
from . import units

UNKNOWN = "unknown"


def usd(value: float) -> str:
    """$12.3, $0.00456; an exponent below a hundred-thousandth."""
    if value == 0 or abs(value) >= 1e-5:
        return f"${units.significant(value)}"
    return f"${value:.2e}"


def joules(value: float) -> str:
    """1.53 kJ, 24.0 mJ."""
    return _small(value, "J")


def grams(value: float) -> str:
    """3.20 g, 12.0 mg, 1.10 kg, of CO2e."""
    return _small(value, "g")


def _small(value: float, unit: str) -> str:
    """With a prefix of either direction."""
    if value and abs(value) < 1:
        for scale, prefix in ((1e-3, "m"), (1e-6, "µ")):
            if abs(value) >= scale:
                return f"{units.significant(value / scale)} {prefix}{unit}"
        return f"{value:.1e} {unit}"
    return units.prefixed(value, unit)


def median(interval: Interval | None, said: Callable[[float], str]) -> str:
    """The median; 'unknown' where there is none."""
    return UNKNOWN if interval is None else said(interval.median)


def bounds(interval: Interval | None, said: Callable[[float], str]) -> str:
    """'1.20 to 1.53 s', '$0.10 to $0.12'; '' where nothing is uncertain or known."""
    if interval is None or interval.low == interval.high:
        return ""
    return units.span(said(interval.low), said(interval.high))


def with_bounds(interval: Interval | None, said: Callable[[float], str]) -> str:
    """'1.31 s (1.20 to 1.53 s)'."""
    between = bounds(interval, said)
    return f"{median(interval, said)} ({between})" if between else median(interval, said)
