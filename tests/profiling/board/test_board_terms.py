"""A phase's time from its terms: worked by hand, against placement, and by its properties."""

import math

import pytest
from real_records import real_prediction, real_profile
from sample_calibration import sample_calibration

from rooflink.profiling.board.places import places_at_peak, places_predicted
from rooflink.profiling.counted.phase_costs import place
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.phase_terms import (
    RESOURCES,
    PhaseTerms,
    elasticities,
    grown,
    joined,
    whole_elasticities,
)
from rooflink.profiling.predicted.predict import predict
from rooflink.profiling.predicted.query import Query
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.records import Prediction
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import Slice

SHAPES = {1: (1,), 8: (2, 4)}
MIXED = PhaseTerms(3.0, 4.0, 0.5, 1.0, 2.0, power=1.7)


def test_time_by_hand() -> None:
    assert PhaseTerms(3.0, 4.0, 1.0, 2.0, 0.5).time_s == 4.5  # a roofline, and overhead
    assert PhaseTerms(3.0, 4.0, 0.0, 0.0, 0.5, power=2.0).time_s == pytest.approx(5.5)
    assert PhaseTerms(3.0, 4.0, 1.0, 2.0, 0.5, power=1.0).time_s == pytest.approx(10.5)
    assert PhaseTerms(0.0, 0.0).time_s == 0.0


def test_bound_is_the_longest_term() -> None:
    assert MIXED.bound == "memory"
    assert PhaseTerms(1.0, 1.0).bound == "compute"  # the ridge itself, as in placement
    assert PhaseTerms(1.0, 1.0, on_chip_s=2.0).bound == "on-chip"
    assert PhaseTerms(1.0, 1.0, overhead_s=1.5).bound == "overhead"
    assert PhaseTerms(0.0, 0.0).bound is None


def test_growth_divides_its_own_term() -> None:
    twice = grown(MIXED, {"memory": 2.0, "overhead": 4.0})
    assert twice == PhaseTerms(3.0, 2.0, 0.5, 1.0, 0.5, power=1.7)
    assert grown(PhaseTerms(1.0, 4.0), {"memory": 8.0}).bound == "compute"


@pytest.mark.parametrize("power", [1.0, 1.7, 4.0, math.inf])
def test_elasticities_are_derivatives_and_add_up_to_one(power: float) -> None:
    terms = PhaseTerms(3.0, 4.0, 0.5, 1.0, 2.0, power=power)
    found = elasticities(terms)
    assert sum(found.values()) == pytest.approx(1.0)
    for resource in RESOURCES:
        more, less = (grown(terms, {resource: by}).time_s for by in (1 + 1e-5, 1 - 1e-5))
        slope = -(math.log(more) - math.log(less)) / (math.log1p(1e-5) - math.log1p(-1e-5))
        assert found[resource] == pytest.approx(slope, abs=1e-8)


def test_elasticities_of_the_whole_weigh_by_time() -> None:
    memory, compute = PhaseTerms(1.0, 3.0), PhaseTerms(1.0, 0.5)
    assert whole_elasticities([memory, compute])["memory"] == pytest.approx(0.75)
    assert whole_elasticities([PhaseTerms(0.0, 0.0)]) == dict.fromkeys(RESOURCES, 0.0)


@pytest.mark.parametrize("time_s", [0.1, 4.5, 6.0, 6.0001, 7.3, 10.4999, 10.5, 20.0])
def test_joined_terms_take_the_time_asked_for(time_s: float) -> None:
    """Between the longest term (6.0) and all in turn (10.5), and beyond both."""
    terms = joined(PhaseTerms(3.0, 4.0, 0.5, 1.0, 2.0), time_s)
    assert terms.time_s == pytest.approx(time_s, rel=1e-12)
    assert terms.power >= 1
    assert terms.bound == "memory"


def test_terms_between_stay_as_they_are() -> None:
    found = joined(PhaseTerms(3.0, 4.0, 0.0, 0.0, 2.0), 7.0)
    assert found.power == pytest.approx(2.0)
    assert found.memory_s == pytest.approx(4.0, rel=1e-12)
    assert joined(PhaseTerms(0.0, 0.0), 3.0).time_s == 3.0


def test_floor_is_placement() -> None:
    profile = real_profile()
    for found, placement in zip(places_at_peak(profile), profile.placements, strict=True):
        for phase, placed in zip(found.phases, placement.phases, strict=True):
            assert phase.terms.time_s == pytest.approx(placed.time_at_peak_s)
            assert phase.terms.bound == placed.bound


def test_floor_under_sliders_is_placement_on_the_grown_chip() -> None:
    """Twice the bandwidth by slider, and the same chip described with twice the bandwidth."""
    profile, chip = real_profile(), load_chip("v5e")
    memory = chip.memory
    grew = chip.model_copy(update={"memory": memory.model_copy(update={
        "bandwidth": memory.bandwidth.model_copy(update={"value": 2 * memory.bandwidth.value})
    })})  # fmt: skip
    here, there = (place(each, profile.phases, 10**9, "bfloat16") for each in (chip, grew))
    (floor,) = places_at_peak(profile.model_copy(update={"placements": [here]}))
    for phase, placed in zip(floor.phases, there.phases, strict=True):
        moved = grown(phase.terms, {"memory": 2.0})
        assert moved.time_s == pytest.approx(placed.time_at_peak_s, rel=1e-12)
        assert moved.bound == placed.bound


def test_untouched_prediction_is_the_profiles() -> None:
    profile = real_profile().model_copy(update={"predictions": [real_prediction()]})
    (found,) = places_predicted(profile)
    (asked,) = profile.predictions
    assert found.roof is not None
    assert found.roof.bandwidth == 819e9  # of the placement on the same chip
    for phase, written in zip(found.phases, asked.phases, strict=True):
        assert phase.terms.time_s == pytest.approx(written.time_s.median, rel=1e-12)
        assert (phase.low_s, phase.high_s) == (written.time_s.low, written.time_s.high)


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("chips", [1, 8])
def test_sliders_stay_near_the_time_model(chips: int, factor: float) -> None:
    """One effective power for a phase is an approximation, held here to a fifth of the whole
    model's time asked again with another bandwidth."""

    def asked(bandwidth: float) -> Prediction:
        chip = load_chip("v5e")
        figure = chip.memory.bandwidth
        changed = figure.model_copy(update={"value": figure.value * bandwidth})
        memory = chip.memory.model_copy(update={"bandwidth": changed})
        return predict(
            Query(
                model=named_shape("smollm2-135m"),
                slice=Slice(chip.model_copy(update={"memory": memory}), SHAPES[chips]),
                split=Parallelism(data=chips),
                lengths=Lengths(8.0, 4.0, 200.0, 500.0, 16.0),
            ),
            sample_calibration(),
        )  # fmt: skip

    profile = real_profile().model_copy(update={"predictions": [asked(1.0)]})
    (found,) = places_predicted(profile)
    for phase, whole in zip(found.phases, asked(factor).phases, strict=True):
        moved = grown(phase.terms, {"memory": factor})
        assert moved.time_s == pytest.approx(whole.time_s.median, rel=0.2), phase.phase
