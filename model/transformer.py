"""The transformer: stacked blocks under one scan, the KV cache in the scan's carry.

Axis letters as in `config`; P prompt slots, S slots of each attempt.
"""

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.typing import DTypeLike

from .config import ModelConfig
from .kv_cache import KVCache, visible
from .layers import Block, Context, Visibility, attend, contract, random_weights, rms_norm, rotation


class QueryKernel(Protocol):
    """Attention of one query an attempt by other means than `layers.attend`: what a device may have
    a kernel for. Hashable, for it is a part of the model that programs are traced for."""

    def seen(self, sees: Visibility) -> Visibility:
        """Which slots each query sees, as `attend` wants it; once a pass."""

    def attend(self, query: Array, stack: Context, layer: Array, seen: Visibility) -> Array:
        """What `layers.attend` finds for layer `layer` of the caches in `stack`."""


class Transformer(nnx.Module):
    """Decoder-only transformer. Parameters live here; all decode state is passed in and out."""

    def __init__(
        self,
        config: ModelConfig,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
        kernel: QueryKernel | None = None,
    ):
        self.config = config
        self.kernel = kernel
        self.embedding = random_weights(rngs, dtype, config.vocab_size, config.embed_dim)
        stack = nnx.Rngs(rngs.params()).split(config.layers)
        self.blocks = jax.vmap(lambda keys: Block(config, dtype, keys))(stack)
        self.final_norm = nnx.Param(jnp.ones((config.embed_dim,), dtype))
        if not config.tied_embeddings:
            self.head = random_weights(rngs, dtype, config.embed_dim, config.vocab_size)

    @property
    def dtype(self) -> jnp.dtype:
        """Dtype of weights, activations and cache."""
        return self.embedding.dtype

    def forward(
        self, tokens: Array, positions: Array, cache: KVCache, slot: Array | int
    ) -> tuple[Array, KVCache]:
        """Read `tokens` [B, A, T] at `positions` [B, A, T] into slots slot .. slot + T - 1.

        A position of `cache.EMPTY` marks padding or an idle attempt: no query ever sees it.
        Returns hidden states before the final norm [B, A, T, D], and the cache.
        """
        slots = jax.lax.dynamic_update_slice(cache.positions, positions, (0, 0, slot))
        sees = Visibility(
            prompt=visible(cache.prompt_positions[:, None], positions),
            own=visible(slots, positions),
        )
        kernel = self.kernel if tokens.shape[2] == 1 else None
        seen = kernel.seen(sees) if kernel else sees
        angles = rotation(self.config, positions)
        with jax.named_scope("embedding"):
            x = self.embedding[...][tokens]

        Carry = tuple[Array, Array, Array, Array]

        def layer(carry: Carry, inputs: tuple[Block, Array, Array]) -> tuple[Carry, None]:
            x, keys, values, index = carry
            block, prompt_keys, prompt_values = inputs
            eps = self.config.norm_eps
            with jax.named_scope("attention"):
                normed = rms_norm(x, block.attention_norm[...], eps)
                if kernel is not None:
                    # Else each projection makes it anew, from what a v5p holds in HBM.
                    normed = jax.lax.optimization_barrier(normed)
                with jax.named_scope("projections"):
                    query, key, value = block.project(normed, angles)
                with jax.named_scope("cache"):
                    keys = _write(keys, key, index, slot)
                    values = _write(values, value, index, slot)
                if kernel is None:
                    context = Context(prompt_keys, prompt_values, keys[index], values[index])
                    mixed = attend(query, context, sees)
                else:
                    stack = Context(cache.prompt_keys, cache.prompt_values, keys, values)
                    mixed = kernel.attend(query, stack, index, seen)
                with jax.named_scope("projections"):
                    heads = mixed.reshape(*x.shape[:3], -1)
                    x = x + contract("BATQ,QD->BATD", heads, block.output[...])
            with jax.named_scope("mlp"):
                x = x + block.mlp(rms_norm(x, block.mlp_norm[...], eps))
            return (x, keys, values, index + 1), None

        start = (x, cache.keys, cache.values, jnp.int32(0))
        with jax.named_scope("layers"):
            (x, keys, values, _), _ = jax.lax.scan(
                layer, start, (self.blocks, cache.prompt_keys, cache.prompt_values)
            )
        return x, KVCache(
            cache.prompt_keys, cache.prompt_values, cache.prompt_positions, keys, values, slots
        )

    def logits(self, hidden: Array) -> Array:
        """Next-token logits [B, A, T, V] float32 of hidden states [B, A, T, D]."""
        with jax.named_scope("head"):
            normed = rms_norm(hidden, self.final_norm[...], self.config.norm_eps)
            tied = self.config.tied_embeddings
            equation = "BATD,VD->BATV" if tied else "BATD,DV->BATV"
            table = self.embedding if tied else self.head
            return contract(equation, normed, table[...]).astype(jnp.float32)


def _write(cache: Array, new: Array, layer: Array, slot: Array | int) -> Array:
    """Put `new` [B, A, K, T, H] into `cache` [L, B, A, K, S, H] in place."""
    return jax.lax.dynamic_update_slice(cache, new[None], (layer, 0, 0, 0, slot, 0))


def abstract_transformer(
    config: ModelConfig, dtype: DTypeLike, kernel: QueryKernel | None = None
) -> Transformer:
    """A model of shapes only: nothing is allocated, any size costs well under a second."""
    return jax.eval_shape(lambda: Transformer(config, dtype, nnx.Rngs(0), kernel))


def random_transformer(
    config: ModelConfig, dtype: DTypeLike, seed: int, kernel: QueryKernel | None = None
) -> Transformer:
    """A model with random weights, for cost without meaning."""
    return jax.jit(lambda: Transformer(config, dtype, nnx.Rngs(seed), kernel))()


def transformer_from(
    config: ModelConfig,
    dtype: DTypeLike,
    parameters: dict[str, np.ndarray],
    kernel: QueryKernel | None = None,
) -> Transformer:
    """A model with the given weights, named by module path ('blocks.query', 'final_norm').

    Takes each array out of `parameters` as it goes, so that two copies of a model never stand in
    memory together.
    """
    graph, state = nnx.split(abstract_transformer(config, dtype, kernel))
    flat = [
        (path, variable.replace(jnp.asarray(parameters.pop(".".join(map(str, path))), dtype)))
        for path, variable in nnx.to_flat_state(state)
    ]
    return nnx.merge(graph, nnx.from_flat_state(flat))
