"""Joules: a chip's design power and its draws."""

from dataclasses import replace

import numpy as np
import pytest

from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.energy import design_power_of
from rooflink.tpu_configs.catalog import load_chip


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
