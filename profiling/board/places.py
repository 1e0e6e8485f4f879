"""Places: what a profile's phases run on, with each phase's terms there."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..predicted.phase_terms import PhaseTerms, predicted_terms, terms_at_peak
from ..records import ChipPlacement, Phase, PredictedPhase, Prediction, Profile

MOVED = "Sliders move its terms, which comes near predicting anew."


@dataclass(frozen=True)
class PlacedPhase:
    """One phase on a place: its work over all chips, and the terms of its time."""

    phase: str
    flops: float
    hbm_bytes: float
    terms: PhaseTerms
    low_s: float | None = None  # 80 % interval of a prediction
    high_s: float | None = None


@dataclass(frozen=True)
class Place:
    """A chip, or a slice of it, at datasheet figures of one chip."""

    name: str
    chip: str
    chips: int
    said: str  # what its times are, in a sentence
    peak_flops: float | None  # None where the profile has no datasheet figures of the chip
    peak_dtype: str | None
    hbm_bandwidth: float | None
    phases: list[PlacedPhase]


def floors(profile: Profile) -> list[Place]:
    """Each placement at datasheet peak: max(FLOPs / peak, bytes / bandwidth), links ignored."""
    return [_floor(placement, profile.phases) for placement in profile.placements]


def predicted(profile: Profile) -> list[Place]:
    """Each prediction, with its calibrated terms."""
    of_chip = {placement.chip: placement for placement in profile.placements}
    return [_predicted(each, of_chip.get(each.chip)) for each in profile.predictions]


def _floor(placement: ChipPlacement, phases: Sequence[Phase]) -> Place:
    chips = placement.chips
    return Place(
        name=placement.chip if chips == 1 else f"{chips} \N{MULTIPLICATION SIGN} {placement.chip}",
        chip=placement.chip,
        chips=chips,
        said="The longer of FLOPs at datasheet peak and bytes at datasheet bandwidth: a floor.",
        peak_flops=placement.peak_flops,
        peak_dtype=placement.peak_dtype,
        hbm_bandwidth=placement.hbm_bandwidth,
        phases=[_floor_phase(phase, placement) for phase in phases],
    )


def _floor_phase(phase: Phase, placement: ChipPlacement) -> PlacedPhase:
    flops, hbm_bytes = phase.counted.flops, phase.counted.hbm_bytes.total
    return PlacedPhase(phase.name, flops, hbm_bytes, terms_at_peak(phase, placement))


def _predicted(prediction: Prediction, placement: ChipPlacement | None) -> Place:
    basis = "The bare roofline" if prediction.ideal else "Calibrated on published measurements"
    return Place(
        name=prediction.slice,
        chip=prediction.chip,
        chips=prediction.chips,
        said=f"{basis}: {prediction.basis}. {MOVED}",
        peak_flops=placement.peak_flops if placement else None,
        peak_dtype=placement.peak_dtype if placement else None,
        hbm_bandwidth=placement.hbm_bandwidth if placement else None,
        phases=[_predicted_phase(phase) for phase in prediction.phases],
    )


def _predicted_phase(phase: PredictedPhase) -> PlacedPhase:
    time_s = phase.time_s
    return PlacedPhase(
        phase=phase.phase,
        flops=phase.flops,
        hbm_bytes=phase.memory_bytes,
        terms=predicted_terms(phase),
        low_s=time_s.low,
        high_s=time_s.high,
    )
