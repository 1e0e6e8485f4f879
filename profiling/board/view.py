"""A run as the tab's JSON: the profile's facts, its phases, its thought, its places."""

import math
from dataclasses import asdict
from typing import Any

from ..predicted.phase_terms import PhaseTerms
from ..records import Phase, Profile, ThoughtPoint
from .places import Place, floors, predicted


def run_view(profile: Profile) -> dict[str, Any]:
    """What the browser draws. JSON has no infinity: a roofline's power is null."""
    ran, outcome, workload = profile.machine is not None, profile.outcome, profile.workload
    return {
        "model": profile.model.name,
        "dtype": profile.model.dtype,
        "created": profile.provenance.created,
        "device": profile.provenance.device if ran else None,
        "workload": {
            "prompts": workload.prompts,
            "attempts": workload.attempts,
            "strategy": workload.strategy,
            "think_budget": workload.think_budget,
            "sampling": workload.sampling,
        },
        "outcome": outcome
        and {
            "attempts": outcome.attempts,
            "correct": outcome.correct,
            "accuracy": outcome.accuracy,
        },
        "phases": [_phase(phase) for phase in profile.phases],
        "thought": [_point(point) for point in profile.thought],
        "floor": [_place(place) for place in floors(profile)],
        "predicted": [_place(place) for place in predicted(profile)],
        "unpredicted": profile.unpredicted,
    }


def _phase(phase: Phase) -> dict[str, Any]:
    measured = phase.measured
    return {
        "phase": phase.name,
        "tokens": phase.tokens,
        "intensity": phase.counted.intensity,
        "measured_s": measured.time_s.median if measured else None,
    }


def _point(point: ThoughtPoint) -> dict[str, Any]:
    return {
        "tokens_thought": point.tokens_thought,
        "flops": point.flops,
        "hbm_bytes": point.hbm_bytes.total,
    }


def _place(place: Place) -> dict[str, Any]:
    found = asdict(place)
    for written, phase in zip(found["phases"], place.phases, strict=True):
        written["terms"] = _terms(phase.terms)
    return found


def _terms(terms: PhaseTerms) -> dict[str, float | None]:
    return asdict(terms) | {"power": None if math.isinf(terms.power) else terms.power}
