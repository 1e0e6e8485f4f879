"""Human units: three significant digits, a prefix from SI, and token counts in full digits.

1 GB is 10^9 bytes. Counts (tokens, steps) keep all their digits, so that '128 k' is never asked
to mean both 128,000 and 131,072.
"""

import math
import re

TIMES = "\N{MULTIPLICATION SIGN}"
_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")
_SMALL_TIMES = ((1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def significant(value: float, digits: int = 3) -> str:
    """`value` to `digits` significant digits, without an exponent; thousands are separated."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


def prefixed(value: float, unit: str) -> str:
    """`value` with an SI prefix: 1.07 GB, 269 MFLOP; below 1,000 the bare unit."""
    scaled, index = float(f"{value:.2e}"), 0  # rounded first: 999.6 M is 1.00 G
    while abs(scaled) >= 1000 and index < len(_PREFIXES) - 1:
        scaled, index = scaled / 1000, index + 1
    number = f"{scaled:.0f}" if index == 0 and scaled == int(scaled) else significant(scaled)
    return f"{number} {_PREFIXES[index]}{unit}".rstrip()


def bytes_(value: float) -> str:
    """1.07 GB."""
    return prefixed(value, "B")


def flops(value: float) -> str:
    """269 MFLOP."""
    return prefixed(value, "FLOP")


def bandwidth(value: float) -> str:
    """21.4 GB/s."""
    return prefixed(value, "B/s")


def flop_rate(value: float) -> str:
    """197 TFLOP/s."""
    return prefixed(value, "FLOP/s")


def seconds(value: float) -> str:
    """13.2 ms, 1.52 s, 21.4 min, 3.10 h."""
    rounded = float(f"{value:.2e}")
    if rounded >= 3600:
        return f"{significant(value / 3600)} h"
    if rounded >= 600:
        return f"{significant(value / 60)} min"
    if rounded >= 1 or rounded <= 0:
        return f"{significant(value)} s"
    for scale, unit in _SMALL_TIMES:
        if rounded >= scale:
            return f"{significant(value / scale)} {unit}"
    return f"{value:.1e} s"


def intensity_number(value: float) -> str:
    """0.50, 7.31, 24.3, 240: arithmetic intensity without its unit."""
    if 0.095 <= value < 0.9995:
        return f"{value:.2f}"
    return significant(value)


def intensity(value: float) -> str:
    """0.50 FLOP/B."""
    return f"{intensity_number(value)} FLOP/B"


def rate(value: float) -> str:
    """28.3 tok/s."""
    return f"{significant(value)} tok/s"


def share(value: float) -> str:
    """62 % for 0.62; one decimal below 10 %, and never a false 0 %."""
    percent = 100 * value
    if percent == 0:
        return "0 %"
    if abs(percent) < 0.1:
        return "<0.1 %"
    return f"{percent:.1f} %" if abs(percent) < 9.95 else f"{percent:.0f} %"


def count(value: float) -> str:
    """12,345: every digit."""
    return f"{value:,.0f}"


def ratio(value: float) -> str:
    """1.25 times, with the sign; ratios near one keep two decimals."""
    return (f"{value:.2f}" if 0.1 <= value < 9.995 else significant(value)) + TIMES


def span(low: str, high: str) -> str:
    """'696 to 729 ms' where both ends have one unit, '940 ms to 1.02 s' where not."""
    if low == high:
        return low
    number, _, unit = low.rpartition(" ")
    return f"{number} to {high}" if unit == high.rpartition(" ")[2] else f"{low} to {high}"


def tick(text: str) -> str:
    """'1 GB' for '1.00 GB': an axis writes round numbers without trailing zeros."""
    return re.sub(r"(\.\d*?)0+(?= |$)", r"\1", text).replace(". ", " ").rstrip(".")
