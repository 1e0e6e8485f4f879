"""A profile's predictions: its workload on the slices asked for, and on each chip's smallest."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import fmean

from ..model.generation.attempt import Answered
from ..model.generation.pass_log import REASONER, PassLog
from ..tpu_configs.chip import Chip
from ..tpu_configs.slice import Slice
from .errors import ProfileInputError
from .model_spec import Subject, dtypes_of
from .names import chips_for
from .outcome import acceptance_of
from .predicted.model_shape import ModelShape, NamedShape, named_shape, shape_of
from .predicted.passes import OnSlice, lengths_made
from .predicted.phase_lengths import Lengths
from .predicted.predict import predict, think_speed_up
from .predicted.query import PredictionRequest, Query
from .predicted.slices import fitting_query, query_of, smallest_query
from .predicted.step.collectives import Parallelism
from .records import Prediction
from .records.prediction import DraftSpeedUp, by_cost
from .records.profile import STAND_IN
from .workload import Plan


@dataclass(frozen=True)
class Predictions:
    """What was predicted, and a sentence for each chip of which no slice holds the workload; beside
    a toy the same thoughts on a served model; what drafts save, where any were made."""

    predictions: list[Prediction]
    unpredicted: list[str]
    stand_in: Prediction | None
    draft_speed_ups: list[DraftSpeedUp]


Meshes = Mapping[str, Parallelism] | None
"""By the names of slices, for those for which a mesh is stated."""


def require_slices(
    subject: Subject, planned: Plan, slices: Sequence[Slice], meshes: Meshes
) -> None:
    """Raise ProfileInputError, before anything runs, for a slice that cannot hold the budgets of
    the widest batch or that the model does not divide over."""
    request = _widest(subject, planned)
    for slice_ in slices:
        fitting_query(_meshed(request, slice_, meshes), slice_)


def slices_that_hold(
    subject: Subject, planned: Plan, slices: Sequence[Slice], meshes: Meshes
) -> list[Slice]:
    """Those of `slices` that `require_slices` lets pass."""
    holding = []
    for slice_ in slices:
        with suppress(ProfileInputError):
            require_slices(subject, planned, [slice_], meshes)
            holding.append(slice_)
    return holding


def _meshed(request: PredictionRequest, on_slice: Slice, meshes: Meshes) -> PredictionRequest:
    return replace(request, split=(meshes or {}).get(on_slice.name))


def _widest(subject: Subject, planned: Plan) -> PredictionRequest:
    request = by_budgets(subject, planned)
    widest = max(len(batch.prompts) for batch in planned.batches)
    return replace(request, lengths=replace(request.lengths, prompts=float(widest)))


def predictions_of(
    subject: Subject,
    planned: Plan,
    answered: Sequence[Answered],
    logs: Sequence[PassLog],
    shapes: Mapping[str, ModelShape],
    chips: Sequence[Chip],
    slices: Sequence[Slice],
    meshes: Meshes,
    toy: bool = False,
) -> Predictions:
    """The workload on each of `slices`, and on the smallest slice that holds it of each of `chips`
    that no slice is of; `shapes` are of the models that the records of `logs` name.

    Attempts that only think and answer, each for itself, are told by their lengths: what is
    predicted is any batch of such attempts. What else a strategy did is told by its passes.
    """
    request = _by_run(subject, planned, answered) if answered else by_budgets(subject, planned)
    queries, unpredicted = _queries(request, chips, slices, meshes)
    if planned.plain or not answered:
        stand_in = _stand_in(request, chips, slices) if toy else None
        return Predictions([predict(query) for query in queries], unpredicted, stand_in, [])
    by_passes = [OnSlice(query, shapes).prediction(logs, len(answered)) for query in queries]
    gained = _speed_ups(planned, logs, shapes, queries)
    return Predictions(by_passes, unpredicted, None, gained)


def _speed_ups(
    planned: Plan,
    logs: Sequence[PassLog],
    shapes: Mapping[str, ModelShape],
    queries: Sequence[Query],
) -> list[DraftSpeedUp]:
    """What the acceptance of the run makes of thinking, by the formula for speculative decoding;
    none where nothing drafted."""
    strategy, found = planned.strategy, acceptance_of(planned.strategy, logs)
    if found is None:
        return []
    from .predicted.speculative import Draft, Speculation

    shape = next((shape for name, shape in shapes.items() if name != REASONER), None)
    held = shape if strategy.draft_model else None  # an early exit's layers are the model's own
    draft = Draft(found.draft, shape, held)
    drafted = Speculation(len(found.places), found.tokens_per_check, draft)
    return [
        DraftSpeedUp(
            slice=query.slice.name,
            chip=query.slice.chip.name,
            factor=think_speed_up(replace(query, speculation=drafted)),
        )
        for query in queries
    ]


def _stand_in(
    request: PredictionRequest, chips: Sequence[Chip], slices: Sequence[Slice]
) -> Prediction | None:
    """STAND_IN with the request's lengths on the cheapest of the smallest slices that hold it, of
    the chips of `slices`, else of all; None where none does or no chip is named."""
    served = replace(request, model=named_shape(STAND_IN), weight_dtype="bfloat16")
    wanted = chips_for((), slices) if slices else chips
    smallest = [smallest_query(served, chip) for chip in wanted]
    predicted = [predict(query) for query in smallest if query is not None]
    return min(predicted, key=by_cost, default=None)


def by_budgets(subject: Subject, planned: Plan) -> PredictionRequest:
    """Attempts that use their whole budgets, in batches of mean size."""
    rules, batches = planned.rules, len(planned.batches)
    lengths = Lengths(
        prompts=len(planned.prompts) / batches,
        attempts=float(planned.strategy.rows),
        prompt_tokens=fmean(len(prompt) for prompt in planned.prompts),
        think_tokens=float(rules.longest_thought),
        answer_tokens=float(rules.answer_budget),
    )
    return _request(subject, planned, lengths)


def _by_run(subject: Subject, planned: Plan, answered: Sequence[Answered]) -> PredictionRequest:
    """The run in the mean: what a slice must hold, and what a prediction says of its lengths."""
    thoughts = [len(attempt.thought) for answer in answered for attempt in answer.attempts]
    lengths = lengths_made(answered, planned.prompts, len(planned.batches))
    return _request(subject, planned, lengths).of_thoughts(thoughts)


def _request(subject: Subject, planned: Plan, lengths: Lengths) -> PredictionRequest:
    return PredictionRequest(
        model=NamedShape(subject.config.name, shape_of(subject.config)),
        lengths=lengths,
        batches=float(len(planned.batches)),
        **dtypes_of(subject),
    )


def _queries(
    request: PredictionRequest, chips: Sequence[Chip], slices: Sequence[Slice], meshes: Meshes
) -> tuple[list[Query], list[str]]:
    """The request on `slices` and on the smallest that holds it of each chip that none is of, and
    a sentence for each chip of which none does."""
    queries = [query_of(_meshed(request, slice_, meshes), slice_) for slice_ in slices]
    queries = [replace(query, mesh_reason="as compiled") if query.slice.name in (meshes or {})
               else query for query in queries]  # fmt: skip
    unpredicted = []
    for chip in chips:
        if any(slice_.chip == chip for slice_ in slices):
            continue
        smallest = smallest_query(request, chip)
        if smallest is None:
            unpredicted.append(f"This workload does not fit on any {chip.name} slice.")
        else:
            queries.append(smallest)
    return queries, unpredicted
