"""Analysis: profiles and slices to the record of a co-design report, with its assumptions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...model.tasks.modular import GAPS_DISCLOSURE
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError, Silent, Watcher
from ..predicted.calibration import Calibration, default_calibration
from ..predicted.economics import Terms
from ..predicted.model_shape import NamedShape
from ..predicted.phase_lengths import Lengths
from ..predicted.query import PredictionRequest
from ..predicted.step.attention_work import RESERVED_SHARE
from ..records import Profile
from ..records.base import TIMES, percent
from ..records.codesign import (
    Assumption,
    CodesignCase,
    CodesignReport,
    DesignSearch,
    ProfileRead,
    advised,
    limit_of,
)
from ..records.lever_study import LeverStudy
from ..records.prediction import EconomicTerms
from ..records.profile import toy_note
from .chip_cost_model import cost_assumptions, dies_sentence, process_of
from .chip_search import SLOWEST_TOKEN_S
from .costs import PHASES, costs_of, recorded_phases
from .crossovers import bound_flips, bound_map, elasticities, roofline, thought_crossovers
from .data_center import BUSY, IDLE_SHARE, data_center, largest_batch
from .design_point import MOST_SEQUENCES, facts, summary, summary_or_none, with_lengths
from .levers import DRAFT, checked_runs, evidence_notes, levers, require_tasks
from .memory_stacks import generation_of
from .ranking import hardware_asks, model_asks
from .search_report import Budget, design_searches, pareto_points
from .what_if import StatedChanges, changed, what_if
from .workload_mix import MixedWorkload, kinds_of, mix_of
from .workload_on_slice import (
    WorkloadOnSlice,
    prediction_of,
    request_of,
    with_recorded,
    workload_on_slice,
)

_OURS = (
    "A changed chip reaches the same fractions of its datasheet rates as the existing one.",
    "The price of a chip-hour scales with the cost to build the chip; the cost model says what "
    "a larger part draws and costs.",
    f"A slice schedules at most {MOST_SEQUENCES:.0f} sequences at once.",
    "Added on-chip memory holds weights, which are then not read from HBM.",
    f"{percent(RESERVED_SHARE, 0)} of HBM is reserved for programs and activations.",
    f"Speculative decoding drafts {DRAFT.tokens:g} tokens with an acceptance of "
    f"{DRAFT.acceptance:g}; a draft step costs {DRAFT.cost:g} of a target step.",
    f"The chip search requires a decoded token within {SLOWEST_TOKEN_S:g} s.",
    f"Slices are {percent(BUSY)} utilised at the mean load; a chip without a published idle "
    f"power draws {percent(IDLE_SHARE)} of its design power when idle.",
)

_MIX_NOTE = (
    "Each workload of the mix has cases of its own. Recommendations are of the whole mix: on each "
    "slice a workload's saving counts by its share of what the mix takes there before the change, "
    "and slices count alike. The load and the chip search go by the shares of queries."
)


def assumptions(cases: Sequence[WorkloadOnSlice]) -> list[Assumption]:
    """Those of the cases, then those of the analysis, then the cost model's."""
    by_chip = {case.slice.chip.name: case for case in cases}.values()
    costed = [(process_of(case.slice.chip), generation_of(case.slice.chip)) for case in by_chip]
    kinds = sorted({(process_nm, kind) for (process_nm, _), (kind, _) in costed})
    reasons = [reason for pair in costed for _, reason in pair if reason]
    dies = [dies_sentence(case.slice.chip) for case in by_chip]
    shared = cases[0].terms
    stated = [
        *((f"{case.slice.chip.name}: {_price(case.terms)} per chip-hour.", case.terms.price,
           case.terms.price_confidence or "your figure") for case in by_chip),
        (f"A server uses {shared.host_factor:g}{TIMES} the energy of its accelerators.",
         shared.host, "see the source"),
        *((f"Power usage effectiveness (PUE) of the data center: {terms.pue:g}.", terms.pue_source,
           "see the source")
          for terms in {case.terms.pue_source: case.terms for case in by_chip}.values()),
        *((f"Electricity emits {terms.grid_g_per_kwh:g} g CO2e per kWh.", terms.grid,
           "see the source")
          for terms in {case.terms.grid: case.terms for case in by_chip}.values()),
        *((sentence, "our assumption", "low")
          for sentence in (*_OURS, *(f"{text}." for text in (*reasons, *dies)))),
    ]  # fmt: skip
    return [
        *(Assumption(sentence=text, source=source, confidence=surety)
          for text, source, surety in stated),
        *(row for kind in kinds for row in cost_assumptions(*kind)),
    ]  # fmt: skip


