"""What a correct answer costs, and how sure that is."""

from math import exp, log

import numpy as np
import pytest

from rooflink.profiling.predicted.economics import per_correct
from rooflink.profiling.records.base import Interval

CERTAIN = Interval(median=2.0, low=2.0, high=2.0)


def test_a_certain_cost_has_the_interval_of_the_share() -> None:
    """4 of 10: the 10 and 90 % quantiles of beta(4.5, 6.5), by drawing from it."""
    found = per_correct(CERTAIN, 0.4, 10)
    assert found is not None
    drawn = np.random.default_rng(0).beta(4.5, 6.5, 1_000_000)
    least, most = np.quantile(drawn, (0.1, 0.9))
    assert found.median == pytest.approx(5.0)
    assert found.low == pytest.approx(2.0 / most, rel=2e-3)
    assert found.high == pytest.approx(2.0 / least, rel=2e-3)


def test_many_problems_leave_the_interval_of_the_cost() -> None:
    found = per_correct(Interval(median=2.0, low=1.0, high=6.0), 0.5, 10_000_000)
    assert found is not None
    assert (found.median, found.low, found.high) == pytest.approx((4.0, 2.0, 12.0), rel=1e-3)


def test_independent_widths_add_in_squares() -> None:
    """Of a log-normal cost and a share of many problems, against a million draws of both."""
    spread, n = 0.3, 2000
    z = 1.2815515655446004  # 90 % quantile of a normal
    cost = Interval(median=1.0, low=exp(-z * spread), high=exp(z * spread))
    found = per_correct(cost, 0.05, n)
    assert found is not None
    rng = np.random.default_rng(1)
    drawn = np.exp(rng.normal(0, spread, 10**6)) / rng.beta(100.5, 1900.5, 10**6)
    low, high = np.quantile(drawn, (0.1, 0.9))
    assert (log(found.low), log(found.high)) == pytest.approx((log(low), log(high)), abs=0.01)


def test_all_right_is_still_uncertain_on_one_side() -> None:
    found = per_correct(CERTAIN, 1.0, 16)
    assert found is not None
    assert found.low == found.median == 2.0
    assert found.high > 2.0


def test_no_right_answer_has_no_cost_and_no_price_has_no_width() -> None:
    assert per_correct(CERTAIN, 0.0, 16) is None
    free = Interval(median=0.0, low=0.0, high=0.0)
    assert per_correct(free, 0.5, 16) == free
