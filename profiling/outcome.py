"""What was answered, how long the attempts thought, and how many answers were right."""

from collections.abc import Sequence
from statistics import fmean

from ..model.generation.attempt import Answered, Attempt
from ..model.generation.stopping import Stop
from ..model.tokenizer import Tokenizer
from .records import Length, Outcome, Sample
from .records.profile import StopReason
from .statistics import mean_interval
from .workload import Plan

SAMPLES = 3

_REASONS: dict[Stop, StopReason] = {
    Stop.THINKING: "limit",  # a limit on the whole question came first
    Stop.MARKER: "marker",
    Stop.BUDGET: "budget",
    Stop.END_OF_SEQUENCE: "end_of_sequence",
    Stop.CONFIDENT: "confident",
    Stop.LIMIT: "limit",
    Stop.PRUNED: "pruned",
}


def outcome_of(planned: Plan, answered: Sequence[Answered], tokenizer: Tokenizer | None) -> Outcome:
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


def _length(attempt: Attempt) -> Length:
    return Length(
        prompt=attempt.question,
        think_tokens=len(attempt.thought),
        answer_tokens=len(attempt.answer),
        stop_reason=_REASONS[attempt.stop],
    )


def _samples(
    planned: Plan, answered: Sequence[Answered], tokenizer: Tokenizer
) -> list[list[Sample]]:
    """The attempts of each prompt that are its answers."""
    if planned.plain:
        return [[_sample(planned, a, tokenizer) for a in answer.attempts] for answer in answered]
    return [
        [_sample(planned, answer.attempts[answer.chosen], tokenizer, answer.answer is not None)]
        for answer in answered
    ]


def _sample(planned: Plan, attempt: Attempt, tokenizer: Tokenizer, answers: bool = True) -> Sample:
    problem = planned.request.problems[attempt.question]
    right = problem.check(attempt.text)
    return Sample(
        prompt=problem.question,
        thought=tokenizer.decode(attempt.thought),
        answer=attempt.text,
        expected=problem.expected,
        correct=None if right is None else right and answers,
    )
