"""A trained verifier's folder opened for strategies: its head, and the trunk that the head reads.

`rooflink train --method verifier` writes such folders.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..config import DType
from ..errors import ModelInputError
from ..reasoning.session import Session
from ..reasoning.verifier import VERIFY, HeadVerifier, TrunkVerifier, Verifier
from ..tokenizer import Tokenizer
from ..transformer import Transformer, transformer_from
from ..weights import parameters
from ..weights.hf_folder import open_hf_folder
from .outcome import Head, load_head, require_head
from .start import digest_of

NAME = "verifier"
"""Whose weights its passes read, in pass records."""


@dataclass(frozen=True, eq=False)
class TrainedVerifier:
    """A head with the trunk that it was taught on; a `Verifier` that reads everything anew."""

    folder: Path
    head: Head
    trunk: Transformer
    phases: tuple[str, ...] = field(default=(VERIFY,))

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        return TrunkVerifier(self.trunk, self._scored, NAME).scores(session, rows)

    def on(self, model: Transformer) -> Verifier:
        """The cheapest form for attempts of `model`: where the trunk is its own, the head alone,
        on states that are at hand but for the last token's."""
        if not self.reads(model):
            return self
        return HeadVerifier(self._scored, name=NAME)

    def reads(self, model: Transformer) -> bool:
        """Whether the head reads `model` itself and has no trunk of its own."""
        same_sizes = replace(model.config, name=self.trunk.config.name) == self.trunk.config
        return same_sizes and digest_of(model) == digest_of(self.trunk)

    @property
    def units(self) -> int:
        """Hidden units of the head."""
        return self.head.bias.size

    def weight_bytes(self, with_trunk: bool) -> int:
        """Of the head, and of the trunk where that is not the model's own."""
        parts = (self.head, self.trunk) if with_trunk else self.head
        return sum(leaf.nbytes for leaf in jax.tree.leaves(parts))

    @cached_property
    def digest(self) -> str:
        """A hash of every weight of head and trunk."""
        return digest_of((self.head, self.trunk))

    @property
    def _scored(self) -> Callable[[Array], Array]:
        return partial(_scores, self.head)


def open_verifier(folder: Path, dtype: DType, tokenizer: Tokenizer | None) -> TrainedVerifier:
    """The verifier in `folder`, with weights as `dtype`, for a model that reads by `tokenizer`.

    Safetensors and a configuration are all that is read. Raises ModelInputError where there is
    none, where it is damaged, or where its trunk reads other token ids.
    """
    require_head(folder)
    source = open_hf_folder(folder)
    head = load_head(folder, source.config.embed_dim)
    if tokenizer is None or source.tokenizer is None or not tokenizer.same_ids(source.tokenizer):
        raise ModelInputError(
            f"the verifier in {folder} reads other tokens than the model that it is to judge: "
            "train one from that model, with --from"
        )
    arrays = parameters(source.config, source.tensors(), dtype)
    return TrainedVerifier(folder, head, transformer_from(source.config, dtype, arrays))


@jax.jit
def _scores(head: Head, hidden: Array) -> Array:
    return head(hidden.astype(jnp.float32))
