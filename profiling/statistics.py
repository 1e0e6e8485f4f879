"""Intervals for what was counted by trials."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta, binomtest

RESAMPLES = 2000
SEED = 20_240_806
FEW = 10
"""Problems of which a bootstrap is not to be trusted."""


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson score interval (1927) of a share, 95 %; `trials` must be at least 1."""
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


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
        low, high = map(float, beta.ppf((0.025, 0.975), mean * n + 0.5, n - mean * n + 0.5))
        return low, high
    drawn = np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))
    low, high = map(float, np.quantile(values[drawn].mean(axis=1), (0.025, 0.975)))
    return low, high
