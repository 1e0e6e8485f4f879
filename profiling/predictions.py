"""A profile's predictions: its workload on the slices asked for, and on each chip's smallest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from ..model.generate import Attempt
from ..tpu_configs.chip import Chip
from ..tpu_configs.slice import Slice
from .forecast import Asked, forecast, require_forecast, slice_for
from .lengths import assumed_attempts
from .predict.described import NamedShape
from .predict.phases import Lengths
from .predict.shape import shape_of
from .record import Prediction
from .subject import Subject
from .workload import Plan


@dataclass(frozen=True)
class Predictions:
    """What was predicted, and a sentence for each chip of which no slice holds the workload."""

    predictions: list[Prediction]
    unpredicted: list[str]


def require_slices(subject: Subject, planned: Plan, slices: Sequence[Slice]) -> None:
    """Raise ProfileInputError, before anything runs, for a slice that cannot hold the budgets of
    the widest batch or that the model does not divide over."""
    asked = _asked(subject, planned, assumed_attempts(planned), ran=False)
    widest = max(len(batch.prompts) for batch in planned.batches)
    widest_asked = replace(asked, lengths=replace(asked.lengths, prompts=float(widest)))
    for over in slices:
        require_forecast(widest_asked, over)


def predictions_of(
    subject: Subject,
    planned: Plan,
    attempts: Sequence[Attempt],
    chips: Sequence[Chip],
    slices: Sequence[Slice],
    ran: bool,
) -> Predictions:
    """The workload as its `attempts` made it on each of `slices`, and on the smallest slice that
    holds it of each of `chips` that no slice is of."""
    asked = _asked(subject, planned, attempts, ran)
    chosen, unpredicted = chosen_slices(asked, chips, slices)
    return Predictions([forecast(asked, over) for over in chosen], unpredicted)


def chosen_slices(
    asked: Asked, chips: Sequence[Chip], slices: Sequence[Slice]
) -> tuple[list[Slice], list[str]]:
    """`slices`, the smallest that holds what is asked of each chip that none is of, and a sentence
    for each chip of which none does."""
    chosen, unpredicted = list(slices), []
    for chip in chips:
        if any(over.chip == chip for over in slices):
            continue
        smallest = slice_for(asked, chip)
        if smallest is None:
            unpredicted.append(f"No slice of {chip.name} that its links join holds this workload.")
        else:
            chosen.append(smallest)
    return chosen, unpredicted


def _asked(subject: Subject, planned: Plan, attempts: Sequence[Attempt], ran: bool) -> Asked:
    """Mean lengths, and the variation of thoughts where attempts were run; batches of mean size.

    A batch's time is nearly linear in its prompts, so that the mean stands for batches of two
    sizes.
    """
    thoughts = [len(attempt.thought) for attempt in attempts]
    mean = fmean(thoughts)
    batches = len(planned.batches)
    lengths = Lengths(
        prompts=len(planned.prompts) / batches,
        attempts=float(planned.request.attempts),
        prompt_tokens=fmean(len(prompt) for prompt in planned.prompts),
        think_tokens=mean,
        answer_tokens=max(fmean(len(attempt.answer) for attempt in attempts), 1.0),
    )
    return Asked(
        model=NamedShape(subject.config.name, shape_of(subject.config)),
        lengths=lengths,
        batches=float(batches),
        think_variation=pstdev(thoughts) / mean if ran and mean else 0.0,
        weight_dtype=subject.dtype,
    )
