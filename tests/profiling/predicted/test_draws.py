"""Draws: more from few that vary together as those do, in halves that mirror each other, and what
so many of them can tell."""

import math

import numpy as np
import pytest

from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.draws import (
    RULE_OF_THREE,
    TURNS,
    interval,
    multiplied,
    normals,
    probability,
)


def test_more_draws_have_the_mode_first_and_the_variances_of_the_first_ones() -> None:
    rng = np.random.default_rng(3)
    mode, mixed = np.array([1.0, -2.0, 0.5]), rng.standard_normal((3, 3))
    few = np.vstack((mode, mode + rng.standard_normal((64, 3)) @ mixed))
    more = np.stack([multiplied(column) for column in few.T], axis=1)
    assert more.shape == (1 + 2 * TURNS * 64, 3)
    np.testing.assert_array_equal(more[0], mode)

    def moments(drawn: np.ndarray) -> np.ndarray:
        apart = drawn[1:] - mode
        return np.asarray(apart.T @ apart / len(apart))

    np.testing.assert_allclose(moments(more), moments(few), rtol=1e-12)
    assert len(np.unique(more.round(9), axis=0)) == len(more)


def test_of_one_draw_beside_the_mode_and_of_many() -> None:
    assert multiplied(np.array([1.0, 3.0])).tolist() == [1.0] + [3.0] * TURNS + [-1.0] * TURNS


@pytest.mark.parametrize("count", [1, 2, 3, 64, 513])
def test_normals_are_spread_evenly_and_mirrored(count: int) -> None:
    drawn = normals(count, "any words")
    assert drawn[0] == 0.0
    np.testing.assert_array_equal(np.sort(drawn), np.sort(-drawn))
    half = (count - 1) // 2
    first, second = np.split(drawn[count - 2 * half :], 2)
    np.testing.assert_array_equal(first, -second)
    if count > 60:
        assert drawn.std() == pytest.approx(1.0, abs=0.03)
        other = normals(count, "other words")
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.2


def test_the_order_of_draws_is_the_same_everywhere() -> None:
    """Worked out once; NumPy keeps a generator's raw bits for good, and no other library has a say
    in it."""
    places = np.argsort(normals(9, "design power/TPU v7x")).tolist()
    assert places == [1, 4, 2, 7, 0, 3, 6, 8, 5]
    assert normals(9, "w")[1:].tolist() != normals(9, "v")[1:].tolist()


@pytest.mark.parametrize("words", [("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i")])
def test_a_median_is_at_the_mode_whatever_the_order(words: tuple[str, str, str]) -> None:
    """Of a product of powers exactly; 80 % of a normal distribution lie within 1.2816."""
    one, two, three = (normals(513, each) for each in words)
    found = interval(7.0 * np.exp(0.4 * one - 0.2 * two + 0.1 * three))
    assert found.median == pytest.approx(7.0, rel=1e-12)
    scale = 1.2816 * math.hypot(0.4, 0.2, 0.1)
    assert math.log(found.high / 7.0) == pytest.approx(scale, rel=0.1)
    assert math.log(7.0 / found.low) == pytest.approx(scale, rel=0.1)


def test_the_calibrations_medians_are_near_its_modes() -> None:
    calibration = default_calibration()
    assert calibration.draws > 500
    for chip, kind in (("TPU v5e", "tpu"), ("NVIDIA H100 SXM", "gpu"), ("no such chip", "tpu")):
        for name, drawn in vars(calibration.efficiency(chip, kind, None)).items():
            assert np.median(drawn) == pytest.approx(drawn[0], rel=1e-9), name


def test_a_share_of_draws_is_no_surer_than_their_number() -> None:
    certain = np.ones(513, bool)
    assert probability(certain) == 1 - RULE_OF_THREE / 512
    assert probability(~certain) == RULE_OF_THREE / 512
    assert probability(np.arange(513) <= 128) == 0.25, "the first is the mode, not a draw"
    assert probability(np.array([True])) == 0.5, "one draw tells nothing"
