"""Small facts that follow from a profile and that more than one report prints, in words; and its
first sentences: what a query costs where it would run and what limits it there, what a toy stands
for, what took the time here, and what to do first.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from ...records import (
    ChipPlacement,
    Finding,
    Outcome,
    Phase,
    Prediction,
    Profile,
    Spread,
    Workload,
)
from ...records.prediction import by_cost
from ...records.profile import TOTAL, Provenance, total_phase, toy_note
from .. import theme, units
from ..document import Advice, Facts
from .prediction_document import per_query

OVERHEAD = "overhead"
"""What bounds a phase that is far from both limits of the machine."""

BOUND_WORDS: dict[str, str] = {
    "compute": "matrix FLOP/s",
    "memory": "memory bandwidth",
    "links": "link bandwidth",
    "on-chip": "on-chip bandwidth",
    OVERHEAD: "overhead (kernel launches, host, collectives)",
}
"""What a designer would have more of."""

STOP_LABELS: dict[str, str] = {
    "marker": "closed by a marker",
    "budget": "cut off by the budget",
    "end_of_sequence": "ended the text",
    "confident": "ended as the answer was sure",
    "limit": "ended by a limit",
    "pruned": "given up by the search",
}


def bound_text(phase: Phase) -> str:
    """The measured bound; '' where not run, and for the total, whose phases may differ."""
    if phase.measured is None or phase.name == TOTAL:
        return ""
    bound = phase.measured.bound
    return OVERHEAD if bound == "neither" else bound


def bounds_on_chips(profile: Profile, phase: str) -> Counter[str]:
    """How many chips bound `phase` by memory, and how many by compute, at datasheet peak."""
    return Counter(
        on_chip.bound
        for placement in profile.placements
        for on_chip in placement.phases
        if on_chip.phase == phase
    )


def bound_on_chips_text(profile: Profile, phase: str) -> str:
    """'memory, all 6', 'memory, 4 of 6', '' without chips."""
    bounds = bounds_on_chips(profile, phase)
    if not bounds:
        return ""
    (bound, chips), total = bounds.most_common(1)[0], bounds.total()
    return f"{bound}, all {total}" if chips == total else f"{bound}, {chips} of {total}"


def time_at_peak(placement: ChipPlacement) -> float:
    """Seconds of all phases at datasheet peak."""
    return sum(on_chip.time_at_peak_s for on_chip in placement.phases)


def phases_and_total(profile: Profile) -> list[Phase]:
    """The phases, and their sum where there is more than one."""
    if len(profile.phases) < 2:
        return list(profile.phases)
    return [*profile.phases, total_phase(profile)]


def idle_share(phase: Phase) -> float:
    """Idle slots as a share of the sequence-steps that were computed."""
    return phase.idle_slots / max(1, phase.tokens + phase.idle_slots)


def padded_share(phase: Phase) -> float:
    """Padded positions as a share of all that were computed."""
    return phase.padded_tokens / max(1, phase.tokens + phase.padded_tokens)


def time_share(phase: Phase, phases: Sequence[Phase]) -> float | None:
    """The phase's share of the measured time of all phases; None where any was not run."""
    if phase.measured is None or any(p.measured is None for p in phases):
        return None
    total = sum(p.measured.time_s.median for p in phases if p.measured)
    return phase.measured.time_s.median / total if total > 0 else None


def spread_text(time: Spread) -> str:
    """'12.9 to 13.8 s', or that there was a single run."""
    if len(time.repeats) == 1:
        return "1 run"
    return units.span(units.seconds(time.low), units.seconds(time.high))


def mean_thought(outcome: Outcome) -> float | None:
    """Mean tokens thought per attempt."""
    return fmean(length.think_tokens for length in outcome.lengths) if outcome.lengths else None


def stop_reasons(outcome: Outcome) -> Counter[str]:
    """Attempts by what ended their thought."""
    return Counter(length.stop_reason for length in outcome.lengths)


def stop_text(outcome: Outcome) -> str:
    """'9 closed by a marker, 6 cut off by the budget'."""
    return ", ".join(
        f"{units.count(n)} {STOP_LABELS.get(reason, reason.replace('_', ' '))}"
        for reason, n in stop_reasons(outcome).most_common()
    )


