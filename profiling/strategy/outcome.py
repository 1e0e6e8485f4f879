"""What a strategy answered, how long its attempts thought, and how many answers were right."""

from collections.abc import Sequence

from ...model.generation.attempt import Answered, Attempt, Stop
from ...model.tokenizer import Tokenizer
from ..outcome import SAMPLES
from ..records import Length, Outcome, Sample
from ..statistics import wilson_interval
from ..workload import Plan


def strategy_outcome(planned: Plan, answered: Sequence[Answered], tokenizer: Tokenizer) -> Outcome:
    """Lengths of all attempts that were made, discarded ones too, and the accuracy of the answers
    that were chosen, one a prompt, where they can be checked."""
    samples = [_sample(planned, each, tokenizer) for each in answered]
    checked = [sample.correct for sample in samples if sample.correct is not None]
    correct = sum(checked)
    low, high = wilson_interval(correct, len(checked)) if checked else (None, None)
    lengths = [
        _length(attempt) for each in answered if not each.cached for attempt in each.attempts
    ]
    return Outcome(
        attempts=len(lengths),
        answers=len(answered),
        correct=correct if checked else None,
        accuracy=correct / len(checked) if checked else None,
        accuracy_low=low,
        accuracy_high=high,
        lengths=lengths,
        samples=samples[:SAMPLES],
    )


def _length(attempt: Attempt) -> Length:
    stop = Stop.LIMIT if attempt.stop is Stop.THINKING else attempt.stop
    return Length(
        prompt=attempt.question,
        think_tokens=len(attempt.thought),
        answer_tokens=len(attempt.answer),
        stop_reason=stop.name.lower(),  # type: ignore[arg-type]
    )


def _sample(planned: Plan, answered: Answered, tokenizer: Tokenizer) -> Sample:
    problem, chosen = (
        planned.request.problems[answered.question],
        answered.attempts[answered.chosen],
    )
    right = problem.check(chosen.text)
    return Sample(
        prompt=problem.question,
        thought=tokenizer.decode(chosen.thought),
        answer=chosen.text,
        expected=problem.expected,
        correct=None if right is None else right and answered.answer is not None,
    )
