"""Scales from data to pixels, with the ticks a reader expects."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Linear:
    """`low` lies at pixel `start`, `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of `value`."""
        span = self.high - self.low
        return self.start + (value - self.low) / (span or 1.0) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values (1, 2 or 5 times a power of ten) inside the scale."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        raw = span / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


@dataclass(frozen=True)
class Log:
    """A logarithmic scale; both ends must be above zero."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of `value`."""
        span = math.log10(self.high / self.low)
        along = math.log10(value / self.low) / (span or 1.0)
        return self.start + along * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten inside the scale."""
        first = math.ceil(math.log10(self.low) - 1e-9)
        last = math.floor(math.log10(self.high) + 1e-9)
        return [10.0**power for power in range(first, last + 1)]


def spaced(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near `wanted`, in its order, at least `gap` apart, inside low to high if they fit.

    For labels beside the ends of lines: pushed down from the top, then up from the bottom.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [max(wanted[i], low) for i in order]
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    if placed and placed[-1] > high:
        placed[-1] = high
        for k in range(len(placed) - 2, -1, -1):
            placed[k] = min(placed[k], placed[k + 1] - gap)
    found = [0.0] * len(wanted)
    for k, i in enumerate(order):
        found[i] = placed[k]
    return found


def rows_for(spans: list[tuple[float, float]]) -> list[int]:
    """A row for each horizontal span, the lowest where it overlaps no earlier one."""
    taken: list[list[tuple[float, float]]] = []
    rows = []
    for start, end in spans:
        row = 0
        while row < len(taken) and any(start < e and s < end for s, e in taken[row]):
            row += 1
        if row == len(taken):
            taken.append([])
        taken[row].append((start, end))
        rows.append(row)
    return rows
