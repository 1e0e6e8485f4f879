"""A profile's predictions: its workload on the slices asked for, and on each chip's smallest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from ..model.generation.attempt import Answered
from ..model.generation.pass_log import PassLog
from ..tpu_configs.chip import Chip
from ..tpu_configs.slice import Slice
from .model_spec import Subject
from .predicted.model_shape import ModelShape, NamedShape, shape_of
from .predicted.passes import OnSlice, lengths_made
from .predicted.phases import Lengths
from .predicted.slices import Asked, forecast, query_of, require_forecast, slice_for, with_grounds
from .records import Prediction
from .workload import Plan


@dataclass(frozen=True)
class Predictions:
    """What was predicted, and a sentence for each chip of which no slice holds the workload."""

    predictions: list[Prediction]
    unpredicted: list[str]


def require_slices(subject: Subject, planned: Plan, slices: Sequence[Slice]) -> None:
    """Raise ProfileInputError, before anything runs, for a slice that cannot hold the budgets of
    the widest batch or that the model does not divide over."""
    request = by_budgets(subject, planned)
    widest = max(len(batch.prompts) for batch in planned.batches)
    widest_request = replace(request, lengths=replace(request.lengths, prompts=float(widest)))
    for slice_ in slices:
        require_forecast(widest_request, slice_)


def predictions_of(
    subject: Subject,
    planned: Plan,
    answered: Sequence[Answered],
    logs: Sequence[PassLog],
    shapes: Mapping[str, ModelShape],
    chips: Sequence[Chip],
    slices: Sequence[Slice],
) -> Predictions:
    """The workload on each of `slices`, and on the smallest slice that holds it of each of `chips`
    that no slice is of; `shapes` are of the models that the records of `logs` name.

    Attempts that only think and answer, each for itself, are told by their lengths: what is
    predicted is any batch of such attempts. What else a strategy did is told by its passes.
    """
    request = _by_run(subject, planned, answered) if answered else by_budgets(subject, planned)
    chosen, unpredicted = _chosen_slices(request, chips, slices)

    def predicted(slice_: Slice) -> Prediction:
        if planned.plain or not answered:
            return forecast(request, slice_)
        on_slice = OnSlice(query_of(request, slice_), shapes, request.terms)
        return with_grounds(on_slice.prediction(logs, len(answered)), request, slice_)

    return Predictions([predicted(slice_) for slice_ in chosen], unpredicted)


def by_budgets(subject: Subject, planned: Plan) -> Asked:
    """Attempts that use their whole budgets, in batches of mean size."""
    rules, batches = planned.rules, len(planned.batches)
    lengths = Lengths(
        prompts=len(planned.prompts) / batches,
        attempts=float(planned.strategy.rows),
        prompt_tokens=fmean(len(prompt) for prompt in planned.prompts),
        think_tokens=float(rules.longest_thought),
        answer_tokens=float(rules.answer_budget),
    )
    return _request(subject, planned, lengths, think_variation=0.0)


def _by_run(subject: Subject, planned: Plan, answered: Sequence[Answered]) -> Asked:
    """The run in the mean: what a slice must hold, and what a prediction says of its lengths."""
    thoughts = [len(attempt.thought) for each in answered for attempt in each.attempts]
    mean = fmean(thoughts)
    lengths = lengths_made(answered, planned.prompts, len(planned.batches))
    return _request(subject, planned, lengths, pstdev(thoughts) / mean if mean else 0.0)


def _request(subject: Subject, planned: Plan, lengths: Lengths, think_variation: float) -> Asked:
    return Asked(
        model=NamedShape(subject.config.name, shape_of(subject.config)),
        lengths=lengths,
        batches=float(len(planned.batches)),
        think_variation=think_variation,
        weight_dtype=subject.dtype,
    )


def _chosen_slices(
    request: Asked, chips: Sequence[Chip], slices: Sequence[Slice]
) -> tuple[list[Slice], list[str]]:
    """`slices`, the smallest that holds the request of each chip that none is of, and a sentence
    for each chip of which none does."""
    chosen, unpredicted = list(slices), []
    for chip in chips:
        if any(slice_.chip == chip for slice_ in slices):
            continue
        smallest = slice_for(request, chip)
        if smallest is None:
            unpredicted.append(f"No slice of {chip.name} that its links join holds this workload.")
        else:
            chosen.append(smallest)
    return chosen, unpredicted
