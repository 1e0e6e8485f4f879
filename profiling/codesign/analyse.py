"""Analysis: profiles and slices to the record that a co-design report draws."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...model.tasks.sums import GAPS_DISCLOSURE
from ...tpu_configs.slice import Slice
from ..economics.correct import per_correct
from ..economics.terms import Terms
from ..errors import ProfileInputError
from ..predict.calibration import Calibration, default_calibration
from ..record import Profile
from ..record.codesign import CodesignCase, CodesignReport, ProfileRead
from ..record.interval import Interval
from .assumptions import assumptions
from .changes import parse_what_if
from .costs import PHASES, costs_of
from .datacenter import data_center
from .draws import summary, summary_or_none
from .elasticities import elasticities
from .evidence import Run, checked_runs
from .flips import bound_flips
from .levers import levers
from .parameters import facts
from .pareto import pareto_points
from .ranking import hardware_asks, model_asks
from .roofline import roofline
from .search import SLOWEST_TOKEN_S
from .searches import Budget, design_searches
from .seeds import seeds
from .setting import Setting, prediction_of, setting
from .thought import bound_map, thought_crossovers
from .what_if import what_if
from .workload_mix import MixedWorkload, mix_of
from .workload_of import asked_of


@dataclass(frozen=True)
class Wanted:
    """What is asked of an analysis besides profiles and slices."""

    mix: Sequence[MixedWorkload] | None = None  # None: each profile's own workload
    budget: Budget | None = None  # None: what the reference chip takes to build
    what_ifs: Sequence[str] = ()
    terms: Terms = field(default_factory=Terms)
    stack: str | None = None
    weight_dtype: str | None = None  # None: the profile's
    ideal: bool = False
    queries_per_s: float = 1.0
    latency_target_s: float | None = None
    slowest_token_s: float = SLOWEST_TOKEN_S
    seeds: bool = True
    command: str = "python"
    files: Sequence[str] | None = None  # of the profiles, where they have any


def analyse(
    profiles: Sequence[Profile],
    slices: Sequence[Slice],
    wanted: Wanted | None = None,
    calibration: Calibration | None = None,
) -> CodesignReport:
    """Everything that a report says of `profiles` on `slices`.

    A slice that does not hold a workload is left out with a note. Raises ProfileInputError for no
    profiles or slices, a workload that is empty, a profile without counted phases, what-ifs,
    budgets and targets that cannot be; ChipInputError for dtypes.
    """
    asked = wanted or Wanted()
    known = calibration or default_calibration()
    _require(profiles, slices)
    for text in asked.what_ifs:
        parse_what_if(text)
    runs = checked_runs(profiles)
    cases, notes = _cases(profiles, slices, asked, known)
    return CodesignReport(
        command=asked.command,
        profiles=_read(profiles, asked.files),
        cases=[_case(case, asked, runs) for case in cases],
        hardware_asks=hardware_asks(cases),
        model_asks=model_asks(cases, runs),
        pareto=pareto_points(cases),
        searches=_searches(cases, asked, notes),
        data_centers=[
            data_center(case, asked.queries_per_s, asked.latency_target_s)
            for case in _cheapest(cases)
        ],
        seeds=seeds(known, asked.stack) if asked.seeds else [],
        assumptions=assumptions(cases),
        notes=notes,
    )


def _require(profiles: Sequence[Profile], slices: Sequence[Slice]) -> None:
    if not profiles:
        raise ProfileInputError("no profile is given: `rooflink profile` writes one")
    if not slices:
        raise ProfileInputError("no slice is given: say --slices, such as v5e-16,h100-8")
    for profile in profiles:
        if not profile.phases:
            raise ProfileInputError(
                f"the profile {profile.name} has no counted phases: profile it again"
            )


def _cases(
    profiles: Sequence[Profile], slices: Sequence[Slice], asked: Wanted, known: Calibration
) -> tuple[list[Setting], list[str]]:
    """Every profile on every slice that holds it, and a note for each that does not."""
    cases: list[Setting] = []
    notes: list[str] = []
    for profile in profiles:
        work = asked_of(profile, asked.terms, asked.stack, asked.weight_dtype, asked.ideal)
        notes += left_out(profile)
        if any(finding.sentence == GAPS_DISCLOSURE for finding in profile.findings):
            notes.append(f"{profile.name}: {GAPS_DISCLOSURE}")
        for over in slices:
            try:
                case = setting(profile.name, work, over, known, profile.outcome)
            except ProfileInputError as error:
                notes.append(f"{profile.name} on {over.name} is left out: {error}.")
            else:
                cases.append(replace(case, counted=_counted(profile)))
                notes += [f"{profile.name} on {over.name}: {case.words}."] if case.waves > 1 else []
    if not cases:
        raise ProfileInputError(f"no slice holds any of the profiles: {notes[0]}")
    return cases, notes


def left_out(profile: Profile) -> list[str]:
    """What the analysis of a strategy's profile leaves out: it knows prefill, think and answer."""
    strategy = profile.workload.strategy
    if strategy is None:
        return []
    others = [phase for phase in profile.phases if phase.name not in PHASES]
    moved = sum(phase.counted.hbm_bytes.total for phase in profile.phases)
    share = sum(phase.counted.hbm_bytes.total for phase in others) / moved if moved else 0.0
    said = (
        f"{profile.name} was answered by {strategy}; the analysis is of prefill, think and answer "
        f"at its mean lengths, {profile.workload.attempts} attempts to a prompt"
    )
    if not others:
        return [f"{said}, and leaves no phase out."]
    names = ", ".join(phase.name for phase in others)
    return [f"{said}, and leaves out {names}: {share:.0%} of the counted HBM bytes."]


