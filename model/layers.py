"""One transformer block: norm, attention with rotary positions (Su et al. 2021, arXiv 2104.09864,
rotate-half layout), gated MLP. Einsum strings name every axis.

Axis letters as in `config`; P prompt slots, S slots of each attempt.
"""

import math
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.typing import DTypeLike

from .config import ModelConfig, RopeScaling


def inverse_frequencies(config: ModelConfig) -> np.ndarray:
    """Rotation speed of each pair of a head's dimensions, radians per position: [H/2] float32."""
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float32) / config.head_dim
    frequencies = (1.0 / config.rope_theta**exponents).astype(np.float32)
    if config.rope_scaling is not None:
        frequencies = scale_llama3(frequencies, config.rope_scaling)
    return frequencies


def scale_llama3(frequencies: np.ndarray, scaling: RopeScaling) -> np.ndarray:
    """Llama 3.1: divide slow frequencies by `factor`, keep fast ones, blend in between."""
    turns = scaling.original_context * frequencies / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    keep = np.clip((turns - scaling.low_freq_factor) / span, 0.0, 1.0)
    return (keep * frequencies + (1 - keep) * frequencies / scaling.factor).astype(np.float32)


def rotation(config: ModelConfig, positions: Array) -> tuple[Array, Array]:
    """Cosines and sines for `positions` [B, A, T]: each [B, A, T, H/2] float32."""
    angles = positions[..., None].astype(jnp.float32) * inverse_frequencies(config)
    return jnp.cos(angles), jnp.sin(angles)


def rotate(x: Array, cosines: Array, sines: Array) -> Array:
    """Rotate `x` [..., H] by angles that broadcast against [..., H/2], in float32."""
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)


INITIAL_SCALE = 0.02
"""Standard deviation of random weights (GPT-2 and Llama use the same)."""


def random_weights(rngs: nnx.Rngs, dtype: DTypeLike, *shape: int) -> nnx.Param[Array]:
    return nnx.Param(jax.random.normal(rngs.params(), shape, dtype) * INITIAL_SCALE)


class Context(NamedTuple):
    """What one layer's queries may look at."""

    prompt_keys: Array  # [B, K, P, H]
    prompt_values: Array  # [B, K, P, H]
    keys: Array  # [B, A, K, S, H]
    values: Array  # [B, A, K, S, H]


class Visibility(NamedTuple):
    """Which slots each query sees; the same in every layer."""

    prompt: Array  # [B, A, T, P] bool
    own: Array  # [B, A, T, S] bool


def rms_norm(x: Array, scale: Array, eps: float) -> Array:
    """Root-mean-square norm over the last axis, in float32 (Zhang & Sennrich 2019)."""
    wide = x.astype(jnp.float32)
    variance = jnp.mean(wide * wide, axis=-1, keepdims=True)
    return (wide * jax.lax.rsqrt(variance + eps)).astype(x.dtype) * scale


def contract(equation: str, x: Array, y: Array, result: DTypeLike | None = None) -> Array:
    """The one matmul that `equation` names, e.g. "BATD,DQ->BATQ".

    jnp.einsum orders the summed axes by their letters, and XLA then turns a whole weight around
    to match. Here they keep their order in `x`, and an equation whose result is not in the
    product's own order (shared axes, then those of `x`, then those of `y`) is refused, so no
    transpose hides in a matmul. float32 means float32: a TPU would otherwise round the operands
    to bfloat16. `result` is the product's dtype where it is not the operands'.
    """
    inputs, out = equation.split("->")
    left, right = inputs.split(",")
    batch = [axis for axis in left if axis in right and axis in out]
    summed = [axis for axis in left if axis in right and axis not in out]
    natural = [*batch, *(a for a in left if a not in right), *(a for a in right if a not in left)]
    if natural != list(out):
        raise ValueError(f"{equation}: the product's own order is {''.join(natural)}")

    def places(axes: list[str]) -> tuple[list[int], list[int]]:
        return [left.index(axis) for axis in axes], [right.index(axis) for axis in axes]

    dimensions = (places(summed), places(batch))
    precision = jax.lax.Precision.HIGHEST if x.dtype == jnp.float32 else None
    return jax.lax.dot_general(x, y, dimensions, precision=precision, preferred_element_type=result)


def gated_mlp(x: Array, gate: Array, up: Array, down: Array) -> Array:
    """Gated MLP (SwiGLU, Shazeer 2020) of `x` [B, A, T, D]; gate and up [D, F], down [F, D]."""
    inner = jax.nn.silu(contract("BATD,DF->BATF", x, gate)) * contract("BATD,DF->BATF", x, up)
    return contract("BATF,FD->BATD", inner, down)


QUERY_BLOCK = 256
"""Queries that attend together: their scores are held whole, which a long prompt's cannot be."""


