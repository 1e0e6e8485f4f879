"""WorkloadOnSlice: one profile's workload on one slice, as the analysis works on it.

What a profile's workload asks of any slice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from ...model.phases import THINK, THINK_AND_ANSWER
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..predicted.arrays import Number, mapped
from ..predicted.calibration import Calibration
from ..predicted.economics import SECONDS_PER_HOUR, Terms, economic_terms, per_correct
from ..predicted.model_shape import NamedShape, shape_of_facts
from ..predicted.phase_lengths import Lengths
from ..predicted.predict import predict
from ..predicted.query import PhaseWork, PredictionRequest, Query, phases_by_lengths
from ..predicted.slices import fitting_query
from ..records import Outcome, Prediction, Profile
from ..records.base import TIMES, Interval
from ..records.prediction import EconomicTerms
from .chip_cost_model import CostModel, cost_model
from .costs import reads_several, recorded_phases, recorded_steps
from .design_point import Draws, Point, draws_of, ideal_draws
from .workload_mix import MOST_TOKENS

_NO_LIMIT = 1e19
"""Bytes per second of what is not public, in place of no bound, which has no derivative; its square
is still a float32."""


@dataclass(frozen=True)
class WorkloadOnSlice:
    """A workload on a slice: the point, the draws, and what its figures stand on."""

    profile: str
    request: PredictionRequest
    query: Query
    point: Point
    draws: Draws
    costs: CostModel
    terms: EconomicTerms
    calibration: Calibration
    outcome: Outcome | None = None
    waves: int = 1  # batches, one after another, that the attempts of a prompt are split into
    counted: str = ""  # what the counted lens says of the profile, in a sentence
    phases: tuple[str, ...] = THINK_AND_ANSWER  # of the point, in their order
    share: float | None = None  # of the queries of a mix; None: a workload by itself

    @property
    def worked(self) -> list[tuple[int, str]]:
        """The phases that the workload has, with their places among the point's."""
        thinks = float(self.query.lengths.think_tokens) > 1
        return [(i, name) for i, name in enumerate(self.phases) if name != THINK or thinks]

    @property
    def per_query(self) -> float:
        """What a batch's amounts are multiplied by for one query: a prompt with all attempts."""
        return self.waves / float(self.query.lengths.prompts)

    @property
    def slice(self) -> Slice:
        return self.query.slice

    @property
    def usd_per_second(self) -> float | None:
        """Of the whole slice; None where no price is known."""
        hourly = self.terms.usd_per_chip_hour
        return None if hourly is None else hourly * self.slice.chips / SECONDS_PER_HOUR

    def per_correct(self, usd: Interval | None) -> Interval | None:
        """Dollars for a right answer at so many for a query; None where none was checked."""
        if usd is None or self.outcome is None or self.outcome.accuracy is None:
            return None
        return per_correct(usd, *self.outcome.share_of_problems)

    @property
    def words(self) -> str:
        lengths = self.query.lengths
        waves = f", run as {self.waves} batches because all do not fit in memory"
        prompts = "1 prompt" if lengths.prompts == 1 else f"{lengths.prompts:g} prompts"
        attempts = "1 attempt" if lengths.attempts == 1 else f"{lengths.attempts:g} attempts"
        return (
            f"{prompts} {TIMES} {attempts}{waves if self.waves > 1 else ''}, "
            f"{lengths.prompt_tokens:.0f} + {lengths.think_tokens:.0f} + "
            f"{lengths.answer_tokens:.0f} tokens, {self.query.weight_dtype}"
        )


def workload_on_slice(
    name: str,
    request: PredictionRequest,
    on_slice: Slice,
    calibration: Calibration,
    outcome: Outcome | None = None,
) -> WorkloadOnSlice:
    """The request on one slice; where it does not fit at once, in as few parts as do.

    Raises ProfileInputError or ChipInputError as `predict_on_slice` does.
    """
    query, waves = _fitting(request, on_slice)
    drawn = ideal_draws if request.ideal else draws_of
    draws = drawn(calibration, on_slice.chip, request.stack)
    return WorkloadOnSlice(
        profile=name,
        request=request,
        query=query,
        point=point_of(query),
        draws=draws,
        costs=cost_model(on_slice.chip, len(draws.prefill)),
        terms=economic_terms(on_slice.chip, request.terms),
        calibration=calibration,
        outcome=outcome,
        waves=waves,
    )


def _fitting(request: PredictionRequest, on_slice: Slice) -> tuple[Query, int]:
    """The query at the most prompts together that fit, else one prompt's attempts in waves.

    Raises what the whole request raises where not even single attempts fit.
    """
    lengths = request.lengths
    prompts, attempts = float(lengths.prompts), float(lengths.attempts)
    parts = [(prompts / 2**n, 1) for n in range(int(math.log2(max(prompts, 1))) + 1)]
    parts += [(1.0, 2**n) for n in range(1, math.ceil(math.log2(max(attempts, 1))) + 1)]
    first: ProfileInputError | None = None
    for together, waves in parts:
        part = replace(lengths, prompts=together, attempts=attempts / waves)
        try:
            query = fitting_query(replace(request, lengths=part), on_slice)
        except ProfileInputError as error:
            first = first or error
        else:
            return query, waves
    assert first is not None, "something was tried"
    raise first


def point_of(query: Query) -> Point:
    """The query's numbers, every one an array of floats: one compiled function for all points."""
    on_chip = query.slice.chip.on_chip_memory
    hardware = replace(
        query.hardware,
        on_chip_bandwidth=min(query.hardware.on_chip_bandwidth, _NO_LIMIT),
        tile=1.0 if query.ideal else query.hardware.tile,
    )
    point = Point(
        shape=query.shape,
        widths=query.widths,
        lengths=query.lengths,
        spread=query.spread,
        hardware=hardware,
        distribution=query.distribution,
        on_chip_bytes=on_chip.all_bytes if on_chip else 0.0,
    )
    return mapped(_as_array, point)


