"""One set of formulas for plain numbers, NumPy's and JAX's arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.config import preset
from rooflink.profiling.predicted import arrays
from rooflink.profiling.predicted.calibration import default_calibration
from rooflink.profiling.predicted.model_shape import shape_of
from rooflink.profiling.predicted.phase_lengths import Lengths, LogNormal, phase_steps
from rooflink.profiling.predicted.predict import phase_terms
from rooflink.profiling.predicted.step.collectives import Group
from rooflink.profiling.predicted.step.hardware import hardware_of
from rooflink.profiling.predicted.step.step_work import Spread
from rooflink.profiling.predicted.step.work import Widths
from rooflink.tpu_configs.catalog import load_chip

arrays.as_pytrees()


def test_plain_numbers_are_numpys_and_one_jax_array_makes_the_operation_jaxs() -> None:
    assert arrays.library(1, 2.0, True, np.float32(3), np.ones(2), 1j) is np
    assert arrays.library(1.0, jnp.ones(2)) is jnp
    jax.jit(lambda x: pytest.fail("no tracer") if arrays.library(2.0, x) is np else x)(1.0)


def test_records_are_mapped_field_by_field() -> None:
    spread = Spread(tensor=Group(2, 0.5, 0.25, 1.0))
    doubled = arrays.mapped(lambda one, other: one + other, spread, spread)
    assert doubled.tensor == Group(4, 1.0, 0.5, 2.0)
    assert arrays.mapped(lambda one: one, None) is None


def test_last_axes_are_given_to_arrays_alone() -> None:
    assert arrays.with_last_axis(3.0) == 3.0
    assert arrays.with_last_axis(np.ones((2, 3)), axes=2).shape == (2, 3, 1, 1)


@pytest.mark.parametrize("base", [0.0, 0.5, 1.0])
def test_a_complex_step_is_the_derivative_of_a_power(base: float) -> None:
    """d base^x / dx = base^x log(base), nothing where the base is nothing."""
    found = arrays.power(base, 3.0 + 1e-30j)
    assert found.real == pytest.approx(base**3)
    by_hand = base**3 * np.log(base) if base else 0.0
    assert found.imag / 1e-30 == pytest.approx(by_hand)


def test_a_complex_step_goes_with_the_larger_and_roundings_have_none() -> None:
    assert arrays.maximum(2.0 + 1e-30j, 1.0).imag == 1e-30
    assert arrays.maximum(2.0 + 1e-30j, 3.0).imag == 0.0
    assert arrays.floor(2.5 + 1e-30j) == 2.0


def test_a_prediction_under_jax_is_numpys_in_single_precision() -> None:
    """Thoughts of different lengths, efficiencies of all draws."""
    chip = load_chip("v5e")
    efficiency = default_calibration().efficiency(chip.name, chip.kind, None)
    inputs = (
        shape_of(preset("llama3-8b")), Lengths(8.0, 4.0, 512.0, 2048.0, 64.0),
        hardware_of(chip, "bfloat16"), efficiency,
    )  # fmt: skip

    def seconds(shape, lengths, hardware, efficiency):
        widths = Widths(2.0, 2.0, 2.0)
        steps = phase_steps(shape, lengths, widths, Spread(), hardware.tile, LogNormal(0.7))
        return {
            name: phase_terms(phase, hardware, efficiency, 0.0).time_s
            for name, phase in steps.items()
        }

    alone, compiled = seconds(*inputs), jax.jit(seconds)(*inputs)
    assert set(alone) == {"prefill", "think", "answer"}
    for name, time_s in alone.items():
        assert isinstance(time_s, np.ndarray)
        assert time_s.dtype == np.float64
        np.testing.assert_allclose(compiled[name], time_s, rtol=1e-5)
