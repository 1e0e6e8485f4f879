"""Small facts that follow from a profile and that more than one report prints."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from ..records import MeasuredCost, Outcome, Phase, Profile, Workload
from ..records.lenses import TOTAL
from . import units

KIND_LABELS: dict[str, str] = {
    "weights": "weights",
    "kv_read": "KV read",
    "kv_write": "KV write",
    "activations": "activations",
}

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
    return phase.measured.bound


def was_run(profile: Profile) -> bool:
    """Whether any phase carries a measurement."""
    return any(phase.measured for phase in profile.phases)


def bounds_on_chips(profile: Profile, phase: str) -> Counter[str]:
    """How many chips bound `phase` by memory, and how many by compute."""
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


def idle_share(phase: Phase) -> float:
    """Idle slots as a share of the sequence-steps that were computed."""
    slots = phase.tokens + phase.idle_slots
    return phase.idle_slots / slots if slots else 0.0


def padded_share(phase: Phase) -> float:
    """Padded positions as a share of all that were computed."""
    positions = phase.tokens + phase.padded_tokens
    return phase.padded_tokens / positions if positions else 0.0


def time_share(phase: Phase, phases: Sequence[Phase]) -> float | None:
    """The phase's share of the measured time of all phases; None where any was not run."""
    if phase.measured is None or any(p.measured is None for p in phases):
        return None
    total = sum(p.measured.time_s.median for p in phases if p.measured)
    return phase.measured.time_s.median / total if total > 0 else None


def spread_text(cost: MeasuredCost) -> str:
    """'12.9 to 13.8 s', or that there was a single run."""
    time = cost.time_s
    if len(time.repeats) == 1:
        return "1 run"
    return units.span(units.seconds(time.low), units.seconds(time.high))


def mean_thought(outcome: Outcome) -> float | None:
    """Mean tokens thought per attempt."""
    return fmean(length.think_tokens for length in outcome.lengths) if outcome.lengths else None


def stop_reasons(outcome: Outcome) -> Counter[str]:
    """Attempts by what ended their thought."""
    return Counter(length.stop_reason for length in outcome.lengths)


def stop_label(reason: str) -> str:
    """The reason in words; an unknown one as it is."""
    return STOP_LABELS.get(reason, reason.replace("_", " "))


def stop_text(outcome: Outcome) -> str:
    """'9 closed by a marker, 6 cut off by the budget'."""
    found = stop_reasons(outcome).most_common()
    return ", ".join(f"{units.count(n)} {stop_label(reason)}" for reason, n in found)


def accuracy_text(outcome: Outcome) -> str:
    """'31 % (14 % to 56 %, 5 of 16 attempts at 4 prompts)'; '' where nothing was checked."""
    if outcome.accuracy is None:
        return ""
    right = "" if outcome.correct is None else f"{units.count(outcome.correct)} of "
    details = [f"{right}{checked_text(outcome)}"]
    if outcome.accuracy_low is not None and outcome.accuracy_high is not None:
        low, high = units.share(outcome.accuracy_low), units.share(outcome.accuracy_high)
        details.insert(0, f"95 % interval {low} to {high}")
    return f"{units.share(outcome.accuracy)} ({', '.join(details)})"


def checked_text(outcome: Outcome) -> str:
    """What accuracy is of: '16 attempts at 4 prompts', or the answers of a strategy."""
    if outcome.answers is not None:
        return f"{units.count(outcome.answers)} answers"
    attempts = f"{units.count(outcome.attempts)} attempts"
    _, prompts = outcome.share_of_problems
    return attempts if prompts in (0, outcome.attempts) else f"{attempts} at {prompts} prompts"


def backend_text(profile: Profile) -> str:
    """'cpu (AMD EPYC, 2 cores)', or that nothing was run."""
    source = profile.provenance
    if source.backend == "none":
        return "not run"
    cores = f"{source.cores} core{'' if source.cores == 1 else 's'}"
    return f"{source.backend} ({source.device}, {cores})"


def settings_text(workload: Workload) -> str:
    """'n=8, top_k=none', as --strategy takes them; '' without a strategy."""
    settings = workload.strategy_settings.items()
    return ", ".join(f"{name}={str(value).lower()}" for name, value in settings)


def shape_text(profile: Profile) -> str:
    """'4 prompts' times '4 attempts', with the sign, or '4 prompts' by a strategy."""
    prompts, attempts = profile.workload.prompts, profile.workload.attempts
    asked = f"{units.count(prompts)} prompt{'' if prompts == 1 else 's'}"
    if profile.workload.strategy is not None:
        return f"{asked} by {profile.workload.strategy}"
    return f"{asked} {units.TIMES} {units.count(attempts)} attempt{'' if attempts == 1 else 's'}"
