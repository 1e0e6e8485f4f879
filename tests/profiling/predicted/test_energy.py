"""Joules: a chip's design power and its draws."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.energy import design_power_of
from rooflink.tpu_configs.catalog import load_all, load_chip


def test_watts_that_differ_in_their_last_digit_draw_in_the_same_order() -> None:
    """Another linear algebra library fits another last digit."""
    estimated = design_power_of(load_chip("v5e"))
    assert estimated is not None
    assert estimated.log_scale > 0
    other = replace(estimated, watts=float(np.nextafter(estimated.watts, np.inf)))
    one, two = map(default_calibration().design_watts, (estimated, other))
    np.testing.assert_allclose(one, two, rtol=1e-15)
    assert one[0] == estimated.watts
    assert np.median(one) == pytest.approx(estimated.watts, rel=0.02)


def test_published_watts_are_certain() -> None:
    published = design_power_of(load_chip("h100"))
    assert published is not None
    assert set(default_calibration().design_watts(published)) == {700.0}


def test_power_is_estimated_near_what_chips_with_hbm_publish() -> None:
    errors = []
    for chip in load_all():
        memory = chip.memory.technology
        if chip.power and chip.power.maximum and memory and memory.value.startswith("HBM"):
            estimated = design_power_of(chip.model_copy(update={"power": None}))
            assert estimated is not None
            errors.append(abs(math.log(estimated.watts / chip.power.maximum.value)))
    assert len(errors) > 20
    assert np.median(errors) < 0.15
    assert max(errors) < 0.5


def test_no_power_is_estimated_of_a_device() -> None:
    """It is unlike the chips that the estimate is of."""
    assert design_power_of(load_chip("snapdragon-x-elite")) is None
    assert design_power_of(load_chip("jetson-orin").model_copy(update={"power": None})) is None
