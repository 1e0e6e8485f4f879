"""Intervals for what was counted by trials."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

RESAMPLES = 2000
SEED = 20_240_806
FEW = 10
"""Problems of which a bootstrap is not to be trusted."""


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson score interval (1927) of a share, 95 %; `trials` must be at least 1."""
    from scipy.special import ndtri  # as everywhere here: it takes a while to import

    z, share = float(ndtri(0.975)), successes / trials
    whole = 2 * (trials + z**2)
    centre = (2 * trials * share + z**2) / whole
    half = z / whole * sqrt(4 * trials * share * (1 - share) + z**2)
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half


def jeffreys_interval(successes: float, trials: int, tail: float) -> tuple[float, float]:
    """Jeffreys' interval of a share (Brown, Cai & DasGupta 2001), a chance of `tail` outside it on
    each side: 0.025 for 95 %."""
    from scipy.special import betaincinv

    right, wrong = successes + 0.5, trials - successes + 0.5
    return float(betaincinv(right, wrong, tail)), float(betaincinv(right, wrong, 1 - tail))


def mean_interval(per_problem: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval of the mean of figures from 0 to 1, one a problem (at least one).

    Attempts at one problem are not independent, so that the problem is what a bootstrap draws
    (Efron & Tibshirani 1993, chapter 8: resample the independent units). Wilson's where each
    problem is right or wrong, or all are alike; else a percentile bootstrap, which is too narrow
    for a few: there Jeffreys', as wide as if each problem were right or wrong.
    """
    values = np.asarray(per_problem, float)
    n, mean = len(values), float(values.mean())
    if np.isin(values, (0.0, 1.0)).all():
        return wilson_interval(int(values.sum()), n)
    if (values == values[0]).all():
        low, high = wilson_interval(round(mean * n), n)
        return min(low, mean), max(high, mean)
    if n < FEW:
        return jeffreys_interval(mean * n, n, 0.025)
    drawn = np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))
    low, high = map(float, np.quantile(values[drawn].mean(axis=1), (0.025, 0.975)))
    return low, high
