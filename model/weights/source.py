"""WeightSource: where weights come from, whatever the file format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..config import ModelConfig
from ..tokenizer import Tokenizer

NamedTensor = tuple[str, np.ndarray]


@dataclass(frozen=True)
class WeightSource:
    """An opened model: its configuration, its tokenizer, and its tensors read on demand.

    `description` says for a profile's provenance which file the weights were.
    """

    config: ModelConfig
    tokenizer: Tokenizer
    description: str
    read_tensors: Callable[[], Iterator[NamedTensor]]

    def tensors(self) -> Iterator[NamedTensor]:
        """Yield (public Hugging Face name, array) one at a time, projections as [out, in].

        Arrays are float32, or ml_dtypes.bfloat16 where the file holds that; each is read when the
        iterator reaches it. Raises `ModelInputError` for what the file cannot give.
        """
        return self.read_tensors()
