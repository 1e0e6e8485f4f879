"""The optimiser of every training: clipped AdamW with warm-up and a cosine, in optax."""

from functools import cache

import jax
import optax

from ..transformer import Transformer
from .recipe import AdamW


@cache
def optimizer(settings: AdamW, steps: int) -> optax.GradientTransformation:
    """Clip by global norm, then AdamW; weight decay falls on matrices, not on norm scales.

    One object for equal settings, so that a step compiled for it is compiled once.
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
