"""The reference reasoning model: a Flax transformer with chain-of-thought decoding.

Knows JAX and Flax, nothing of hardware or of profiling.
"""

from .config import PRESETS, ModelConfig, ModelInputError, preset
from .transformer import Transformer

__all__ = ["PRESETS", "ModelConfig", "ModelInputError", "Transformer", "preset"]
