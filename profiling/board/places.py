"""Places: what a profile's phases run on, a chip or a slice, with each phase's terms there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..predicted.phase_terms import PhaseTerms, grown, predicted_terms, terms_at_peak
from ..records import ChipPlacement, Prediction, Profile
from ..reports import units
from ..reports.charts.roofline_chart import Roof
from ..reports.terms import PREDICTED

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
    median_s: float | None = None  # of all phases together, where that is not the sum of theirs

    def time_s(self, terms: Mapping[str, PhaseTerms]) -> float:
        """Of all phases with these terms: their sum, or the prediction's median grown as the sum
        is, for medians do not add up to that of the whole."""
        summed = sum(each.time_s for each in terms.values())
        before = sum(each.terms.time_s for each in self.phases)
        return summed if self.median_s is None or not before else self.median_s * summed / before

    def under(self, factors: Mapping[str, float]) -> dict[str, PhaseTerms]:
        """Each phase's terms where resources are so many times as fast."""
        return {each.phase: grown(each.terms, factors) for each in self.phases}


def places_of(profile: Profile, lens: str) -> list[Place]:
    """What the profile's phases run on under one of the two lenses that know times elsewhere."""
    return places_predicted(profile) if lens == PREDICTED else places_at_peak(profile)


def places_at_peak(profile: Profile) -> list[Place]:
    """Each placement at datasheet peak: max(FLOPs / peak, bytes / bandwidth), links ignored."""
    return [
        Place(
            name=on.chip if on.chips == 1 else f"{on.chips} {units.TIMES} {on.chip}",
            chip=on.chip, chips=on.chips, note=PEAK_NOTE, roof=roof_of(on),
            phases=[
                PlacedPhase(phase.name, phase.counted.flops, phase.counted.hbm_bytes.total,
                            terms_at_peak(phase, on))
                for phase in profile.phases
            ],
        )
        for on in profile.placements
    ]  # fmt: skip


def places_predicted(profile: Profile) -> list[Place]:
    """Each prediction, with its calibrated terms."""
    roofs = {placement.chip: roof_of(placement) for placement in profile.placements}
    return [_predicted(each, roofs.get(each.chip)) for each in profile.predictions]


def _predicted(prediction: Prediction, roof: Roof | None) -> Place:
    basis = "Bare roofline" if prediction.ideal else "Calibrated on published measurements"
    phases = [
        PlacedPhase(each.phase, each.flops, each.memory_bytes, predicted_terms(each),
                    each.time_s.low, each.time_s.high)
        for each in prediction.phases
    ]  # fmt: skip
    note = f"{basis}: {prediction.basis.rstrip('.')}. {PREDICTION_NOTE}"
    return Place(
        prediction.slice, prediction.chip, prediction.chips, note, roof, phases,
        prediction.time_s.median,
    )  # fmt: skip


def roof_of(placement: ChipPlacement) -> Roof:
    return Roof(placement.chip, placement.peak_flops, placement.hbm_bandwidth)


def place_of(places: Sequence[Place], name: str, chip: str = "") -> Place | None:
    """The place of that name, else one of its chip, else the usual one."""
    chip = chip or name.split(f" {units.TIMES} ")[-1]

    def rank(place: Place) -> tuple[bool, ...]:
        return place.name != name, place.chip != chip, place.chip != USUAL_CHIP

    return min(places, key=rank, default=None)
