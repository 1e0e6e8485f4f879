"""Rotation against complex numbers, frequency scaling against the published rule."""

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.config import ModelConfig, preset
from rooflink.model.layers import inverse_frequencies, rotate, rotation
from rooflink.model.styles import Llama3Scaling

LLAMA31_SCALING = Llama3Scaling(8.0, 1.0, 4.0, 8192)
LLAMA31 = replace(preset("llama3-8b"), rope_scaling=LLAMA31_SCALING)
LLAMA32 = replace(LLAMA31, head_dim=64, rope_scaling=replace(LLAMA31_SCALING, factor=32.0))


def rotated(config: ModelConfig, x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`x` [T, H] rotated to `positions` [T]."""
    cosines, sines = rotation(config, jnp.asarray(positions)[None, None])
    return np.asarray(rotate(jnp.asarray(x), cosines[0, 0], sines[0, 0]))


@pytest.mark.parametrize("name", ["smollm2-135m", "llama3-8b"])
def test_rotation_is_a_complex_product(name: str) -> None:
    """Dimensions i and i + H/2 are a complex number that turns by theta^(-2i/H) a position."""
    config = preset(name)
    H = config.head_dim
    positions = np.array([0, 1, 2, 17, 500])
    x = np.random.default_rng(0).normal(size=(len(positions), H)).astype(np.float32)

    speed = config.rope_theta ** (-2.0 * np.arange(H // 2) / H)
    turned = (x[:, : H // 2] + 1j * x[:, H // 2 :]) * np.exp(1j * positions[:, None] * speed)
    expected = np.concatenate((turned.real, turned.imag), axis=-1)
    np.testing.assert_allclose(rotated(config, x, positions), expected, atol=2e-4)


def test_score_depends_on_the_distance_alone() -> None:
    """A query and a key, both moved by the same 900 positions, keep their product."""
    config = preset("smollm2-135m")
    query, key = np.random.default_rng(1).normal(size=(2, config.head_dim)).astype(np.float32)

    def score(at: int, seen_from: int) -> float:
        turned = rotated(config, np.stack((key, query)), np.array([at, seen_from]))
        return float(turned[0] @ turned[1])

    assert score(903, 940) == pytest.approx(score(3, 40), abs=1e-3)
    assert score(3, 41) != pytest.approx(score(3, 40), abs=1e-1)


def published_llama3_frequency(frequency: float, scaling: Llama3Scaling) -> float:
    """Llama 3.1's rule as Meta publishes it, in wavelengths (llama-models, `apply_scaling`)."""
    wavelength = 2 * math.pi / frequency
    if wavelength < scaling.original_context / scaling.high_freq_factor:
        return frequency
    if wavelength > scaling.original_context / scaling.low_freq_factor:
        return frequency / scaling.factor
    smooth = (scaling.original_context / wavelength - scaling.low_freq_factor) / (
        scaling.high_freq_factor - scaling.low_freq_factor
    )
    return (1 - smooth) * frequency / scaling.factor + smooth * frequency


@pytest.mark.parametrize("config", [LLAMA31, LLAMA32], ids=["factor 8", "factor 32"])
def test_llama3_scaling_is_the_published_rule(config: ModelConfig) -> None:
    """Fast frequencies stay, slow ones are divided by the factor, those between are blended."""
    scaling = config.rope_scaling
    assert scaling is not None
    plain = config.rope_theta ** (-np.arange(0, config.head_dim, 2) / config.head_dim)
    expected = np.array([published_llama3_frequency(f, scaling) for f in plain])
    np.testing.assert_allclose(inverse_frequencies(config), expected, rtol=2e-6)

    divisors = plain / expected
    kept, divided = np.isclose(divisors, 1), np.isclose(divisors, scaling.factor)
    assert kept.any()
    assert divided.any()
    assert (~kept & ~divided).any()
