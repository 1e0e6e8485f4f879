"""The cost model by hand, against published chips, and its draws."""

from itertools import pairwise

import numpy as np
import pytest

from rooflink.profiling.co_design.buildable import Stacked, uses
from rooflink.profiling.co_design.chip_cost_model import (
    PROCESSES_NM,
    ChipParts,
    area_mm2,
    build_usd,
    cost_assumptions,
    cost_model,
    dies_of,
    dies_sentence,
    full_watts,
    parts_of,
    process_of,
    rates_of,
)
from rooflink.profiling.co_design.memory_stacks import generation_of, generations, stacks
from rooflink.profiling.predicted.energy import design_power_of
from rooflink.tpu_configs.catalog import load_chip


def first(value):
    return float(np.asarray(value).ravel()[0])


def test_sums_by_hand_at_5_nm_with_hbm3e():
    parts = ChipParts(1e15, 1e12, 100e9, 100e6, 100e9)
    rates = rates_of(5, "HBM3e")
    # 1000 * 0.55 + 100 * 0.31 + 13 + 100 * 0.06 + 150
    assert first(area_mm2(parts, rates)) == pytest.approx(750.0)
    # 1e15 * 0.36e-12 + 8e12 * 4.2e-12 + 8e11 * 7.5e-12 + 100 * 0.05 + 100 * 0.1 + 70
    assert first(full_watts(parts, rates)) == pytest.approx(484.6)
    # dies 750 * 16988 / 70686 / exp(-0.75) + 100 * 16.5 + 85 + 100 * 1.5 + 1245 + 2500
    assert first(build_usd(parts, rates)) == pytest.approx(6011.6, abs=0.5)


def test_more_than_a_reticle_is_several_dies_with_joints():
    """2.2 PFLOP/s and 8 stacks of HBM3e at 5 nm: 1,500 mm2 of parts, 8 TB/s, so 2 sides of a joint
    of 1.25 * 8000 * 0.001 = 10 mm2, and 0.5 pJ/bit for 10 TB/s."""
    rates = rates_of(5, "HBM3e")
    parts = ChipParts(2e15, 8e12, 192e9, 100e6, 900e9)
    of_parts = 2000 * 0.55 + 31 + 8 * 13 + 900 * 0.06 + 150
    assert first(dies_of(parts, rates)) == 2
    assert first(area_mm2(parts, rates)) == pytest.approx(of_parts + 20.0)
    watts = 720 + 8 * 8 * 4.2 + 0.9 * 8 * 7.5 + 5 + 19.2 + 70 + 40
    assert first(full_watts(parts, rates)) == pytest.approx(watts)


REPRODUCED = ("v4", "v4i", "v5e", "a100", "h100", "h200", "b200")
NOT_REPRODUCED = ("v100", "mi250x-gcd", "mi300x")
"""12 nm; float64 units as wide as the matrix units; chiplets stacked on base dies. Of v5p, v6e and
v7x no die is published."""


def spread(name, cost):
    """The model's figure for a chip as its file has it, within the 95 % interval of its draws."""
    chip = load_chip(name)
    rates = rates_of(process_of(chip)[0], generation_of(chip)[0], 4001)
    figures = cost(parts_of(chip), rates)
    low, high = np.quantile(figures[1:], [0.025, 0.975])
    return low, figures[0], high


@pytest.mark.parametrize("name", REPRODUCED)
def test_published_dies_and_powers_lie_within_the_stated_uncertainty(name):
    chip = load_chip(name)
    low, figure, high = spread(name, area_mm2)
    assert low < chip.silicon.area.value < high
    assert high / low < 3  # an interval that says something
    assert abs(np.log(figure / chip.silicon.area.value)) < 0.35
    if chip.power is not None:
        low, figure, high = spread(name, full_watts)
        assert low < chip.power.maximum.value < high
        assert abs(np.log(figure / chip.power.maximum.value)) < 0.35


def test_the_dies_of_a_chip_are_said_beside_what_is_published():
    assert dies_sentence(load_chip("h100")).startswith("NVIDIA H100 SXM: 786 mm² of dies (")
    assert dies_sentence(load_chip("h100")).endswith(", 95 %); published: 814 mm²")
    assert dies_sentence(load_chip("v5p")).endswith("; none is published")


@pytest.mark.parametrize("name", NOT_REPRODUCED)
def test_chips_that_are_said_not_to_be_reproduced_are_not(name):
    _, _, high = spread(name, area_mm2)
    assert load_chip(name).silicon.area.value > high


@pytest.mark.parametrize(
    ("name", "count"),
    [("v4", 4), ("v5e", 2), ("v5p", 6), ("v6e", 2), ("v7x", 8), ("a100", 5), ("h100", 5),
     ("h200", 6), ("b200", 8)],
)  # fmt: skip
def test_chips_that_are_built_can_be_built(name, count):
    """Stacks as their makers show them; dies as they are costed."""
    chip = load_chip(name)
    generation, _ = generation_of(chip)
    one = next(stack for stack in stacks() if stack.generation == generation)
    shares = uses(
        parts_of(chip), Stacked(float(count), *one[1:]), rates_of(process_of(chip)[0], generation)
    )
    assert all(first(share) <= 1 for share in shares.values()), shares
    assert chip.hbm_bandwidth <= count * one.bandwidth * 1.001


def test_stacks_gain_bandwidth_and_capacity_with_their_generation():
    kinds = list(generations().values())
    assert list(generations()) == ["HBM2e", "HBM3", "HBM3e", "HBM4"]
    for older, newer in pairwise(kinds):
        assert older.bandwidth.value < newer.bandwidth.value
        assert older.energy.value > newer.energy.value
        assert older.capacity[0].value <= newer.capacity[0].value
    for stack in stacks():
        assert 16e9 <= stack.capacity_bytes <= 64e9
        assert 0.4e12 <= stack.bandwidth <= 2.1e12


def test_a_chip_has_its_design_power():
    for name in ("v4", "h100", "v5e"):
        chip = load_chip(name)
        model = cost_model(chip, 3)
        power = design_power_of(chip)
        assert first(full_watts(model.reference, model.rates)) == pytest.approx(power.watts)


def test_factors_are_one_for_no_change_and_for_what_is_no_part():
    model = cost_model(load_chip("h100"), 16)
    assert model.factors({"kernel_overhead": 0.5}) == (1.0, 1.0)
    watts, usd = model.factors({"hbm_bandwidth": 1.0})
    np.testing.assert_allclose([watts, usd], 1.0, rtol=1e-5)
    watts, usd = model.factors({"hbm_bandwidth": 2.0})
    assert np.all(np.asarray(watts) > 1)
    assert np.all(np.asarray(usd) > 1)
    assert len(usd) == 16


def test_every_coefficient_has_a_source_and_says_where_it_is_a_judgement():
    for process in PROCESSES_NM:
        for generation in generations():
            for each in cost_assumptions(process, generation):
                assert each.source
                assert each.confidence != "high" or "judgement" not in each.source
                if each.source.startswith("judgement:"):
                    assert each.confidence == "low"


def test_draws_start_at_the_figure_and_spread_by_their_scale():
    draws = np.asarray(rates_of(5, "HBM3", 101).hbm_usd_per_gb)
    assert draws[0] == 17.0
    assert np.std(np.log(draws[1:])) == pytest.approx(0.25, rel=0.05)
    np.testing.assert_array_equal(draws, rates_of(5, "HBM3", 101).hbm_usd_per_gb)