def accuracy_text(outcome: Outcome) -> str:
    """'31 % (14 % to 56 %, 5 of 16 attempts at 4 prompts)'; '' where nothing was checked."""
    if outcome.accuracy is None:
        return ""
    right = "" if outcome.correct is None else f"{units.count(outcome.correct)} of "
    between = units.bounds(outcome.accuracy_interval, units.share)
    interval = f"95 % interval {between}, " if between else ""
    return f"{units.share(outcome.accuracy)} ({interval}{right}{checked_text(outcome)})"


def checked_text(outcome: Outcome) -> str:
    """What accuracy is of: '16 attempts at 4 prompts', or the answers of a strategy."""
    if outcome.answers is not None:
        return units.plural(outcome.answers, "answer")
    attempts = units.plural(outcome.attempts, "attempt")
    _, prompts = outcome.share_of_problems
    return attempts if prompts in (0, outcome.attempts) else f"{attempts} at {prompts} prompts"


def advice(findings: Sequence[Finding]) -> list[Advice]:
    """Findings as they are ranked: what saves most of the whole first."""
    return [_advice(finding) for finding in findings]


def _advice(finding: Finding) -> Advice:
    if finding.saves_share is None:
        return Advice(finding.what, evidence=finding.evidence)
    quality = "Answers may change." if finding.answers == "may change" else ""
    whose = f"Saving {finding.basis}." if finding.basis else ""
    return Advice(
        sentence=f"{finding.how}. {finding.what}",
        size=units.share(finding.saves_share),
        of=f"less {finding.of}",
        evidence=" ".join(filter(None, (quality, whose, finding.evidence))),
        action=finding.command or "",
    )


def provenance_facts(source: Provenance, *more: tuple[str, str]) -> Facts:
    """Where a record comes from, enough to run it again, and `more` of the record's own."""
    return Facts(
        "Provenance",
        [
            ("created", source.created),
            ("command", source.command),
            ("backend", machine_text(source)),
            ("seed", str(source.seed)),
            ("commit", source.git_commit or "not a checkout"),
            ("versions", ", ".join(f"{k} {v}" for k, v in source.versions.items())),
            *more,
        ],
    )


def machine_text(source: Provenance) -> str:
    """'cpu (AMD EPYC, 2 cores)', or that nothing was run."""
    if source.backend == "none":
        return "not run"
    return f"{source.backend} ({source.device}, {units.plural(source.cores, 'core')})"


def settings_text(workload: Workload) -> str:
    """'n=8, top_k=none', as --strategy takes them; '' without a strategy."""
    settings = workload.strategy_settings.items()
    return ", ".join(f"{name}={str(value).lower()}" for name, value in settings)


def shape_text(profile: Profile) -> str:
    """'4 prompts' times '4 attempts', with the sign, or '4 prompts' by a strategy."""
    work = profile.workload
    prompts = units.plural(work.prompts, "prompt")
    if work.strategy is not None:
        return f"{prompts} by {work.strategy}"
    return f"{prompts} {units.TIMES} {units.plural(work.attempts, 'attempt')}"


def subtitle(profile: Profile) -> str:
    """Model, dtype, machine and shape of the workload in a line."""
    machine = machine_text(profile.provenance)
    return ", ".join([profile.model.name, profile.model.dtype_words, machine, shape_text(profile)])


def wanted_predictions(profile: Profile) -> list[Prediction]:
    """Those on slices asked for by name, else all."""
    asked = [p for p in profile.predictions if p.slice in profile.asked_slices]
    return asked or profile.predictions


def best_prediction(profile: Profile) -> Prediction | None:
    """Of those wanted the cheapest a query; without prices the fastest."""
    return min(wanted_predictions(profile), key=by_cost, default=None)


def dominant_phase(profile: Profile) -> Phase | None:
    """The phase with the most measured time; where not all were run, with the most bytes."""
    phases = profile.phases
    if not phases:
        return None
    if all(phase.measured for phase in phases):
        return max(phases, key=lambda p: p.measured.time_s.median if p.measured else 0.0)
    return max(phases, key=lambda p: p.counted.hbm_bytes.total)


