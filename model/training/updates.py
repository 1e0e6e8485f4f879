"""What an update does: the loss of given tokens in one causal pass, its gradient, and AdamW.

Axis letters as in `config`; here every row is a prompt of its own with one attempt.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from ..kv_cache import KVCache
from ..transformer import Transformer
from .recipes import AdamW

Parameters = TypeVar("Parameters")
Loss = TypeVar("Loss")
Learner = tuple[Parameters, optax.OptState]
"""What is trained, such as a model, and its optimiser's state."""


def token_logits(model: Transformer, tokens: Array) -> Array:
    """Next-token logits [B, T, V] after each token of `tokens` [B, T], from an empty cache."""
    B, T = tokens.shape
    positions = jnp.broadcast_to(jnp.arange(T, dtype=jnp.int32), (B, 1, T))
    cache = KVCache.empty(model.config, B, 1, T, model.dtype)
    hidden, _ = model.forward(tokens[:, None], positions, cache, 0)
    return model.logits(hidden)[:, 0]


def token_logprobs(model: Transformer, tokens: Array) -> Array:
    """log p of each token of `tokens` [B, T] given those before it; the first token's is 0."""
    logits = jax.nn.log_softmax(token_logits(model, tokens[:, :-1]))
    logprobs = jnp.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
    return jnp.pad(logprobs, ((0, 0), (1, 0)))


def cross_entropy(model: Transformer, tokens: Array, taught: Array) -> Array:
    """Mean negative log-probability, in nats, of the tokens [B, T] that `taught` [B, T] marks."""
    return -(token_logprobs(model, tokens) * taught).sum() / jnp.maximum(taught.sum(), 1)


@cache
def optimizer(settings: AdamW, steps: int) -> optax.GradientTransformation:
    """Clip by global norm, then AdamW; weight decay falls on matrices, not on norm scales.

    One object for equal settings, so that an update compiled for it is compiled once.
    """
    rate = optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=settings.learning_rate,
        warmup_steps=min(settings.warmup_steps, steps - 1),
        decay_steps=steps,
    )
    return optax.chain(
        optax.clip_by_global_norm(settings.clip_norm),
        optax.adamw(rate, b2=0.98, weight_decay=settings.weight_decay, mask=decayed),
    )


def decayed(model: Transformer) -> Transformer:
    """For each parameter, whether it decays: all but the scales of norms."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: "norm" not in jax.tree_util.keystr(path), model
    )


@partial(jax.jit, static_argnames=("loss", "apply"))
def update(
    loss: Callable[..., Loss],
    apply: optax.TransformUpdateFn,
    parameters: Parameters,
    state: optax.OptState,
    data: Sequence[ArrayLike],
) -> tuple[Parameters, optax.OptState, Loss]:
    """One step down `loss(parameters, *data)`, and the loss before it: a number, or figures of
    which it is the first.

    `apply` is the optimiser's `update`; compiled once for equal `loss` and `apply`.
    """

    def first(parameters: Parameters) -> tuple[Array, Loss]:
        figures = loss(parameters, *data)
        return jax.tree.leaves(figures)[0], figures

    gradient, value = jax.grad(first, has_aux=True)(parameters)
    change, state = apply(gradient, state, parameters)
    return optax.apply_updates(parameters, change), state, value


def fit(
    loss: Callable[..., Loss],
    apply: optax.TransformUpdateFn,
    learner: Learner[Parameters],
    batches: Iterable[Sequence[ArrayLike]],
) -> tuple[Learner[Parameters], list[Loss]]:
    """An `update` on each of `batches`, and the loss before each."""
    parameters, state = learner
    losses = []
    for data in batches:
        parameters, state, value = update(loss, apply, parameters, state, data)
        losses.append(value)
    return (parameters, state), losses
