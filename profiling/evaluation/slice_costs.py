"""A query's and a correct answer's cost on a slice, from a prediction of all queries."""

from collections.abc import Callable

from ..economics.correct import per_correct
from ..record import Amounts, Interval, Prediction
from ..record.evaluation import SliceCost


def slice_cost(prediction: Prediction, queries: int, share: float, problems: int) -> SliceCost:
    """Of one of the `queries` that `prediction` is of, and of a correct answer, where the `share`
    that is right was seen on so many `problems`."""
    assert prediction.economics is not None
    time_s = prediction.time_s * (1 / queries)
    amounts = _each(prediction.economics.whole, lambda whole: whole * (1 / queries))
    right = _each(amounts, lambda cost: per_correct(cost, share, problems))
    return SliceCost(
        slice=prediction.slice,
        chip=prediction.chip,
        chips=prediction.chips,
        time_s=time_s,
        amounts=amounts,
        per_correct_s=per_correct(time_s, share, problems),
        per_correct=right if share else None,
    )


def _each(amounts: Amounts, change: Callable[[Interval], Interval | None]) -> Amounts:
    def changed(interval: Interval | None) -> Interval | None:
        return change(interval) if interval else None

    return Amounts(
        usd=changed(amounts.usd), wall_j=changed(amounts.wall_j), gco2e=changed(amounts.gco2e)
    )
