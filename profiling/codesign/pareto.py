"""Pareto: latency against money per query, and per correct answer where accuracy was measured."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from ..economics.correct import per_correct
from ..record.codesign_search import ParetoPoint
from .costs import costs_of
from .draws import summary
from .point import MOST_SEQUENCES, fits, with_prompts
from .setting import Setting


def pareto_points(cases: Sequence[Setting]) -> list[ParetoPoint]:
    """Every batch that fits, a power of two of prompts, on every case's slice that has a price."""
    found = [point for case in cases for point in _points(case)]
    return [point.model_copy(update={"on_frontier": _best(point, found)}) for point in found]


def _points(case: Setting) -> list[ParetoPoint]:
    rate = case.usd_per_second
    if rate is None:
        return []
    lengths = case.query.lengths
    most = max(MOST_SEQUENCES / float(lengths.attempts), 1.0)
    rows = []
    for prompts in (2.0**n for n in range(int(math.log2(most)) + 1)):
        point = with_prompts(case.point, jnp.float32(prompts))
        if not bool(fits(point)):
            break
        latency = np.asarray(costs_of(point, case.draws).query_s, np.float64) * case.waves
        usd = latency / prompts * rate
        outcome = case.outcome
        accuracy = outcome.accuracy if outcome else None
        cost = summary(usd)
        rows.append(
            ParetoPoint(
                profile=case.profile,
                slice=case.slice.name,
                batch=prompts,
                attempts=float(lengths.attempts) * case.waves,
                think_tokens=float(lengths.think_tokens),
                latency_s=summary(latency),
                usd_per_query=cost,
                accuracy=accuracy,
                usd_per_correct=per_correct(cost, *outcome.share_of_problems)
                if outcome and accuracy is not None
                else None,
                on_frontier=False,
            )
        )
    return rows


def _best(point: ParetoPoint, others: Sequence[ParetoPoint]) -> bool:
    """Whether none of the same profile is faster and cheaper."""
    return not any(
        other.profile == point.profile
        and other.latency_s.median <= point.latency_s.median
        and other.usd_per_query.median <= point.usd_per_query.median
        and other is not point
        for other in others
    )
