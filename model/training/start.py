"""The model that a training starts from, with a mark of its weights."""

import hashlib
from dataclasses import dataclass

import jax
import numpy as np

from ..errors import ModelInputError
from ..tasks.notation import speaks_notation
from ..tokenizer import Tokenizer
from ..transformer import Transformer, transformer_from
from ..weights import open_weights, parameters


@dataclass(frozen=True)
class Start:
    """A float32 model that speaks the notation; `digest` changes with any of its weights."""

    model: Transformer
    tokenizer: Tokenizer
    digest: str


def open_start(name: str) -> Start:
    """The model that `name` (reasoner, or a folder) opens.

    Raises ModelInputError where there is none, or it does not speak the reasoner's notation.
    """
    source = open_weights(name)
    if source.tokenizer is None or not speaks_notation(source.tokenizer):
        raise ModelInputError(
            f"{name} does not speak the reasoner's notation: start from 'reasoner' or a folder "
            "that `rooflink train` wrote"
        )
    arrays = parameters(source.config, source.tensors(), "float32")
    model = transformer_from(source.config, "float32", arrays)
    return Start(model, source.tokenizer, digest_of(model))


def digest_of(model: object) -> str:
    """A hash of every weight of `model`, a pytree."""
    found = hashlib.blake2b(digest_size=8)
    for leaf in jax.tree.leaves(model):
        found.update(np.ascontiguousarray(np.asarray(leaf)).view(np.uint8).data)  # no copy
    return found.hexdigest()
