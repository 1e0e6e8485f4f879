"""A quantity that is known only within bounds."""

from pydantic import Field

from .base import Record


class Interval(Record):
    """A predicted quantity: the median, and the 80 % interval about it."""

    median: float
    low: float = Field(description="10 % quantile; the median itself where nothing is uncertain")
    high: float = Field(description="90 % quantile")

    def __mul__(self, times: float) -> "Interval":
        return Interval(median=self.median * times, low=self.low * times, high=self.high * times)
