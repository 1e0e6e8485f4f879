"""An outcome reward model: a head that reads an attempt's last hidden state and says how likely
the attempt is right (Cobbe et al. 2021, arXiv 2110.14168).

Axis letters as in `config`; R attempts, N hidden units of the head.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from jax import Array

from ..cache import KVCache
from ..errors import ModelInputError
from ..transformer import Transformer
from .checkpoint import load_checkpoint, read_notes, save_checkpoint

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


def outcome_loss(head: Head, hidden: Array, right: Array) -> Array:
    """Mean cross-entropy, in nats, of `right` [R] given states `hidden` [R, D]."""
    return optax.sigmoid_binary_cross_entropy(head.logit(hidden), right).mean()


def save_head(folder: Path, head: Head) -> None:
    """Write the head's arrays to `HEAD` in `folder`."""
    save_checkpoint(folder / HEAD, head, {"units": str(head.bias.size)})


def require_head(folder: Path) -> Path:
    """The head's file in `folder`; ModelInputError where there is none."""
    path = folder / HEAD
    if not path.is_file():
        raise ModelInputError(
            f"no {HEAD} in {folder}: `rooflink train --method verifier` writes one"
        )
    return path


def load_head(folder: Path, embed_dim: int) -> Head:
    """The head in `folder`, for states of width `embed_dim`: a `HeadVerifier`'s `head`.

    Raises ModelInputError where there is none, or one for another width.
    """
    path = require_head(folder)
    units = read_notes(path).get("units", "")
    if not units.isdigit():
        raise ModelInputError(
            f"{path} holds no verifier's head: `rooflink train --method verifier` writes one"
        )
    return load_checkpoint(path, initial_head(embed_dim, int(units), seed=0))
