"""Distillation: a student learns what its teacher says, and how likely it held each token.

The tokens are the teacher's own attempts (sequence level, Kim & Rush 2016, arXiv 1606.07947); the
distributions over them are matched by KL (Hinton et al. 2015, arXiv 1503.02531, temperature 1).
Axis letters as in `config`; R rows, T tokens of a row.
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from jax import Array

from ..transformer import Transformer
from .loss import token_logits


def distillation_loss(
    student: Transformer, held: Array, tokens: Array, taught: Array, kl_weight: float
) -> Array:
    """Mean over `taught` [R, T] tokens of (1 - w) (-log p of the token) + w KL(teacher, student),
    in nats; `held` [R, T, V] are the teacher's logits after each token."""
    said = jax.nn.log_softmax(token_logits(student, tokens[:, :-1]))
    held = jax.nn.log_softmax(held[:, :-1])
    chosen = jnp.take_along_axis(said, tokens[:, 1:, None], axis=-1)[..., 0]
    kl = (jnp.exp(held) * (held - said)).sum(axis=-1)
    counts = taught[:, 1:]
    each = (1 - kl_weight) * -chosen + kl_weight * kl
    return (each * counts).sum() / jnp.maximum(counts.sum(), 1)


@partial(jax.jit, static_argnames=("kl_weight", "apply"))
def student_update(  # type: ignore[no-untyped-def]
    student: Transformer, state: optax.OptState, held: Array, tokens: Array, taught: Array,
    kl_weight: float, apply,
) -> tuple[Transformer, optax.OptState, Array]:  # fmt: skip
    """One step of the optimiser whose `apply` this is, and the loss before it."""
    loss, gradient = jax.value_and_grad(distillation_loss)(student, held, tokens, taught, kl_weight)
    change, state = apply(gradient, state, student)
    return optax.apply_updates(student, change), state, loss


teach = jax.jit(token_logits)
"""A teacher's logits [R, T, V] after each token of rows [R, T]."""
