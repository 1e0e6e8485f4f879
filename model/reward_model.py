"""An outcome reward model: a head that reads an attempt's last hidden state and says how likely
the attempt is right (Cobbe et al. 2021, arXiv 2110.14168).

Such a verifier's folder, which `rooflink train --method verifier` writes, holds the head and the
trunk that the head reads. Axis letters as in `config`; R attempts, N hidden units of the head.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .config import DType, ModelInputError
from .generation.session import Session
from .kv_cache import KVCache
from .strategies.verifiers import VERIFY, HeadVerifier, TrunkVerifier, Verifier
from .tokenizer import Tokenizer
from .transformer import Transformer, transformer_from
from .weights import parameters
from .weights.checkpoint import digest_of, load_checkpoint, read_notes, save_checkpoint
from .weights.loading import open_hf_folder

HEAD = "verifier.safetensors"
EPS = 1e-5


@partial(jax.tree_util.register_dataclass, data_fields=["inward", "bias", "outward"],
         meta_fields=[])  # fmt: skip
@dataclass(frozen=True)
class Head:
    """A perceptron of one hidden layer on the normalised state."""

    inward: Array  # [D, N]
    bias: Array  # [N]
    outward: Array  # [N]

    def __call__(self, hidden: Array) -> Array:
        """Scores in [0, 1] of hidden states [..., D] before the final norm."""
        return jax.nn.sigmoid(self.logit(hidden))

    def logit(self, hidden: Array) -> Array:
        """The log-odds that the attempts are right."""
        scale = jax.lax.rsqrt((hidden**2).mean(axis=-1, keepdims=True) + EPS)
        units = jax.nn.silu(jnp.einsum("...D,DN->...N", hidden * scale, self.inward) + self.bias)
        return jnp.einsum("...N,N->...", units, self.outward)


def initial_head(embed_dim: int, hidden: int, seed: int) -> Head:
    """A head that finds every attempt as likely right as wrong."""
    inward = jax.random.normal(jax.random.key(seed), (embed_dim, hidden)) * embed_dim**-0.5
    return Head(inward, jnp.zeros(hidden), jnp.zeros(hidden))


def last_hidden(model: Transformer, tokens: Array, lengths: Array) -> Array:
    """The state [R, D] before the final norm at the last of `lengths` [R] tokens of each row."""
    R, T = tokens.shape
    positions = jnp.broadcast_to(jnp.arange(T, dtype=jnp.int32), (R, 1, T))
    cache = KVCache.empty(model.config, R, 1, T, model.dtype)
    hidden, _ = model.forward(tokens[:, None], positions, cache, 0)
    return jnp.take_along_axis(hidden[:, 0], (lengths - 1)[:, None, None], axis=1)[:, 0]


def save_head(folder: Path, head: Head) -> None:
    """Write the head's arrays to `HEAD` in `folder`."""
    save_checkpoint(folder / HEAD, head, {"units": str(head.bias.size)})


def load_head(folder: Path, embed_dim: int) -> Head:
    """The head in `folder`, for states of width `embed_dim`. Raises ModelInputError where there is
    none, or one for another width."""
    return load_checkpoint(folder / HEAD, initial_head(embed_dim, _units(folder), seed=0))


def _units(folder: Path) -> int:
    """Hidden units of the head in `folder`; ModelInputError where there is none."""
    path = folder / HEAD
    units = read_notes(path).get("units", "") if path.is_file() else ""
    if not units.isdecimal() or len(units) > 6:
        raise ModelInputError(
            f"no {HEAD} in {folder} that holds a verifier's head: `rooflink train --method "
            "verifier` writes one"
        )
    return int(units)


NAME = "verifier"
"""Whose weights its passes read, in pass records."""


@dataclass(frozen=True, eq=False)
class TrainedVerifier:
    """A head with the trunk that it was taught on; a `Verifier` that reads everything anew."""

    folder: Path
    head: Head
    trunk: Transformer
    phases: tuple[str, ...] = field(default=(VERIFY,))
    reads_figures: bool = False

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        return TrunkVerifier(self.trunk, self._scored, NAME).scores(session, rows)

    def on(self, model: Transformer) -> Verifier:
        """The cheapest form for attempts of `model`: where the trunk is its own, the head alone,
        on states that are at hand but for the last token's."""
        return HeadVerifier(self._scored, name=NAME) if self.reads(model) else self

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
    Raises ModelInputError where there is none, it is damaged, or its trunk reads other ids."""
    _units(folder)  # before all else: any model's folder is without a head
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
