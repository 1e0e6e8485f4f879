"""What the attempts said, and how many were right."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from ..model.generate import Attempt
from ..model.tokenizer import Tokenizer
from .records import Length, Outcome, Sample
from .statistics import mean_interval
from .workload import Plan

SAMPLES = 3


def outcome_of(plan: Plan, attempts: list[Attempt], tokenizer: Tokenizer | None) -> Outcome:
    """Lengths of all attempts, words of the first few, and accuracy where it can be checked.

    Attempts at one prompt are not independent: the interval takes each prompt as one observation.
    """
    samples = [_sample(plan, attempt, tokenizer) for attempt in attempts] if tokenizer else []
    checked = [sample.correct for sample in samples if sample.correct is not None]
    correct = sum(checked)
    low, high = mean_interval(_share_right(attempts, samples)) if checked else (None, None)
    return Outcome(
        attempts=len(attempts),
        correct=correct if checked else None,
        accuracy=correct / len(checked) if checked else None,
        accuracy_low=low,
        accuracy_high=high,
        lengths=[
            Length(
                prompt=attempt.prompt,
                think_tokens=len(attempt.thought),
                answer_tokens=len(attempt.answer),
                stop_reason=attempt.stop_reason.name.lower(),  # type: ignore[arg-type]
            )
            for attempt in attempts
        ],
        samples=_first_of_each_prompt(samples, plan.request.attempts)[:SAMPLES],
    )


def _share_right(attempts: Sequence[Attempt], samples: Sequence[Sample]) -> list[float]:
    """The share of right attempts of each prompt that can be checked."""
    checked = defaultdict(list)
    for attempt, sample in zip(attempts, samples, strict=True):
        if sample.correct is not None:
            checked[attempt.prompt].append(sample.correct)
    return [fmean(right) for right in checked.values()]


def _first_of_each_prompt(samples: list[Sample], attempts: int) -> list[Sample]:
    return samples[::attempts]


def _sample(plan: Plan, attempt: Attempt, tokenizer: Tokenizer) -> Sample:
    problem = plan.request.problems[attempt.prompt]
    answer = tokenizer.decode(attempt.answer)
    return Sample(
        prompt=problem.question,
        thought=tokenizer.decode(attempt.thought),
        answer=answer,
        expected=problem.expected,
        correct=problem.check(answer),
    )