def _price(terms: EconomicTerms) -> str:
    hourly = terms.usd_per_chip_hour
    return "no price" if hourly is None else f"${hourly:g}"


@dataclass(frozen=True)
class CodesignOptions:
    """Options of an analysis, besides profiles and slices."""

    described: Sequence[NamedShape] = ()  # models without a profile, at each workload of the mix
    mix: Sequence[MixedWorkload] | None = None  # None: each profile's own workload
    budget: Budget | None = None  # None: what the reference chip takes to build
    what_ifs: Sequence[StatedChanges] = ()
    terms: Terms = field(default_factory=Terms)
    stack: str | None = None
    weight_dtype: str | None = None  # None: the profile's
    queries_per_s: float = 1.0
    latency_target_s: float | None = None
    command: str = "python"
    files: Sequence[str] | None = None  # of the profiles, where they have any
    evidence: Sequence[LeverStudy] = ()  # of the model's levers


def analyse(
    profiles: Sequence[Profile],
    slices: Sequence[Slice],
    options: CodesignOptions | None = None,
    calibration: Calibration | None = None,
    watcher: Watcher | None = None,
) -> CodesignReport:
    """Everything that a report says of `profiles` on `slices`.

    Everything is at each profile's own batch, or where a latency is to be kept at the largest that
    does. A slice that does not hold a workload, or is too slow for it, is left out with a note, and
    toys are left out of the recommendations where there is another model. Raises ProfileInputError
    for no profiles or slices, a workload that is empty, a profile without counted phases, what-ifs,
    budgets and targets that cannot be; ChipInputError for dtypes: all of it before the long work.
    """
    request = options or CodesignOptions()
    calibrated = calibration or default_calibration()
    _require(profiles, slices, request)
    runs = checked_runs(profiles)
    cases, notes = _cases(profiles, slices, request, calibrated)
    heard = watcher or Silent()
    heard.stage("Checking changes, sizing data centers, searching for chips")
    for case in cases:
        for stated in request.what_ifs:
            changed(case, stated.changes)
    centers = [
        data_center(case, request.queries_per_s * (case.share or 1.0), request.latency_target_s)
        for case in _cheapest(cases)
    ]
    searches = _searches(cases, request, notes)
    heard.stage(f"Analysing {len(cases)} cases", len(cases), "cases")
    analysed = []
    for case in cases:
        analysed.append(_case(case, request, runs))
        heard.advance(1)
    heard.stage("Ranking asks")
    read = [*_read(profiles, request.files), *_described(request)]
    kept = advised(analysed, read)
    names = {case.profile for case in kept}
    ranked = [case for case in cases if case.profile in names]
    notes += evidence_notes(request.evidence, [case.query.model.name for case in cases])
    if len(ranked) < len(cases):
        toys = [(each.name, each.toy) for each in read if each.toy]
        notes += [f"Recommendations leave out {name}: {why}." for name, why in toys]
    return CodesignReport(
        command=request.command,
        operating_point=_operating_point(request.latency_target_s),
        chip_stated=request.budget is not None or request.mix is not None,
        profiles=read,
        cases=analysed,
        hardware_asks=hardware_asks(ranked, limit_of(kept).bound),
        model_asks=model_asks(ranked, runs, request.evidence),
        pareto=pareto_points(cases),
        searches=searches,
        data_centers=centers,
        assumptions=assumptions(cases),
        notes=notes,
    )


def _operating_point(latency_target_s: float | None) -> str:
    if latency_target_s is None:
        return "as run"
    return f"the largest that answers within {latency_target_s:g} s"


