"""What the passes that a strategy made would take on described slices."""

from collections.abc import Sequence
from statistics import fmean, pstdev

from ...model.generation.attempt import Answered
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..counted.phase_costs import logs_of
from ..model_spec import Subject
from ..predicted.model_shape import NamedShape
from ..predicted.passes import OnSlice, lengths_made
from ..predicted.slices import Asked, Predictions, chosen_slices, query_of, with_grounds
from ..records import Prediction
from ..verifier_costs import REASONER, Costed
from ..workload import Plan


def strategy_predictions(
    subject: Subject,
    planned: Plan,
    answered: Sequence[Answered],
    costs: Costed,
    chips: Sequence[Chip],
    slices: Sequence[Slice],
) -> Predictions:
    """The passes on each of `slices`, and on the smallest slice that holds them of each of `chips`
    that no slice is of; with a sentence for what is left out."""
    logs = logs_of(answered)
    asked = _asked(subject, planned, answered, costs)
    chosen, left_out = chosen_slices(asked, chips, slices)

    def predicted(over: Slice) -> Prediction:
        on = OnSlice(query_of(asked, over), costs.shapes, asked.terms)
        return with_grounds(on.prediction(logs, len(answered)), asked, over)

    phases = dict.fromkeys(name for log in logs for name in log.phases)
    for name in phases:
        if not any(record.passes for log in logs for record in log.of_phase(name)):
            left_out.append(f"{name.capitalize()} makes no pass and copies cache alone: its bytes "
                            "are counted, and it is in no prediction.")  # fmt: skip
    return Predictions([predicted(over) for over in chosen], left_out)


def _asked(subject: Subject, planned: Plan, answered: Sequence[Answered], costs: Costed) -> Asked:
    """The run in the mean: what a slice must hold, and what a prediction says of its lengths."""
    thoughts = [len(attempt.thought) for each in answered for attempt in each.attempts]
    mean = fmean(thoughts)
    return Asked(
        model=NamedShape(subject.config.name, costs.shapes[REASONER]),
        lengths=lengths_made(answered, planned.prompts, len(planned.batches)),
        batches=float(len(planned.batches)),
        think_variation=pstdev(thoughts) / mean if mean else 0.0,
        weight_dtype=subject.dtype,
    )