def attend(query: Array, context: Context, sees: Visibility) -> Array:
    """Grouped-query attention of `query` [B, A, T, K, G, H] over a shared and an own part; long
    prompts block by block, so that scores take memory in proportion to their length and not to its
    square. Returns [B, A, T, K, G, H]."""
    T = query.shape[2]
    if T <= QUERY_BLOCK:
        return attend_block(query, context, sees)
    blocks = -(-T // QUERY_BLOCK)

    def split(x: Array) -> Array:
        """[B, A, T, ...] to [blocks, B, A, QUERY_BLOCK, ...], the last block filled up."""
        full = jnp.pad(x, [(0, blocks * QUERY_BLOCK - T if i == 2 else 0) for i in range(x.ndim)])
        return jnp.moveaxis(full.reshape(*x.shape[:2], blocks, QUERY_BLOCK, *x.shape[3:]), 2, 0)

    parts = (split(query), Visibility(split(sees.prompt), split(sees.own)))
    mixed = jax.lax.map(lambda part: attend_block(part[0], context, part[1]), parts)
    return jnp.moveaxis(mixed, 0, 2).reshape(*query.shape[:2], -1, *query.shape[3:])[:, :, :T]


def attend_block(query: Array, context: Context, sees: Visibility) -> Array:
    """Attention of a few queries, as `attend`.

    The prompt's keys and values meet the queries of all attempts in one product. The two parts
    share one softmax, float32, by their common largest score and the sum of both; they are never
    joined in memory, and the division waits until the values are mixed.
    """
    with jax.named_scope("scores"):
        scaled = query * query.shape[-1] ** -0.5
        own = contract("BAKSH,BATKGH->BAKSTG", context.keys, scaled)
        parts = [_masked(jnp.einsum("BAKSTG->BAKTGS", own), sees.own)]
        if context.prompt_keys.shape[2]:
            shared = contract("BKPH,BATKGH->BKPATG", context.prompt_keys, scaled)
            parts.append(_masked(jnp.einsum("BKPATG->BAKTGP", shared), sees.prompt))
    with jax.named_scope("softmax"):
        largest = [part.max(axis=-1, keepdims=True) for part in parts]
        odds = [jnp.exp(part - reduce(jnp.maximum, largest)) for part in parts]
        total = sum(part.sum(axis=-1, keepdims=True) for part in odds)
        weights = [part.astype(query.dtype) for part in odds]
    with jax.named_scope("values"):
        mixed = contract("BAKTGS,BAKSH->BAKTGH", weights[0], context.values)
        if len(weights) > 1:
            of_prompt = jnp.einsum("BAKTGP->BKATGP", weights[1])
            shared = contract("BKATGP,BKPH->BKATGH", of_prompt, context.prompt_values)
            mixed += jnp.einsum("BKATGH->BAKTGH", shared)
        mixed = (mixed / total).astype(query.dtype)
    return jnp.einsum("BAKTGH->BATKGH", mixed)


def _masked(scores: Array, sees: Array) -> Array:
    """Scores [B, A, K, T, G, S] as float32, those of slots that `sees` [B, A, T, S] hides at
    a number that a softmax turns to zero (and that is finite, for rows that see nothing)."""
    return jnp.where(sees[:, :, None, :, None], scores.astype(jnp.float32), -1e30)


class Block(nnx.Module):
    """Attention and MLP with their norms; stacked over L by the transformer.

    Weights are matrices with heads side by side: their last two axes are long, as a TPU's tiles
    want them. With heads as axes of their own a v5p or TPU7x copied each layer's slice every pass.
    """

    def __init__(self, config: ModelConfig, dtype: DTypeLike, rngs: nnx.Rngs):
        D, H, F = config.embed_dim, config.head_dim, config.mlp_dim
        Q, C = config.query_heads * H, config.kv_heads * H

        def random(*shape: int) -> nnx.Param[Array]:
            return random_weights(rngs, dtype, *shape)

        def ones(*shape: int) -> nnx.Param[Array]:
            return nnx.Param(jnp.ones(shape, dtype))

        self.config = config
        self.attention_norm = ones(D)
        self.query, self.key, self.value = random(D, Q), random(D, C), random(D, C)
        if config.qkv_bias:
            self.query_bias, self.key_bias, self.value_bias = random(Q), random(C), random(C)
        if config.qk_norm:
            self.query_norm, self.key_norm = ones(H), ones(H)
        self.output = random(Q, D)
        self.mlp_norm = ones(D)
        self.gate, self.up, self.down = random(D, F), random(D, F), random(F, D)

    def project(self, x: Array, rotation: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        """Queries [B, A, T, K, G, H], keys and values [B, A, K, T, H] of `x` [B, A, T, D]."""
        query = contract("BATD,DQ->BATQ", x, self.query[...])
        key = contract("BATD,DC->BATC", x, self.key[...])
        value = contract("BATD,DC->BATC", x, self.value[...])
        if self.config.qkv_bias:
            query += self.query_bias[...]
            key += self.key_bias[...]
            value += self.value_bias[...]
        K, G, H = self.config.kv_heads, self.config.queries_per_kv_head, self.config.head_dim
        query = query.reshape(*x.shape[:3], K, G, H)
        key, value = (part.reshape(*x.shape[:3], K, H) for part in (key, value))
        if self.config.qk_norm:
            query = rms_norm(query, self.query_norm[...], self.config.norm_eps)
            key = rms_norm(key, self.key_norm[...], self.config.norm_eps)
        cosines, sines = rotation
        query = rotate(query, cosines[..., None, None, :], sines[..., None, None, :])
        key = rotate(key, cosines[..., None, :], sines[..., None, :])
        return query, key.swapaxes(2, 3), value.swapaxes(2, 3)

    def mlp(self, x: Array) -> Array:
        """The MLP of `x` [B, A, T, D]."""
        return gated_mlp(x, self.gate[...], self.up[...], self.down[...])
