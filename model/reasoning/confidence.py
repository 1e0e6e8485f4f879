"""How sure a model was of each token: two figures that come out of the same logits as the token."""

import jax
import jax.numpy as jnp
from jax import Array


def token_confidence(logits: Array, token: Array) -> tuple[Array, Array]:
    """Log-probability of `token` [...] and top-1 minus top-2 probability, of `logits` [..., V].

    Both are of the model's own softmax, whatever the sampler's temperature. The margin is
    CoT-decoding's (Wang & Zhou 2024, arXiv 2402.10200, section 2.2), the log-probability what
    DeepConf (arXiv 2508.15260) averages. Three reductions over the vocabulary, no sort.
    """
    with jax.named_scope("confidence"):
        total = jax.nn.logsumexp(logits, axis=-1)
        chosen = jnp.take_along_axis(logits, jnp.maximum(token, 0)[..., None], axis=-1)[..., 0]
        best = jnp.argmax(logits, axis=-1)
        index = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
        second = jnp.where(index == best[..., None], -jnp.inf, logits).max(axis=-1)
        margin = jnp.exp(logits.max(axis=-1) - total) - jnp.exp(second - total)
        return chosen - total, margin