def _case(case: Setting, asked: Wanted, runs: Sequence[Run]) -> CodesignCase:
    found = costs_of(case.point, case.draws)
    seconds = np.asarray(found.query_s, np.float64) * case.per_query
    usd = None if case.usd_per_second is None else summary(seconds * case.usd_per_second)
    outcome = case.outcome
    accuracy = None
    if outcome is not None and outcome.accuracy is not None:
        assert outcome.accuracy_low is not None
        assert outcome.accuracy_high is not None
        accuracy = Interval(
            median=outcome.accuracy, low=outcome.accuracy_low, high=outcome.accuracy_high
        )
    attempts = float(case.query.lengths.attempts)
    return CodesignCase(
        profile=case.profile,
        workload=case.words,
        prediction=prediction_of(case),
        accuracy=accuracy,
        usd_per_query=usd,
        usd_per_correct=per_correct(usd, *outcome.share_of_problems)
        if usd is not None and outcome is not None and outcome.accuracy is not None
        else None,
        energy_per_query_j=summary_or_none(np.asarray(found.query_j, np.float64) * case.per_query),
        parameters=facts(case.point, case.slice),
        elasticities=elasticities(case),
        flips=bound_flips(case),
        levers=levers(case, runs),
        roofline=roofline(case),
        bound_maps=[bound_map(case, each) for each in dict.fromkeys((1.0, attempts))],
        thought=thought_crossovers(case),
        what_ifs=[what_if(case, text) for text in asked.what_ifs],
        asks=[*hardware_asks([case]), *model_asks([case], runs)],
    )


def _searches(cases: Sequence[Setting], asked: Wanted, notes: list[str]):  # type: ignore[no-untyped-def]
    """About the case with the largest model; without a stated budget a search that finds nothing
    is a note."""
    case = max(cases, key=lambda each: float(each.query.shape.parameters))
    mix = asked.mix or mix_of(case.query)
    try:
        return design_searches(case, mix, asked.budget, asked.slowest_token_s)
    except ProfileInputError as error:
        if asked.budget is not None:
            raise
        notes.append(f"No chip was searched for: {error}.")
        return []


def _cheapest(cases: Sequence[Setting]) -> list[Setting]:
    """For each profile the case with the cheapest query, or the fastest where none has a price."""

    def cost(case: Setting) -> float:
        seconds = float(np.median(np.asarray(costs_of(case.point, case.draws).query_s)))
        seconds *= case.per_query
        return seconds * (case.usd_per_second if case.usd_per_second is not None else 1e9)

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
        )
        for profile, file in zip(profiles, named, strict=True)
    ]


def _counted(profile: Profile) -> str:
    """What the counted lens says of the phase that moves most."""
    phase = max(profile.phases, key=lambda each: each.counted.hbm_bytes.total)
    moved = phase.counted.hbm_bytes
    if not moved.total:
        return ""
    kv = (moved.kv_read + moved.kv_write) / moved.total
    return (
        f"counted lens: {profile.name}'s {phase.name} moves {moved.total / 1e9:.3g} GB, "
        f"{moved.weights / moved.total:.0%} weights and {kv:.0%} KV"
    )
