"""Draws of what is not known: more of them from the fit's, spread evenly, and what they say.

Of any number of draws the first is the mode; the others are two halves, the second the first's
mirror image about the mode. What rises or falls with every parameter has its median at the mode
then, however few the draws and whatever their order.

All of it is the same on every platform and with every NumPy: an order comes from the raw bits of a
generator, which NumPy never changes (NEP 19), not from its shuffles, which it may.
"""

import math
import zlib
from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np

from ..records.base import Interval

TURNS, FEW_TURNS = 4, 1
"""Sets of draws that are made of each of the fit's, its own among them; few for what is predicted
by the thousand, where an 80 % interval needs no more."""
LOW, HIGH = 0.1, 0.9
RULE_OF_THREE = 3.0
"""What happened in none of n draws has a share below 3 / n, as 95 of 100 times nothing happens is
all that such a share would let one see (Hanley & Lippman-Hand 1983)."""


def multiplied(drawn: np.ndarray, turns: int = TURNS) -> np.ndarray:
    """[1 + 2 * turns * n] from the [1 + n] `drawn` of a normal distribution about the first one.

    Sums of independent draws from one normal distribution, with weights whose squares sum to one,
    are draws from it too: the draws turned by an orthogonal matrix, here that of the cosine
    transform, once, twice and so on. The same matrix turns every parameter, so that what varies
    together does so still. Variances stay those of the n draws.
    """
    sets = [drawn[1:] - drawn[0]]
    for _ in range(turns - 1):
        sets.append(_cosines(len(sets[0])) @ sets[-1])
    apart = np.concatenate(sets)
    return np.concatenate(([drawn[0]], drawn[0] + apart, drawn[0] - apart))


@cache
def _cosines(count: int) -> np.ndarray:
    """The orthogonal matrix of the discrete cosine transform [count, count]."""
    rows, columns = np.indices((count, count))
    matrix = np.sqrt(2 / count) * np.cos(np.pi * rows * (columns + 0.5) / count)
    matrix[0] /= np.sqrt(2)
    return matrix


@lru_cache(maxsize=1024)  # groups are named by users too
def normals(count: int, seed_words: str) -> np.ndarray:
    """Zero, then `count` - 1 standard normals at evenly spread quantiles, in an order and with
    signs of their own, the second half the mirror image of the first."""
    upper = _upper_normals(count - 1)
    bits = np.random.PCG64(zlib.crc32(seed_words.encode())).random_raw(len(upper))
    signs = np.where(bits % 2 == 0, 1.0, -1.0)
    first = (upper * signs)[np.argsort(bits, kind="stable")]
    middle = [0.0] * (1 + (count - 1) % 2)
    drawn = np.concatenate((middle, first, -first))
    drawn.flags.writeable = False  # whoever asks again gets the same array
    return drawn


@cache
def _upper_normals(count: int) -> np.ndarray:
    """The larger half of so many standard normals at evenly spread quantiles."""
    normal, half = NormalDist(), count // 2
    return np.array([normal.inv_cdf((count - n - 0.5) / count) for n in range(half)])


def interval(drawn: np.ndarray) -> Interval:
    """Median and 80 % interval of draws."""
    in_order = np.sort(drawn).tolist()
    low, median, high = (_quantile(in_order, share) for share in (LOW, 0.5, HIGH))
    return Interval(median=median, low=low, high=high)


def _quantile(in_order: list[float], share: float) -> float:
    """np.quantile's of sorted numbers, in a hundredth of its time."""
    rank = share * (len(in_order) - 1)
    below = int(rank)
    low, high = in_order[below], in_order[min(below + 1, len(in_order) - 1)]
    return low + (rank - below) * (high - low)


def probability(holds: np.ndarray) -> float:
    """Share of the draws for which something holds, no nearer to none or to all of them than so
    many can tell; the mode is no draw where there are others."""
    others = holds[1:] if len(holds) > 1 else holds
    least = _least(len(others))
    return float(np.clip(others.mean(), least, 1 - least))


def likely(odds: float, draws: int) -> str:
    """'about 65 % likely', to a twentieth in the middle, as hundreds of draws can tell; 'over 99 %
    likely' where no draw says otherwise."""
    least = _least(draws)
    if odds >= 1 - least:
        return f"over {math.floor(100 * (1 - least))} % likely"
    if odds <= least:
        return f"under {math.ceil(100 * least)} % likely"
    step = 1 if min(odds, 1 - odds) < 0.05 else 5
    return f"about {step * round(100 * odds / step)} % likely"


def _least(draws: int) -> float:
    return min(RULE_OF_THREE / draws, 0.5)
