"""What was answered, how long the attempts thought, and how many answers were right, how surely."""

from collections.abc import Sequence
from functools import reduce
from math import sqrt
from operator import add
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from ..model.generation.attempt import Answered, Attempt
from ..model.generation.pass_log import PassLog
from ..model.generation.stopping import Stop
from ..model.strategies.base import Strategy
from ..model.tokenizer import Tokenizer
from .records import Length, Outcome, Sample
from .records.lenses import Acceptance, DraftPlace
from .records.profile import StopReason

if TYPE_CHECKING:
    from .workload import Plan

SAMPLES = 3

RESAMPLES = 2000
SEED = 20_240_806
FEW = 10
"""Problems of which a bootstrap is not to be trusted."""

_REASONS: dict[Stop, StopReason] = {
    Stop.THINKING: "limit",  # a limit on the whole question came first
    Stop.MARKER: "marker",
    Stop.BUDGET: "budget",
    Stop.END_OF_SEQUENCE: "end_of_sequence",
    Stop.CONFIDENT: "confident",
    Stop.LIMIT: "limit",
    Stop.PRUNED: "pruned",
}


def outcome_of(
    planned: "Plan", answered: Sequence[Answered], tokenizer: Tokenizer | None
) -> Outcome:
    """Lengths of all attempts that were made, discarded ones too, and the accuracy of the answers,
    where they can be checked: the one that a strategy chose for each prompt, or every attempt's.

    Attempts at one prompt are not independent: the interval takes each prompt as one observation.
    """
    samples = _samples(planned, answered, tokenizer) if tokenizer else []
    checked = [[s.correct for s in row if s.correct is not None] for row in samples]
    shares = [fmean(row) for row in checked if row]
    correct, total = sum(map(sum, checked)), sum(map(len, checked))
    low, high = mean_interval(shares) if shares else (None, None)
    lengths = [
        _length(attempt) for answer in answered if not answer.cached for attempt in answer.attempts
    ]
    return Outcome(
        attempts=len(lengths),
        answers=None if planned.plain else len(answered),
        correct=correct if shares else None,
        accuracy=correct / total if shares else None,
        accuracy_low=low,
        accuracy_high=high,
        lengths=lengths,
        samples=[row[0] for row in samples][:SAMPLES],
    )


def acceptance_of(strategy: Strategy, logs: Sequence[PassLog]) -> Acceptance | None:
    """Drafts that were kept, of all batches together; None where nothing drafted."""
    found = [log.acceptance for log in logs if log.acceptance is not None]
    if not found:
        return None
    counts = reduce(add, found)
    columns = zip(counts.proposed, counts.judged, counts.kept, strict=True)
    return Acceptance(
        draft=str(strategy.settings["draft"]),
        checks=counts.checks,
        places=[
            DraftPlace(place=place, proposed=int(proposed), judged=int(judged), kept=int(kept))
            for place, (proposed, judged, kept) in enumerate(columns, start=1)
        ],
    )


def _length(attempt: Attempt) -> Length:
    return Length(
        prompt=attempt.question,
        think_tokens=len(attempt.thought),
        answer_tokens=len(attempt.answer),
        stop_reason=_REASONS[attempt.stop],
    )


def _samples(
    planned: "Plan", answered: Sequence[Answered], tokenizer: Tokenizer
) -> list[list[Sample]]:
    """The attempts of each prompt that are its answers."""
    if planned.plain:
        return [[_sample(planned, a, tokenizer) for a in answer.attempts] for answer in answered]
    return [
        [_sample(planned, answer.attempts[answer.chosen], tokenizer, answer.answer is not None)]
        for answer in answered
    ]


def _sample(
    planned: "Plan", attempt: Attempt, tokenizer: Tokenizer, answers: bool = True
) -> Sample:
    problem = planned.request.problems[attempt.question]
    right = problem.check(attempt.text, attempt.after_cue)
    return Sample(
        prompt=problem.question,
        thought=tokenizer.decode(attempt.thought),
        answer=attempt.text,
        expected=problem.expected,
        correct=None if right is None else right and answers,
    )


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
