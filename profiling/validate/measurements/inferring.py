"""Sizes that a table does not have: gating, tied tables and experts, from stated parameters.

The choice is the one whose parameters come nearest to the stated number.
"""

import itertools
from dataclasses import replace

from ...predict.sizes import Sizes
from .table import LeftOutError

MOST_TOTAL_ERROR = 0.1
"""Stated parameters may be this far from those of the sizes: totals are rounded."""


def inferred(sizes: Sizes, total: float | None, active: float | None) -> Sizes:
    """`sizes` with gating, tying and experts chosen by stated parameters, where there are any.

    Raises LeftOutError where no choice comes near.
    """
    if total is None:
        return sizes
    choices = [
        replace(sizes, gated=gated, tied=tied)
        for gated, tied in itertools.product((True, False), (False, True))
    ]
    if active is not None and active < 0.9 * total:
        choices = [_mixture(each, total, active) for each in choices if each.gated]
    best = min(choices, key=lambda each: abs(each.parameters - total))
    if abs(best.parameters / total - 1) > MOST_TOTAL_ERROR:
        raise LeftOutError(
            f"the sizes make {best.parameters / 1e9:.3g} billion parameters, not the stated "
            f"{total / 1e9:.3g}"
        )
    return best


def _mixture(sizes: Sizes, total: float, active: float) -> Sizes:
    """With as many experts as the stated totals are over what every token visits."""
    rest = replace(sizes, experts=0).parameters
    one = sizes.layers * sizes.expert_parameters
    return replace(
        sizes,
        experts=max(round((total - rest) / one), 1),
        experts_per_token=max(round((active - rest) / one), 1),
    )
