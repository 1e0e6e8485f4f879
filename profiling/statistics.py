"""Intervals for what was counted by trials."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 2000
SEED = 20_240_806


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson score interval (1927) of a share, 95 %; `trials` must be at least 1."""
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(per_problem: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval of the mean of figures from 0 to 1, one a problem (at least one).

    Attempts at one problem are not independent, so that the problem is what a bootstrap draws
    (Efron & Tibshirani 1993, chapter 8: resample the independent units). Wilson's where each
    problem is right or wrong, or all are alike; else a percentile bootstrap.
    """
    values = np.asarray(per_problem, float)
    n, mean = len(values), float(values.mean())
    if np.isin(values, (0.0, 1.0)).all():
        return wilson_interval(int(values.sum()), n)
    if (values == values[0]).all():
        low, high = wilson_interval(round(mean * n), n)
        return min(low, mean), max(high, mean)
    drawn = np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))
    low, high = map(float, np.quantile(values[drawn].mean(axis=1), (0.025, 0.975)))
    return low, high