def with_recorded(case: WorkloadOnSlice, profile: Profile) -> WorkloadOnSlice:
    """The case with what the profile's strategy did besides prefill, thinking and answering."""
    names, recorded = recorded_phases(profile, case.phases)
    point = replace(case.point, recorded=recorded)
    return replace(case, point=point, phases=(*case.phases, *names))


def prediction_of(case: WorkloadOnSlice) -> Prediction:
    """The predicted lens of the case, as `rooflink predict` has it, and of its recorded phases."""
    return predict(case.query, case.calibration, _phase_works(case))


def _phase_works(case: WorkloadOnSlice) -> dict[str, PhaseWork] | None:
    """Every phase's steps; None where the query's own lengths tell all of them."""
    recorded = case.point.recorded
    if recorded is None:
        return None
    works = phases_by_lengths(case.query)
    names = case.phases[len(works) :]
    several = np.ravel(reads_several(recorded))
    for name, steps, many in zip(names, recorded_steps(case.point, recorded), several, strict=True):
        rows = float(np.sum(steps.work.sequences * steps.steps))
        positions = float(recorded.positions[names.index(name), 0])
        works[name] = PhaseWork(steps, rows * positions, "prefill" if many else "decode")
    return works


def _as_array(leaf: Number) -> np.ndarray:
    return np.asarray(leaf, bool if isinstance(leaf, bool) else np.float64)


def request_of(
    profile: Profile,
    terms: Terms,
    stack: str | None = None,
    weight_dtype: str | None = None,
) -> PredictionRequest:
    """What a profile's workload asks of any slice: mean lengths as they were, or the budgets where
    nothing was run; batches of mean size.

    `weight_dtype` None is the profile's own. Raises ProfileInputError for a workload without
    prompts or without a token thought or answered, and for thoughts in rounds of drafts: lengths
    do not tell their passes.
    """
    work = profile.workload
    if profile.acceptance is not None:
        raise ProfileInputError(
            f"the profile {profile.name} thought with drafts, which co-design does not change: "
            "profile --strategy sample, whose report has drafting as a lever"
        )
    _require_figures(profile)
    if work.prompts < 1 or work.attempts < 1 or fmean(work.prompt_tokens or [0]) < 1:
        raise ProfileInputError(
            f"the profile {profile.name} has an empty workload ({work.prompts} prompts, "
            f"{work.attempts} attempts): profile it with a prompt at least"
        )
    shape = shape_of_facts(profile.model)
    # Codes are multiplied as numbers of the dtype that the rest was in.
    run_in = profile.model.dtype if profile.model.weight_dtype else None
    thoughts, answers = _lengths(profile)
    batches = math.ceil(work.prompts / max(work.batch, 1))
    return PredictionRequest(
        model=NamedShape(profile.model.name, shape, profile.model.context_length),
        lengths=Lengths(
            prompts=work.prompts / batches,
            attempts=float(work.attempts),
            prompt_tokens=fmean(work.prompt_tokens),
            think_tokens=0.0,
            answer_tokens=max(fmean(answers), 1.0),
        ),
        weight_dtype=weight_dtype or profile.model.weight_dtype or profile.model.dtype,
        kv_dtype=profile.model.kv_dtype or run_in,
        matmul_dtype=None if weight_dtype else run_in,
        stack=stack,
        terms=terms,
    ).of_thoughts(thoughts)


MOST = 1e15
"""No run counts more of anything one by one."""
_SIZES = ("layers", "embed_dim", "query_heads", "kv_heads", "head_dim", "mlp_dim", "vocab_size")


def _require_figures(profile: Profile) -> None:
    """Raise ProfileInputError for figures that the analysis would lose itself in, and that no run
    has; the record has no negative ones."""
    model, work = profile.model, profile.workload
    thoughts, answers = _lengths(profile)
    few = {
        "workload.attempts": work.attempts,
        "the longest prompt": max(work.prompt_tokens, default=0),
        "the longest thought": max(thoughts), "the longest answer": max(answers),
    }  # fmt: skip
    many = {
        **{f"model.{name}": getattr(model, name) for name in _SIZES},
        "model.parameters less those of its sizes": shape_of_facts(model).vector_parameters,
        "workload.prompts": work.prompts,
        **{f"{phase.name}'s {name}": getattr(phase, name)
           for phase in profile.phases for name in ("tokens", "steps", "sequences")},
    }  # fmt: skip
    shares = {"outcome.accuracy": (profile.outcome and profile.outcome.accuracy) or 0.0}
    for figures, most in ((few, MOST_TOKENS), (many, MOST), (shares, 1.0)):
        for name, value in figures.items():
            if not 0 <= value <= most:
                raise ProfileInputError(
                    f"the profile {profile.name} is damaged: {name} is {value:g}, expected 0 to "
                    f"{most:g}; profile it again"
                )


def _lengths(profile: Profile) -> tuple[Sequence[int], Sequence[int]]:
    if profile.outcome is not None and profile.outcome.lengths:
        both = [(one.think_tokens, one.answer_tokens) for one in profile.outcome.lengths]
        return [think for think, _ in both], [answer for _, answer in both]
    return [_assumed_thought(profile)], [profile.workload.answer_budget]


def _assumed_thought(profile: Profile) -> int:
    """The budget with the cue that ends it: a token of prefill, and one of each pass."""
    thinking = [phase for phase in profile.phases if phase.name == THINK and phase.sequences]
    tokens = [phase.tokens // phase.sequences + 1 for phase in thinking]
    return tokens[0] if tokens else profile.workload.think_budget
