"""Places: what a profile's phases run on, a chip or a slice, with each phase's terms there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..predicted.phase_terms import PhaseTerms, grown, predicted_terms, terms_at_peak
from ..records import ChipPlacement, Phase, PredictedPhase, Prediction, Profile
from ..reports import units
from ..reports.charts.roofline_chart import Roof

USUAL_CHIP = "TPU v5e"
PREDICTION_NOTE = "Sliders move the terms of the prediction, which comes near predicting anew."
PEAK_NOTE = "Lower bound: the longer of FLOPs at datasheet peak and bytes at datasheet bandwidth."


@dataclass(frozen=True)
class PlacedPhase:
    """One phase on a place: its work over all chips, and the terms of its time."""

    phase: str
    flops: float
    hbm_bytes: float
    terms: PhaseTerms
    low_s: float | None = None  # 80 % interval of a prediction
    high_s: float | None = None

    @property
    def intensity(self) -> float:
        """FLOP per byte."""
        return self.flops / self.hbm_bytes if self.hbm_bytes > 0 else 0.0


@dataclass(frozen=True)
class Place:
    """A chip or a slice, with each phase's terms there; the roof is one chip's."""

    name: str
    chip: str
    chips: int
    note: str
    roof: Roof | None  # None where the profile has no datasheet figures of the chip
    phases: Sequence[PlacedPhase]

    def under(self, factors: Mapping[str, float]) -> dict[str, PhaseTerms]:
        """Each phase's terms where resources are so many times as fast."""
        return {each.phase: grown(each.terms, factors) for each in self.phases}


def places_at_peak(profile: Profile) -> list[Place]:
    """Each placement at datasheet peak: max(FLOPs / peak, bytes / bandwidth), links ignored."""
    return [_at_peak(placement, profile.phases) for placement in profile.placements]


def places_predicted(profile: Profile) -> list[Place]:
    """Each prediction, with its calibrated terms."""
    of_chip = {placement.chip: placement for placement in profile.placements}
    return [_predicted(each, of_chip.get(each.chip)) for each in profile.predictions]


def _at_peak(placement: ChipPlacement, phases: Sequence[Phase]) -> Place:
    chips = placement.chips
    return Place(
        name=placement.chip if chips == 1 else f"{chips} {units.TIMES} {placement.chip}",
        chip=placement.chip,
        chips=chips,
        note=PEAK_NOTE,
        roof=roof_of(placement),
        phases=[
            PlacedPhase(phase.name, phase.counted.flops, phase.counted.hbm_bytes.total,
                        terms_at_peak(phase, placement))
            for phase in phases
        ],
    )  # fmt: skip


def _predicted(prediction: Prediction, placement: ChipPlacement | None) -> Place:
    basis = "Bare roofline" if prediction.ideal else "Calibrated on published measurements"
    return Place(
        name=prediction.slice,
        chip=prediction.chip,
        chips=prediction.chips,
        note=f"{basis}: {prediction.basis.rstrip('.')}. {PREDICTION_NOTE}",
        roof=roof_of(placement) if placement else None,
        phases=[_placed(phase) for phase in prediction.phases],
    )


def _placed(phase: PredictedPhase) -> PlacedPhase:
    terms, time = predicted_terms(phase), phase.time_s
    return PlacedPhase(
        phase.phase, phase.flops, phase.memory_bytes, terms, time.low, time.high
    )  # fmt: skip


def roof_of(placement: ChipPlacement) -> Roof:
    return Roof(placement.chip, placement.peak_flops, placement.hbm_bandwidth)


def place_of(places: Sequence[Place], name: str, chip: str = "") -> Place | None:
    """The place of that name, else one of its chip, else the usual one."""
    chips = [name.split(f" {units.TIMES} ")[-1], chip, USUAL_CHIP]
    by_name = next((place for place in places if place.name == name), None)
    by_chip = (next((p for p in places if p.chip == wanted), None) for wanted in chips)
    return by_name or next(filter(None, by_chip), places[0] if places else None)
