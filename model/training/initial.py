"""Starting weights for training from scratch."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ..config import ModelConfig
from ..layers import INITIAL_SCALE
from ..transformer import Transformer, random_transformer

_ONTO_RESIDUAL = ("output", "down")


@partial(jax.jit, static_argnames=("config", "seed"))
def initial_transformer(config: ModelConfig, seed: int) -> Transformer:
    """A float32 model whose matrices keep the scale of what they read.

    Standard deviation 1 / sqrt(fan-in), the embedding's 1 / sqrt(D) as its logits need; matrices
    that write to the residual stream are smaller by sqrt(2 L) (GPT-2, Radford et al. 2019).
    """
    graph, state = nnx.split(random_transformer(config, jnp.float32, seed))
    flat = [
        (path, variable.replace(_scaled(config, str(path[-1]), variable[...])))
        for path, variable in nnx.to_flat_state(state)
    ]
    model: Transformer = nnx.merge(graph, nnx.from_flat_state(flat))
    return model


def _scaled(config: ModelConfig, name: str, value: Array) -> Array:
    if "norm" in name:
        return value
    fan_in = config.embed_dim if name == "embedding" else value.shape[-2]
    depth = 2 * config.layers if name in _ONTO_RESIDUAL else 1
    return value * ((fan_in * depth) ** -0.5 / INITIAL_SCALE)
