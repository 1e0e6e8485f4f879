"""The reference reasoning model: a Flax transformer with chain-of-thought decoding.

Knows JAX and Flax, nothing of hardware or of profiling. Sizes alone (`config`, `architecture`)
import neither: `Transformer` does when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .config import PRESETS, ModelConfig, ModelInputError, preset

if TYPE_CHECKING:
    from .transformer import Transformer

__all__ = ["PRESETS", "ModelConfig", "ModelInputError", "Transformer", "preset"]


def __getattr__(name: str) -> "type[Transformer]":
    if name == "Transformer":
        transformer: type[Transformer] = import_module(".transformer", __name__).Transformer
        return transformer
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
