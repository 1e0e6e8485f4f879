"""Cost of a correct answer: a query's cost over the share of right answers, both uncertain."""

from math import exp, hypot, log

from scipy.stats import beta

from ..record import Interval


def per_correct(cost: Interval, share: float, problems: int) -> Interval | None:
    """`cost` of a query over the `share` of `problems` that were answered rightly, from 0 to 1;
    None where none was.

    The 80 % interval joins that of the cost with Jeffreys' of the share (Brown, Cai & DasGupta
    2001): they are independent, so that their widths in logarithms add in squares, on each side
    by itself.
    """
    if share <= 0:
        return None
    if cost.low <= 0:  # what costs nothing has no width to join
        return cost * (1 / share)
    right = share * problems
    least, most = beta.ppf([0.1, 0.9], right + 0.5, problems - right + 0.5)
    more = hypot(log(cost.high / cost.median), log(share / min(least, share)))
    less = hypot(log(cost.median / cost.low), log(max(most, share) / share))
    median = cost.median / share
    return Interval(median=median, low=median * exp(-less), high=median * exp(more))
