"""What savings are shares of: the time per query, phase by phase, under one lens.

Predicted on the slice that was asked for; else measured here; else predicted on the cheapest slice;
else the lower bound at datasheet peak.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .predicted.phase_terms import PhaseTerms, predicted_terms, terms_at_peak
from .records import ChipPlacement, MeasuredCost, Phase, Prediction, Profile
from .records.profile import FindingLens


@dataclass(frozen=True)
class Basis:
    """What the time per query is made of, phase by phase, under one lens."""

    lens: FindingLens
    words: str
    terms: Mapping[str, PhaseTerms]
    per_sequence: Mapping[str, float]  # share of a phase's overhead that grows with sequences
    room: float  # how many of the workload's batches the memory holds at once

    @property
    def time_s(self) -> float:
        """All phases."""
        return sum(terms.time_s for terms in self.terms.values())

    def moved(self, phase: Phase, **factors: float) -> PhaseTerms:
        """The phase's terms times `factors` of 'compute', 'memory', 'on_chip', and 'per_pass': the
        part of the overhead which a pass has once, however many sequences it has."""
        terms = self.terms[phase.name]
        kept = self.per_sequence.get(phase.name, 0.0)
        overhead = kept + (1 - kept) * factors.pop("per_pass", 1.0)
        changed = {f"{name}_s": terms.of(name) * by for name, by in factors.items()}
        return replace(terms, overhead_s=terms.overhead_s * overhead, **changed)

    def saves(self, changed: Mapping[str, PhaseTerms]) -> float:
        """Share of the whole time that is saved where phases have these terms instead."""
        saved_s = sum(self.terms[name].time_s - terms.time_s for name, terms in changed.items())
        return saved_s / self.time_s


def basis_of(profile: Profile, chosen: str | None = None) -> Basis | None:
    """What savings of `profile` are shares of; None where it was neither run nor placed."""
    request = [prediction for prediction in profile.predictions if prediction.slice == chosen]
    if request:
        return _predicted(request[0], profile)
    measured = {p.name: p.measured for p in profile.phases if p.measured is not None}
    if measured and len(measured) == len(profile.phases):
        return _measured(measured)
    if profile.predictions:
        return _predicted(min(profile.predictions, key=_usd), profile)
    if profile.placements:
        return _at_peak(profile.placements[0], profile)
    return None


def _usd(prediction: Prediction) -> float:
    money = prediction.economics and prediction.economics.per_query.usd
    return money.median if money else float("inf")


def _predicted(prediction: Prediction, profile: Profile) -> Basis:
    together = profile.workload.batch * profile.workload.attempts
    return Basis(
        lens="predicted",
        words=f"predicted on {prediction.slice}",
        terms={phase.phase: predicted_terms(phase) for phase in prediction.phases},
        per_sequence={
            phase.phase: phase.sequence_overhead_s / phase.overhead_s if phase.overhead_s else 0.0
            for phase in prediction.phases
        },
        room=prediction.fit.largest_batch / together,
    )


def _measured(costs: Mapping[str, MeasuredCost]) -> Basis:
    """Each phase keeps the share that it reached of the limit that binds it here."""
    return Basis(
        lens="measured",
        words="measured on this machine",
        terms={name: _reached(cost) for name, cost in costs.items()},
        per_sequence={},
        room=float("inf"),
    )


def _reached(cost: MeasuredCost) -> PhaseTerms:
    time_s = cost.time_s.median
    if cost.bound == "neither":  # of its time nobody knows more than that it follows the positions
        return PhaseTerms(compute_s=time_s, memory_s=0.0)
    most = max(cost.flops_share, cost.bandwidth_share)
    return PhaseTerms(time_s * cost.flops_share / most, time_s * cost.bandwidth_share / most)


def _at_peak(placement: ChipPlacement, profile: Profile) -> Basis:
    cache_bytes = placement.resident_bytes - profile.model.weight_bytes
    free_bytes = placement.chips * placement.hbm_capacity_bytes - profile.model.weight_bytes
    return Basis(
        lens="at peak",
        words=f"at the datasheet peak of {placement.chip}",
        terms={phase.name: terms_at_peak(phase, placement) for phase in profile.phases},
        per_sequence={},
        room=free_bytes / cache_bytes if cache_bytes > 0 else float("inf"),
    )
