"""The cost model by hand, against published chips, and its draws."""

import numpy as np
import pytest

from rooflink.profiling.co_design.chip_cost_model import (
    PROCESSES_NM,
    ChipParts,
    area_mm2,
    build_usd,
    cost_assumptions,
    cost_model,
    full_watts,
    parts_of,
    process_of,
    rates_of,
)
from rooflink.tpu_configs.catalog import load_chip

NOTHING = ChipParts(0.0, 0.0, 0.0, 0.0, 0.0)


def first(value):
    return float(np.asarray(value).ravel()[0])


def test_sums_by_hand_at_5_nm():
    parts = ChipParts(1e15, 1e12, 100e9, 100e6, 100e9)
    rates = rates_of(5)
    # 1000 * 0.3 + 100 * 0.31 + 1000 * 0.015 + 100 * 0.06 + 100
    assert first(area_mm2(parts, rates)) == pytest.approx(452.0)
    # 1e15 * 0.42e-12 + 8e12 * 5e-12 + 8e11 * 7.5e-12 + 100 * 0.05 + 100 * 0.1 + 70
    assert first(full_watts(parts, rates)) == pytest.approx(551.0)
    # dies 452 * 16988 / 70686 / exp(-0.452) + 100 * 11 + 1000 * 0.25 + 100 * 1.5 + 1335 + 2500
    assert first(build_usd(parts, rates)) == pytest.approx(5505.7, abs=0.5)


@pytest.mark.parametrize(("name", "published_mm2", "published_w"), [("h100", 814, 700),
                                                                   ("a100", 826, 400)])  # fmt: skip
def test_a_published_gpu_has_room_for_what_is_costed(name, published_mm2, published_w):
    """Die sizes: NVIDIA's whitepapers. A GPU's vector units, caches and
    graphics, most of the rest, are no parts here."""
    chip = load_chip(name)
    rates = rates_of(process_of(chip)[0])
    assert published_mm2 / 3 < first(area_mm2(parts_of(chip), rates)) < published_mm2
    assert published_w / 2 < first(full_watts(parts_of(chip), rates)) < published_w * 1.2


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
        for each in cost_assumptions(process):
            assert each.source
            assert each.confidence != "high" or "judgement" not in each.source
            if each.source.startswith("judgement:"):
                assert each.confidence == "low"


def test_draws_start_at_the_figure_and_spread_by_their_scale():
    draws = np.asarray(rates_of(5, 101).hbm_usd_per_gb)
    assert draws[0] == 11.0
    assert np.std(np.log(draws[1:])) == pytest.approx(0.25, rel=0.05)
    np.testing.assert_array_equal(draws, rates_of(5, 101).hbm_usd_per_gb)
