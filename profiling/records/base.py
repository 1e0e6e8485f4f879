"""What all parts of a record share, and a quantity that is known only within bounds."""

import math
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Record(BaseModel):
    """Base of every part of a record: immutable, strict about unknown fields, finite.

    A figure that follows from others (`computed_field`) is written with them, so that whoever
    reads the file need not know how; on reading it is derived anew, so that a file which was
    changed by hand does not contradict itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_derived(cls, data: object) -> object:
        derived = cls.model_computed_fields
        if not derived or not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in derived}


Count = Annotated[int, Field(ge=0)]
"""A number of things, or of bytes or FLOPs counted."""
Whole = Annotated[int, Field(ge=1)]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
"""A rate or a capacity, which something is divided by."""


class HbmBytes(Record):
    """Bytes that the algorithm must move between HBM and the chip, by kind."""

    weights: Count = Field(description="each weight read once a step; of the embedding, rows used")
    kv_read: Count = Field(description="cached keys and values read; a shared prompt once a step")
    kv_write: Count
    activations: Count = Field(description="inputs and results of each matmul, once each")

    @property
    def total(self) -> int:
        """All kinds together."""
        return self.weights + self.kv_read + self.kv_write + self.activations


BYTE_KINDS = tuple(HbmBytes.model_fields)
"""Names of the kinds, in their order."""


class Spread(Record):
    """Repeated measurements of one quantity."""

    median: Amount
    low: Amount = Field(description="smallest repeat")
    high: Amount = Field(description="largest repeat")
    repeats: list[Amount]


class Interval(Record):
    """A predicted quantity: the median, and the 80 % interval about it."""

    median: float
    low: float = Field(description="10 % quantile; the median itself where nothing is uncertain")
    high: float = Field(description="90 % quantile")

    def __mul__(self, times: float) -> "Interval":
        return Interval(median=self.median * times, low=self.low * times, high=self.high * times)

    def per(self, amount: float) -> "Interval | None":
        """`amount` over it, as tokens over seconds: a long time is a low rate. None where it may be
        0."""
        if min(self.low, self.median, self.high) <= 0:
            return None
        return Interval(median=amount / self.median, low=amount / self.high, high=amount / self.low)


def _not_negative(interval: Interval) -> Interval:
    if min(interval.low, interval.median, interval.high) < 0:
        raise ValueError("should not be below 0")
    return interval


Range = Annotated[Interval, AfterValidator(_not_negative)]
"""One of something that cannot be negative: a time, an energy, a factor."""


def percent(share: float, digits: int | None = None) -> str:
    """0.354 as '35 %': one decimal below 10 %, and never a false 0 %; or with `digits` decimals."""
    value = 100 * share + 0.0  # no negative zero
    if digits is None:
        if 0 < abs(value) < 0.1:
            return "<0.1 %" if value > 0 else "about 0 %"
        digits = 1 if 0 < abs(value) < 9.95 else 0
    return f"{value:.{digits}f} %"


def dtype_words(dtype: str, weights: str | None, group: int | None, kv: str | None) -> str:
    """'bfloat16, weights int4 in groups of 64, KV int8'."""
    grouped = f" in groups of {group}" if group else ""
    held = f", weights {weights}{grouped}" if weights else ""
    return f"{dtype}{held}{f', KV {kv}' if kv else ''}"


def size_text(amount_bytes: int) -> str:
    """'7.76 MB', of three digits."""
    exponent = int(f"{amount_bytes:.2e}".partition("e")[2])  # of what three digits show
    power = min(exponent // 3, 5)
    return f"{amount_bytes / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


def significant(value: float, digits: int = 3) -> str:
    """`value` to `digits` significant digits; thousands are separated. Only what has twenty digits
    or more has an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    if abs(value) >= 1e20:
        return f"{value:.{digits - 1}e}"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


TIMES = "\N{MULTIPLICATION SIGN}"


def ratio(value: float) -> str:
    """1.25 times, with the sign; ratios near one keep two decimals."""
    return (f"{value:.2f}" if 0.1 <= value < 9.995 else significant(value)) + TIMES
