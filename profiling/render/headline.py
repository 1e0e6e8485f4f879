"""The one sentence that says what a profile found."""

from ..records import Phase, Profile
from . import units
from .facts import bounds_on_chips, time_share

_DOING: dict[str, str] = {
    "prefill": "Reading the prompt",
    "think": "Thinking",
    "answer": "Answering",
    "verify": "Scoring the attempts",
    "draft": "Drafting",
    "revise": "Revising",
    "re-prefill": "Reading the prompts again",
    "probe": "Probing for the answer",
    "branch": "Copying branches",
}


def headline(profile: Profile) -> str:
    """What took most, how much, and what bounds it; each figure with its lens."""
    phase = dominant_phase(profile)
    if phase is None:
        return "The profile holds no phase."
    return f"{_doing(phase.name)} {_how_much(profile, phase)}{_bound(profile, phase)}."


def dominant_phase(profile: Profile) -> Phase | None:
    """The phase with the most measured time; where not all were run, with the most bytes."""
    phases = profile.phases
    if not phases:
        return None
    if all(phase.measured for phase in phases):
        return max(phases, key=lambda p: p.measured.time_s.median if p.measured else 0.0)
    return max(phases, key=lambda p: p.counted.hbm_bytes.total)


def _doing(phase: str) -> str:
    return _DOING.get(phase, f"Phase '{phase}'")


def _how_much(profile: Profile, phase: Phase) -> str:
    share = time_share(phase, profile.phases)
    if share is not None:
        return f"took {units.share(share)} of the time measured on this {_machine(profile)}"
    total = sum(p.counted.hbm_bytes.total for p in profile.phases)
    share = phase.counted.hbm_bytes.total / total if total else 0.0
    return f"moves {units.share(share)} of the counted HBM bytes"


def _machine(profile: Profile) -> str:
    backend = profile.provenance.backend
    return {"cpu": "CPU", "gpu": "GPU", "tpu": "TPU"}.get(backend, "machine")


def _bound(profile: Profile, phase: Phase) -> str:
    bounds = bounds_on_chips(profile, phase.name)
    if not bounds:
        return f", at {units.intensity_number(phase.counted.intensity)} FLOP per byte counted"
    bound, chips = bounds.most_common(1)[0]
    where = _where(chips, bounds.total())
    intensity = units.intensity_number(phase.counted.intensity)
    return (
        f"; at datasheet peak it is {bound}-bound on {where}: "
        f"{intensity} FLOP per byte against {_ridges(profile)}"
    )


def _where(chips: int, total: int) -> str:
    if chips < total:
        return f"{chips} of {total} chips"
    return "the one chip placed" if total == 1 else "every chip"


def _ridges(profile: Profile) -> str:
    ridges = [placement.ridge for placement in profile.placements]
    low, high = (units.intensity_number(value) for value in (min(ridges), max(ridges)))
    return f"a ridge of {low}" if low == high else f"ridges of {low} to {high}"
