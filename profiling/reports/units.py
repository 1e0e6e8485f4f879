"""Numbers as people read them: three significant digits, one scale a column, and intervals.

1 GB is 10^9 bytes. Counts (tokens, steps) keep all their digits, so that '128 k' is never asked
to mean both 128,000 and 131,072. Each `Unit` writes one value when called, `seconds(0.0132)` is
'13.2 ms'; `for_column` picks the one scale that suits all values of a column.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..records import base
from ..records.base import Interval

Text = Callable[[float], str]

TIMES = base.TIMES
significant = base.significant
ratio = base.ratio
_WIDEST = 1e5  # largest over smallest value from which one scale no longer suits a column
_SMALLEST = 0.0095  # of a column's scale, under which a smaller one is taken
_ENDING = re.compile(r"(.*?)(_per_.*|_wall_j|_[a-z0-9]+)?$")  # 'time' '_s', 'usd' '_per_query'
_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


@dataclass(frozen=True)
class Scale:
    """One scale of a unit: values are divided by `factor`, and use it from `start` on."""

    factor: float
    suffix: str
    start: float
    prefix: str = ""
    whole: bool = False  # whole numbers below 1,000 keep their digits: 12 B
    times: str = ""  # so many together, which a column's heading can say: '1,000', 'million'

    def write(self, value: float) -> str:
        """The value on this scale."""
        scaled = value / self.factor
        whole = self.whole and abs(scaled) < 1000 and scaled == int(scaled)
        number = f"{scaled:.0f}" if whole else significant(scaled)
        sign = "-" if number.startswith("-") else ""
        return f"{sign}{self.prefix}{number.removeprefix('-')}{self.suffix}".rstrip()


@dataclass(frozen=True)
class Unit:
    """A unit with its scales, the smallest first."""

    scales: tuple[Scale, ...]

    def __call__(self, value: float) -> str:
        """The value on the scale that suits it."""
        return self._scale(float(f"{abs(value):.2e}")).write(value)  # 999.6 M is 1.00 G

    def for_column(self, values: Iterable[float]) -> Text:
        """What writes all of `values` on one scale; each on its own where they differ too much."""
        scale = self.scale_for(values)
        return scale.write if scale else self

    def scale_for(self, values: Iterable[float]) -> Scale | None:
        """The one scale of a column of `values`; None where they differ too much for one."""
        sizes = [abs(v) for v in values if v and math.isfinite(v)]
        if not sizes or max(sizes) > _WIDEST * min(sizes):
            return None
        largest = self._scale(float(f"{max(sizes):.2e}"))
        fitting = [s for s in self.scales if min(sizes) >= _SMALLEST * s.factor]
        return next((s for s in reversed(fitting) if s.factor <= largest.factor), self.scales[0])

    def _scale(self, size: float) -> Scale:
        if size == 0:
            return min(self.scales, key=lambda scale: abs(math.log(scale.factor)))
        return next((s for s in reversed(self.scales) if size >= s.start), self.scales[0])


def _prefixed(symbol: str, down: tuple[str, ...] = ()) -> Unit:
    """SI prefixes from 1 up, and those named in `down` (of thousandths, millionths ...)."""
    powers = [(1000.0**i, p) for i, p in enumerate(_PREFIXES)]
    small = [(1000.0 ** -(i + 1), p) for i, p in enumerate(down)]
    scales = [Scale(f, f" {p}{symbol}", f, whole=f == 1) for f, p in sorted([*small, *powers])]
    return Unit(tuple(scales))


bytes_ = _prefixed("B")
"""1.07 GB."""
flops = _prefixed("FLOP")
"""269 MFLOP."""
operations = _prefixed("op")
"""35.1 Mop."""
bandwidth = _prefixed("B/s")
"""21.4 GB/s."""
flop_rate = _prefixed("FLOP/s")
"""197 TFLOP/s."""
joules = _prefixed("J", ("m", "µ", "n"))
"""1.53 kJ, 24.0 mJ."""
grams = _prefixed("g", ("m", "µ", "n"))
"""3.20 g, 12.0 mg, 1.10 kg, of CO2e."""
watts = _prefixed("W")
"""246 W."""
_TIMES = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1, "s"), (60, "min"), (3600, "h"))
seconds = Unit(
    tuple(Scale(factor, f" {name}", 600 if name == "min" else factor) for factor, name in _TIMES)
)
"""13.2 ms, 1.52 s, 21.4 min, 3.10 h."""
dollars = Unit((Scale(1, "", 0, "$"),))
"""$12.3, $0.00218, $0.00000512: of a whole that is paid."""
_MILLIONTHS, _THOUSANDTHS = (
    Scale(1e-6, " per million", 1e-9, "$", times="million"),
    Scale(1e-3, " per 1,000", 1e-3, "$", times="1,000"),
)
usd = Unit((_MILLIONTHS, _THOUSANDTHS, Scale(1, "", 1e-2, "$")))
"""$12.3, $0.0456; below a cent by the thousand or the million: '$5.12 per million'."""


def prefixed(value: float, symbol: str) -> str:
    """`value` with an SI prefix and a unit of the caller's."""
    return _prefixed(symbol)(value)


