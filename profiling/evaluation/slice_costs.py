"""A query's and a correct answer's cost on a slice, from a prediction of all queries."""

from ..record import Amounts, Interval, Prediction
from ..record.evaluation import SliceCost


def slice_cost(prediction: Prediction, questions: int, correct: float) -> SliceCost:
    """`correct` of the `questions` that `prediction` is of were answered rightly (expected)."""
    assert prediction.economics is not None
    whole = prediction.economics.whole
    share = 1 / correct if correct else None
    return SliceCost(
        slice=prediction.slice,
        chip=prediction.chip,
        chips=prediction.chips,
        time_s=prediction.time_s * (1 / questions),
        amounts=_times(whole, 1 / questions),
        per_correct_s=prediction.time_s * share if share else None,
        per_correct=_times(whole, share) if share else None,
    )


def _times(amounts: Amounts, times: float) -> Amounts:
    def scaled(interval: Interval | None) -> Interval | None:
        return interval * times if interval else None

    return Amounts(
        usd=scaled(amounts.usd), wall_j=scaled(amounts.wall_j), gco2e=scaled(amounts.gco2e)
    )
