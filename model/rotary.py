"""Rotary positions (Su et al. 2021, arXiv 2104.09864, rotate-half layout), with the scalings by
which models are made to read further than they were first trained to.

Axis letters as in `config`; R rotated dimensions of a head, the first of its H.
"""

import math
from typing import assert_never

import jax.numpy as jnp
import numpy as np
from jax import Array

from .config import ModelConfig
from .styles import LinearScaling, ListedScaling, Llama3Scaling, RopeScaling, YarnScaling

Rotation = tuple[Array, Array]
"""Cosines and sines, each [B, A, T, R/2] float32."""


def inverse_frequencies(config: ModelConfig, local: bool = False) -> np.ndarray:
    """Rotation speed of each pair of a head's dimensions, radians per position: [R/2] float32; of
    layers with a window where `local`."""
    width = config.rotary_dim or config.head_dim
    exponents = np.arange(0, width, 2, dtype=np.float32) / width
    if local and config.local_rope_theta is not None:
        return (1.0 / config.local_rope_theta**exponents).astype(np.float32)
    frequencies = (1.0 / config.rope_theta**exponents).astype(np.float32)
    scaling = config.rope_scaling
    return frequencies if scaling is None else scaled(frequencies, scaling, config.rope_theta)


def scaled(frequencies: np.ndarray, scaling: RopeScaling, theta: float) -> np.ndarray:
    """`frequencies` [R/2] under `scaling`: float32."""
    match scaling:
        case Llama3Scaling():
            return scale_llama3(frequencies, scaling)
        case LinearScaling():
            return (frequencies / np.float32(scaling.factor)).astype(np.float32)
        case YarnScaling():
            return _scale_yarn(frequencies, scaling, theta)
        case ListedScaling():
            return (frequencies / np.array(scaling.divisors, np.float32)).astype(np.float32)
    assert_never(scaling)


def scale_llama3(frequencies: np.ndarray, scaling: Llama3Scaling) -> np.ndarray:
    """Llama 3.1: divide slow frequencies by `factor`, keep fast ones, blend in between."""
    turns = scaling.original_context * frequencies / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    keep = np.clip((turns - scaling.low_freq_factor) / span, 0.0, 1.0)
    return (keep * frequencies + (1 - keep) * frequencies / scaling.factor).astype(np.float32)


def _scale_yarn(frequencies: np.ndarray, scaling: YarnScaling, theta: float) -> np.ndarray:
    """As `scale_llama3`, but the blend is linear in the dimension and not in the turns."""
    pairs = len(frequencies)

    def pair_of(turns: float) -> float:
        """Which pair turns so many times within the original context."""
        wavelength = scaling.original_context / (turns * 2 * math.pi)
        return pairs * math.log(wavelength) / math.log(theta)

    first, last = pair_of(scaling.beta_fast), pair_of(scaling.beta_slow)
    if scaling.whole:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, 2 * pairs - 1)
    ramp = (np.arange(pairs) - first) / (last - first or 0.001)
    keep = 1 - np.clip(ramp, 0.0, 1.0)
    slow = frequencies / scaling.yarn_factor
    return (keep * frequencies + (1 - keep) * slow).astype(np.float32)


def rotation(config: ModelConfig, positions: Array, local: bool = False) -> Rotation:
    """Cosines and sines for `positions` [B, A, T]; of layers with a window where `local`."""
    angles = positions[..., None].astype(jnp.float32) * inverse_frequencies(config, local)
    cosines, sines = jnp.cos(angles), jnp.sin(angles)
    if isinstance(config.rope_scaling, YarnScaling | ListedScaling):
        factor = config.rope_scaling.attention_factor
        return cosines * factor, sines * factor
    return cosines, sines


def rotate(x: Array, cosines: Array, sines: Array) -> Array:
    """Rotate the first R of `x` [..., H] by angles that broadcast against [..., R/2], in float32;
    the rest stays as it is."""
    width = 2 * cosines.shape[-1]
    first, second = jnp.split(x[..., :width].astype(jnp.float32), 2, axis=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    rotated = jnp.concatenate(turned, axis=-1).astype(x.dtype)
    kept = x[..., width:]
    return jnp.concatenate((rotated, kept), axis=-1) if kept.shape[-1] else rotated