def parameters(value: float) -> str:
    """'161 k parameters', '8.03 B parameters' (billions)."""
    return f"{_prefixed('')(value).replace(' G', ' B')} parameters"


def usd_per(value: float, noun: str, plural: str = "") -> str:
    """'$0.0123 per query', '$5.12 per million queries'."""
    text = usd(value)
    if " per " not in text:
        return f"{text} per {noun}"
    return f"{text} {plural or f'{noun}s'}"


def by_the(times: str, title: str) -> str:
    """'cost per query' by the 'million' is 'cost per million queries'."""

    def several(found: re.Match[str]) -> str:
        noun = found.group(1)
        return f"per {times} {noun[:-1]}ies" if noun.endswith("ry") else f"per {times} {noun}s"

    text, found = re.subn(r"\bper (correct answer|solved problem|\w+)", several, title, count=1)
    return text if found else f"{title}, per {times}"


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
    """62 % for 0.62, 3.1 % for 0.031."""
    return base.percent(value)


def percent(value: float) -> str:
    """'82.5 %': accuracies, with a decimal whatever their size."""
    return base.percent(value, 1)


def change(value: float) -> str:
    """A share with its sign: '+14 %', '-0.3 %', 'about 0 %'."""
    if value and abs(value) < 1e-3:
        return "about 0 %"
    return f"{'+' if value > 0 else ''}{share(value)}"


def count(value: float) -> str:
    """12,345: every digit."""
    return f"{value:,.0f}"


def plural(number: int, noun: str) -> str:
    """'1 prompt', '4 prompts'."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def span(low: str, high: str) -> str:
    """'696 to 729 ms' where both ends have one unit, '940 ms to 1.02 s' where not."""
    if low == high:
        return low
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if unit == high.partition(" ")[2] else f"{low} to {high}"


def bounds(interval: Interval | None, text: Text) -> str:
    """'1.20 to 1.53 s', '$0.10 to $0.12'; '' where nothing is uncertain or known."""
    if interval is None or interval.low == interval.high:
        return ""
    write = _one_scale(interval, text)
    return span(write(interval.low), write(interval.high))


def with_bounds(interval: Interval | None, text: Text) -> str:
    """'1.31 s (1.20 to 1.53 s)'; 'unknown' where there is none."""
    if interval is None:
        return "unknown"
    write = _one_scale(interval, text)
    between, middle = bounds(interval, write), write(interval.median)
    return f"{middle} ({between})" if between not in ("", middle) else middle


def _one_scale(interval: Interval, text: Text) -> Text:
    """A unit's scale that suits the median and both ends."""
    if isinstance(text, Unit):
        return text.for_column([interval.median, interval.low, interval.high])
    return text


def tick(text: str) -> str:
    """'1 GB' for '1.00 GB': an axis writes round numbers without trailing zeros."""
    return re.sub(r"(\.\d*?)0+(?= |$)", r"\1", text).replace(". ", " ").rstrip(".")


def interval_names(name: str) -> tuple[str, str, str]:
    """Of an interval's three columns: 'time_s', 'time_low_s' and 'time_high_s'."""
    stem, unit = _ENDING.match(name).groups("")  # type: ignore[union-attr]  # it matches any name
    return name, f"{stem}_low{unit}", f"{stem}_high{unit}"
