"""evaluate_log(): the same curves and costs from attempts of somebody else's model."""

import math
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import fmean

from ...model.tasks.answers import EQUALITY_RULE, spelled
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..backend import provenance
from ..errors import ProfileInputError
from ..predicted.economics import Terms
from ..predicted.model_shape import NamedShape
from ..predicted.phase_lengths import Lengths
from ..predicted.query import PredictionRequest
from ..predicted.slices import fitting_query, predict_on_slice, slices_of, smallest_query
from ..records import Prediction
from ..records.evaluation import AttemptsPoint, Cell, Evaluation, QuestionResult, TriedAnswer
from .accuracy import (
    accuracy_points,
    attempts_of,
    by_level,
    estimate,
    frontiers,
    options_of,
    slice_cost,
    usable,
)
from .attempts_log import AttemptsLog, LoggedAttempt

DEFAULT_KS = (1, 2, 4, 8, 10, 16, 25, 32, 50, 64, 100)
SHAPE_NOTE = (
    "FLOPs, bytes, time, energy and money on slices are those of the stated model with the logged "
    "lengths, whatever model really made them; attempts of one request share its prompt."
)


@dataclass(frozen=True)
class LogRequest:
    """A log to evaluate: which model its lengths are costed for, and where."""

    log: AttemptsLog
    model: NamedShape
    slices: Sequence[Slice]
    chips: Sequence[Chip] = ()  # each on its smallest slice that holds every strategy's attempts
    ks: Sequence[int] = ()  # none: the usual ones
    batch: int = 8  # requests that run together
    weight_dtype: str = "bfloat16"
    terms: Terms = field(default_factory=Terms)
    source: str = "log"


@dataclass(frozen=True)
class _Means:
    """Of one attempt, in the mean, and of the prompt of one request."""

    prompt: float  # of a request
    think: float
    completion: float
    requests: float

    def requests_of(self, attempts: float) -> float:
        """That so many attempts at one problem take: at least one."""
        return max(self.requests * attempts, 1.0)


def evaluate_log(request: LogRequest, name: str = "log", command: str = "python") -> Evaluation:
    """Accuracy, coverage and costs of each strategy in the log.

    A strategy's own answer is its first attempt. Attempts of one search are counted together alone.
    Raises ProfileInputError where the model does not fit a slice, or no slice of a chip.
    """
    grouped: defaultdict[str, list[LoggedAttempt]] = defaultdict(list)
    for attempt in request.log.attempts:
        grouped[attempt.strategy].append(attempt)
    held = [asked for tried in grouped.values() for asked in _held(request, tried)]
    smallest = [_smallest(held, chip, request) for chip in request.chips if held]
    request = replace(request, slices=[*request.slices, *smallest])
    cells = [_cell(request, strategy, tried) for strategy, tried in grouped.items()]
    problems = {attempt.problem for attempt in request.log.attempts}
    shape = request.model.shape
    return Evaluation(
        name=name,
        provenance=provenance(command, 0, ran=False),
        model=request.model.name,
        parameters=float(shape.parameters),
        dtype=request.weight_dtype,
        task=request.source,
        problems=len(problems),
        guess_rate=None,
        batch=request.batch,
        limit=None,
        ledger_slice=None,
        cells=cells,
        frontiers=frontiers(options_of(cells), [on_slice.name for on_slice in request.slices]),
        optimal=None,
        notes=[*request.log.notes, EQUALITY_RULE, SHAPE_NOTE],
    )


def _cell(request: LogRequest, strategy: str, attempts: Sequence[LoggedAttempt]) -> Cell:
    by_problem: defaultdict[str, list[LoggedAttempt]] = defaultdict(list)
    for attempt in attempts:
        by_problem[attempt.problem].append(attempt)
    questions = [_question(problem, tried) for problem, tried in by_problem.items()]
    n, most = len(questions), attempts_of(questions)
    means = _means(attempts)
    joint = any(attempt.joint for attempt in attempts)
    ks = [most] if joint else sorted({*usable(request.ks or DEFAULT_KS, questions), most})
    usd = _paid(attempts)
    points = [
        _costed(request, point, means, n, usd / len(attempts) if usd is not None else None)
        for point in accuracy_points(questions, ks)
    ]
    correct = sum(question.right for question in questions)
    whole = _predictions(request, means, len(attempts) / n) if means else []
    return Cell(
        strategy=strategy,
        budget=None,
        accuracy=estimate([float(question.right) for question in questions]),
        by_level=by_level(questions),
        questions=questions,
        phases=[],
        usd=usd,
        slices=[slice_cost(prediction, request.batch, correct / n, n) for prediction in whole],
        attempts=points,
    )


