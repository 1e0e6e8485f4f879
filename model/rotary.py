"""Rotary position embedding (Su et al. 2021, arXiv 2104.09864), rotate-half layout.

Axis letters as in `config`.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array

from .config import ModelConfig, RopeScaling


def inverse_frequencies(config: ModelConfig) -> np.ndarray:
    """Rotation speed of each pair of a head's dimensions, radians per position: [H/2] float32."""
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float32) / config.head_dim
    frequencies = (1.0 / config.rope_theta**exponents).astype(np.float32)
    if config.rope_scaling is not None:
        frequencies = _scale_llama3(frequencies, config.rope_scaling)
    return frequencies


def _scale_llama3(frequencies: np.ndarray, scaling: RopeScaling) -> np.ndarray:
    """Llama 3.1: slow frequencies by `factor`, keep fast ones, blend in between."""
    turns = scaling.original_context * frequencies / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    keep = np.clip((turns - scaling.low_freq_factor) / span, 0.0, 1.0)
    return (keep * frequencies + (1 - keep) * frequencies / scaling.factor).astype(np.float32)


def rotation(config: ModelConfig, positions: Array) -> tuple[Array, Array]:
    """Cosines and sines for `positions` [B, A, T]: each [B, A, T, H/2] float32."""
    angles = positions[..., None].astype(jnp.float32) * inverse_frequencies(config)
    return jnp.cos(angles), jnp.sin(angles)


def rotate(x: Array, cosines: Array, sines: Array) -> Array:
    """Rotate `x` [..., H] by angles that broadcast against [..., H/2], in float32."""
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)