def _require(
    profiles: Sequence[Profile], slices: Sequence[Slice], options: CodesignOptions
) -> None:
    if not profiles and not options.described:
        raise ProfileInputError("no profile given: `rooflink profile` writes one")
    if options.described and not options.mix:
        raise ProfileInputError(
            f"of {options.described[0].name} only the sizes are known, not what it is asked: add "
            "--workload with a file of its queries"
        )
    if not slices:
        raise ProfileInputError("no slice given: add --slice, such as v5e-16")
    require_tasks(profiles, options.evidence)
    for profile in profiles:
        if not profile.phases:
            raise ProfileInputError(
                f"the profile {profile.name} has no counted phases: profile it again"
            )


def _cases(
    profiles: Sequence[Profile],
    slices: Sequence[Slice],
    options: CodesignOptions,
    calibration: Calibration,
) -> tuple[list[WorkloadOnSlice], list[str]]:
    """Every profile on every slice that holds it, and a note for each that does not."""
    cases: list[WorkloadOnSlice] = []
    notes = [on_slice.caution for on_slice in slices if on_slice.caution]
    asked: list[tuple[str, PredictionRequest, Profile | None, float | None]] = [
        (profile.name, request_of(profile, options.terms, options.stack, options.weight_dtype),
         profile, None) for profile in profiles
    ]  # fmt: skip
    asked += [
        (name, _request(model, workload, options), None, workload.share)
        for model in options.described
        for name, workload in _kinds(model, options)
    ]
    for name, work, profile, share in asked:
        if profile is not None:
            notes += recorded_note(profile)
            if any(finding.sentence == GAPS_DISCLOSURE for finding in profile.findings):
                notes.append(f"{name}: {GAPS_DISCLOSURE}")
        outcome = profile.outcome if profile else None
        for on_slice in slices:
            try:
                case = workload_on_slice(name, work, on_slice, calibration, outcome)
                if profile is not None:
                    case = replace(with_recorded(case, profile), counted=_counted(profile))
                cases.append(_at_target(replace(case, share=share), options.latency_target_s))
            except ProfileInputError as error:
                notes.append(f"{name} on {on_slice.name} is skipped: {error}.")
                continue
            if case.waves > 1:
                notes.append(f"{name} on {on_slice.name}: {case.words}.")
    if not cases:
        raise ProfileInputError(f"no slice holds any of the profiles: {notes[-1]}")
    if options.described and len(options.mix or []) > 1:
        notes.append(_MIX_NOTE)
    return cases, notes


def _kinds(model: NamedShape, options: CodesignOptions) -> list[tuple[str, MixedWorkload]]:
    """Each workload of the mix that a described model is asked, and the name of its cases."""
    mix = options.mix or []
    if len(mix) == 1:
        return [(model.name, mix[0])]
    return [
        (f"{model.name} ({words})", workload)
        for words, workload in zip(kinds_of(mix), mix, strict=True)
    ]


def _request(
    model: NamedShape, asked: MixedWorkload, options: CodesignOptions
) -> PredictionRequest:
    """What a described model is asked in a workload of the mix."""
    return PredictionRequest(
        model=model,
        lengths=Lengths(
            asked.batch or 1.0, asked.attempts, asked.prompt, asked.think, asked.answer
        ),
        weight_dtype=options.weight_dtype or "bfloat16",
        stack=options.stack,
        terms=options.terms,
    )


def _at_target(case: WorkloadOnSlice, latency_target_s: float | None) -> WorkloadOnSlice:
    """The case at the largest batch that keeps the target; as it is without one."""
    if latency_target_s is None:
        return case
    prompts = largest_batch(case, latency_target_s).batch
    query = replace(case.query, lengths=replace(case.query.lengths, prompts=prompts))
    return replace(case, query=query, point=with_lengths(case.point, prompts=prompts))