def _question(problem: str, tried: Sequence[LoggedAttempt]) -> QuestionResult:
    first = tried[0]
    return QuestionResult(
        problem=problem,
        level=first.level,
        answer=_spelled(first.answer),
        right=first.right,
        tried=[TriedAnswer(answer=_spelled(a.answer), right=a.right, score=a.score) for a in tried],
        ledger=None,
        limit=None,
    )


def _spelled(answer: str | None) -> str | None:
    return None if answer is None else spelled(answer)


def _means(attempts: Sequence[LoggedAttempt]) -> _Means | None:
    """None where any attempt's tokens are unknown."""
    read = [a.prompt_tokens for a in attempts if a.prompt_tokens is not None]
    generated = [a.completion_tokens for a in attempts if a.completion_tokens is not None]
    if not len(read) == len(generated) == len(attempts):
        return None
    requests = sum(attempt.requests for attempt in attempts)
    return _Means(
        prompt=sum(read) / requests,
        think=fmean(attempt.think_tokens for attempt in attempts),
        completion=fmean(generated),
        requests=requests / len(attempts),
    )


def _paid(attempts: Sequence[LoggedAttempt]) -> float | None:
    paid = [attempt.usd for attempt in attempts if attempt.usd is not None]
    return sum(paid) if len(paid) == len(attempts) else None


def _costed(
    request: LogRequest,
    point: AttemptsPoint,
    means: _Means | None,
    questions: int,
    usd_each: float | None,
) -> AttemptsPoint:
    costs: dict[str, object] = {"usd": None if usd_each is None else usd_each * point.k}
    if means is not None:
        costs["tokens"] = means.requests_of(point.k) * means.prompt + point.k * means.completion
        predictions = _predictions(request, means, point.k)
        right = point.coverage.value
        costs["slices"] = [slice_cost(p, request.batch, right, questions) for p in predictions]
        for first in predictions[:1]:
            costs["flops"] = sum(phase.flops for phase in first.phases) / request.batch
            costs["hbm_bytes"] = sum(phase.memory_bytes for phase in first.phases) / request.batch
    return point.model_copy(update=costs)


def _held(request: LogRequest, attempts: Sequence[LoggedAttempt]) -> list[PredictionRequest]:
    """What a slice must hold for a strategy: one attempt at each problem of a batch, and as many as
    the log has. None where their tokens are unknown: nothing is predicted of them."""
    means, problems = _means(attempts), len({attempt.problem for attempt in attempts})
    return [_asked(request, means, k) for k in (1.0, len(attempts) / problems)] if means else []


def _smallest(held: Sequence[PredictionRequest], chip: Chip, request: LogRequest) -> Slice:
    """The smallest slice of `chip` that holds each of `held`."""
    by_itself = [smallest_query(asked, chip) for asked in held]
    least = max((query.slice.chips if query else math.inf) for query in by_itself)
    for on_slice in slices_of(chip) if least < math.inf else ():
        if on_slice.chips >= least:
            with suppress(ProfileInputError):
                for asked in held:
                    fitting_query(asked, on_slice)
                return on_slice
    raise ProfileInputError(
        f"no slice of {chip.name} holds {request.model.name} with {request.batch} of the log's "
        "questions at once: lower --batch, or name a --slice of other chips"
    )


def _predictions(request: LogRequest, means: _Means, attempts: float) -> list[Prediction]:
    """`batch` problems with so many attempts each, on every slice."""
    asked = _asked(request, means, attempts)
    return [predict_on_slice(asked, on_slice) for on_slice in request.slices]


def _asked(request: LogRequest, means: _Means, attempts: float) -> PredictionRequest:
    """`batch` problems with so many attempts each, of the log's mean lengths.

    Their requests run together: each reads its prompt once, and all that it asked for share it.
    """
    requests = means.requests_of(attempts)
    together = max(attempts / requests, 1.0)
    share = attempts / requests / together  # of an attempt, where it took several requests
    answer = (means.completion - means.think) * share
    return PredictionRequest(
        model=request.model,
        lengths=Lengths(
            prompts=request.batch * requests,
            attempts=together,
            prompt_tokens=max(means.prompt, 1.0),
            think_tokens=means.think * share,
            answer_tokens=max(answer, 1.0),
        ),
        weight_dtype=request.weight_dtype,
        terms=request.terms,
    )