def headline(profile: Profile) -> str:
    """By the prediction where there is one, else by the datasheets."""
    phase = dominant_phase(profile)
    if phase is None:
        return "The profile holds no phase."
    here = f"{theme.phase(phase.name).doing} {_how_much(profile, phase)}"
    best = best_prediction(profile)
    if best is None:
        return f"{here}{_bound_at_peak(profile, phase)}.{_first_step(profile)}"
    where = f"Predicted on {best.slice}{chosen(profile)}, the run {_costs(best)}."
    return f"{where}{_toy(profile)} {here}.{_first_step(profile)}"


def chosen(profile: Profile) -> str:
    """Why this slice: the only one, asked for by name, or the cheapest of those."""
    asked = len(profile.asked_slices)
    if asked == 1:
        return " as asked"
    if len(profile.predictions) == 1:
        return ""
    among = wanted_predictions(profile)
    priced = [p for p in among if p.economics] or among
    least = "cheapest" if priced[0].economics else "fastest"
    price = " with a price" * (len(priced) < len(among))
    return f", the {least} of {len(priced)} slices{' asked for' * (asked > 1)}{price}"


def _costs(prediction: Prediction) -> str:
    """'takes 1.3 s and costs $2.90 per million queries; think is 91 % of it, limited by ...'."""
    time_s = prediction.time_s.median
    usd = per_query(prediction).usd
    cost = f" and costs {units.usd_per(usd.median, 'query', 'queries')}" if usd else ""
    longest = max(prediction.phases, key=lambda phase: phase.time_s.median)
    share = units.share(longest.time_s.median / time_s) if time_s else "all"
    limit = BOUND_WORDS.get(longest.bound, longest.bound)
    return (
        f"takes {units.seconds(time_s)}{cost}; {longest.phase} is {share} of it, limited by {limit}"
    )


def _toy(profile: Profile) -> str:
    """That the model is a toy, and what such thoughts cost on one that is served."""
    served = profile.stand_in
    if not profile.model.is_toy or served is None:
        note = toy_note(profile)
        return f" {note}." if note else ""
    return (
        f" A model of {units.parameters(profile.model.parameters)} is a toy: with "
        f"{served.model} the same thoughts, predicted on {served.slice}, {_toy_costs(served)}."
    )


def _toy_costs(served: Prediction) -> str:
    return _costs(served).replace("takes", "take", 1).replace("and costs", "and cost", 1)


def _first_step(profile: Profile) -> str:
    """' To do first: refill finished slots, 26 % less time per query, measured on this machine.',
    where anything helps."""
    change = next((f for f in profile.findings if f.how and f.saves_share is not None), None)
    if change is None or change.how is None or change.saves_share is None:
        return ""
    how = change.how[0].lower() + change.how[1:]
    basis = f", {change.basis}" if change.basis else ""
    return f" To do first: {how}, {units.share(change.saves_share)} less {change.of}{basis}."


def _how_much(profile: Profile, phase: Phase) -> str:
    share = time_share(phase, profile.phases)
    if share is not None:
        machine = profile.provenance.backend
        word = machine.upper() if machine in ("cpu", "gpu", "tpu") else "machine"
        return f"took {units.share(share)} of the time measured on this {word}"
    total = sum(p.counted.hbm_bytes.total for p in profile.phases)
    share = phase.counted.hbm_bytes.total / total if total else 0.0
    return f"moves {units.share(share)} of the counted HBM bytes"


def _bound_at_peak(profile: Profile, phase: Phase) -> str:
    bounds = bounds_on_chips(profile, phase.name)
    intensity = units.intensity_number(phase.counted.intensity)
    if not bounds:
        return f", at {intensity} FLOP per byte counted"
    (bound, chips), total = bounds.most_common(1)[0], bounds.total()
    every = "the one chip placed" if total == 1 else "every chip"
    where = f"{chips} of {total} chips" if chips < total else every
    ridges = [placement.ridge for placement in profile.placements]
    low, high = (units.intensity_number(value) for value in (min(ridges), max(ridges)))
    against = f"a ridge of {low}" if low == high else f"ridges of {low} to {high}"
    return (
        f"; by the datasheet it is {bound}-bound on {where}: "
        f"{intensity} FLOP per byte against {against}"
    )