def recorded_note(profile: Profile) -> list[str]:
    """How the analysis takes a strategy's profile: by its lengths, and what it did besides."""
    strategy = profile.workload.strategy
    if strategy is None:
        return []
    others, _ = recorded_phases(profile, PHASES)
    text = (
        f"{profile.name} ran the strategy {strategy}; prefill, think and answer are modelled by "
        f"its lengths with {profile.workload.attempts} attempts per prompt"
    )
    if not others:
        return [f"{text}."]
    return [
        f"{text}, and {', '.join(others)} as recorded: their lengths do not follow those of "
        "thoughts and answers, and the chip search leaves them out."
    ]


def _case(case: WorkloadOnSlice, options: CodesignOptions, runs: Sequence[Profile]) -> CodesignCase:
    result, prediction = costs_of(case.point, case.draws), prediction_of(case)
    rate, outcome = case.usd_per_second, case.outcome
    usd = None if rate is None else summary(result.query_s * case.per_query * rate)
    attempts = float(case.query.lengths.attempts)
    return CodesignCase(
        profile=case.profile,
        workload=case.words,
        prediction=prediction,
        accuracy=outcome.accuracy_interval if outcome else None,
        usd_per_query=usd,
        usd_per_correct=case.per_correct(usd),
        energy_per_query_j=summary_or_none(result.query_j * case.per_query),
        parameters=facts(case.point, case.slice),
        elasticities=elasticities(case),
        flips=bound_flips(case),
        levers=levers(case, runs, options.evidence),
        roofline=roofline(case),
        bound_maps=[bound_map(case, sharers) for sharers in dict.fromkeys((1.0, attempts))],
        thought=thought_crossovers(case),
        what_ifs=[what_if(case, stated) for stated in options.what_ifs],
        asks=[
            *hardware_asks([case], prediction.longest.bound),
            *model_asks([case], runs, options.evidence),
        ],
    )


def _searches(
    cases: Sequence[WorkloadOnSlice], options: CodesignOptions, notes: list[str]
) -> list[DesignSearch]:
    """About the case with the largest model; without a stated budget a search that finds nothing
    is a note."""
    case = max(cases, key=lambda candidate: float(candidate.query.shape.parameters))
    mix = options.mix or mix_of(case.query)
    try:
        return design_searches(case, mix, options.budget)
    except ProfileInputError as error:
        if options.budget is not None:
            raise
        notes.append(f"No chip search: {error}.")
        return []


def _cheapest(cases: Sequence[WorkloadOnSlice]) -> list[WorkloadOnSlice]:
    """For each profile the case with the cheapest query, or the fastest where none has a price."""

    def cost(case: WorkloadOnSlice) -> float:
        rate = 1e9 if case.usd_per_second is None else case.usd_per_second
        return float(np.median(costs_of(case.point, case.draws).query_s)) * case.per_query * rate

    names = dict.fromkeys(case.profile for case in cases)
    return [min((c for c in cases if c.profile == name), key=cost) for name in names]


def _read(profiles: Sequence[Profile], files: Sequence[str] | None) -> list[ProfileRead]:
    named: Sequence[str | None] = files or [None] * len(profiles)
    return [
        ProfileRead(
            name=profile.name,
            model=profile.model.name,
            file=file,
            ran=profile.outcome is not None,
            weights=profile.model.weights_source,
            toy=toy_note(profile),
        )
        for profile, file in zip(profiles, named, strict=True)
    ]


def _described(options: CodesignOptions) -> list[ProfileRead]:
    return [
        ProfileRead(
            name=name,
            model=model.name,
            file=None,
            ran=False,
            toy=None,
            weights="none: sizes alone",
        )
        for model in options.described
        for name, _ in _kinds(model, options)
    ]


def _counted(profile: Profile) -> str:
    """What the counted lens says of the phase that moves most."""
    phase = max(profile.phases, key=lambda phase_record: phase_record.counted.hbm_bytes.total)
    moved = phase.counted.hbm_bytes
    if not moved.total:
        return ""
    kv = (moved.kv_read + moved.kv_write) / moved.total
    return (
        f"counted lens: {profile.name}'s {phase.name} moves {moved.total / 1e9:.3g} GB, "
        f"{100 * (moved.weights / moved.total):.0f} % weights and {100 * kv:.0f} % KV"
    )
