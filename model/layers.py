"""One layer: rotary positions, attention and a feed-forward, each with its norms. Einsum strings
name every axis.

Axis letters as in `config`; P prompt slots, S slots of each attempt, R rotated dimensions of a
head, the first of its H.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple, assert_never

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.typing import DTypeLike

from .config import ModelConfig
from .kv_cache import Context
from .styles import (
    LayerKind,
    LinearScaling,
    ListedScaling,
    Llama3Scaling,
    RopeScaling,
    YarnScaling,
)

Activation = Callable[[Array], Array]

INITIAL_SCALE = 0.02
"""Standard deviation of random weights (GPT-2 and Llama use the same)."""


def random_weights(rngs: nnx.Rngs, dtype: DTypeLike, *shape: int) -> nnx.Param[Array]:
    return nnx.Param(jax.random.normal(rngs.params(), shape, dtype) * INITIAL_SCALE)


def norm_scale(config: ModelConfig, dtype: DTypeLike, *shape: int) -> nnx.Param[Array]:
    """The scale of a norm that leaves what it norms as long as it is."""
    return nnx.Param(jnp.full(shape, 0 if config.style.norm_offset else 1, dtype))


class Visibility(NamedTuple):
    """Which slots each query sees; the same in every layer."""

    prompt: Array  # [B, A, T, P] bool
    own: Array  # [B, A, T, S] bool


def rms_norm(x: Array, scale: Array, eps: float) -> Array:
    """Root-mean-square norm over the last axis, in float32 (Zhang & Sennrich 2019)."""
    wide = x.astype(jnp.float32)
    variance = jnp.mean(wide * wide, axis=-1, keepdims=True)
    return (wide * jax.lax.rsqrt(variance + eps)).astype(x.dtype) * scale


def normalise(config: ModelConfig, x: Array, scale: Array, bias: Array | None = None) -> Array:
    """The norm of `config` over the last axis of `x`: by mean and variance where it has a bias."""
    if config.style.norm == "rms" and not config.style.norm_offset:
        return rms_norm(x, scale, config.norm_eps)
    wide = x.astype(jnp.float32)
    if bias is not None:
        wide = wide - jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(wide * wide, axis=-1, keepdims=True)
    normed = wide * jax.lax.rsqrt(variance + config.norm_eps)
    factor = scale.astype(jnp.float32) + (1 if config.style.norm_offset else 0)
    return (normed * factor + (0 if bias is None else bias)).astype(x.dtype)


def contract(equation: str, x: Array, y: Array, result: DTypeLike | None = None) -> Array:
    """The one matmul that `equation` names, e.g. "BATD,DQ->BATQ".

    jnp.einsum orders the summed axes by their letters, and XLA then turns a whole weight around
    to match. Here they keep their order in `x`, and an equation whose result is not in the
    product's own order (shared axes, then those of `x`, then those of `y`) is refused, so no
    transpose hides in a matmul. float32 means float32: a TPU would otherwise round the operands
    to bfloat16. `result` is the product's dtype where it is not the operands'. One operand may be
    `quantised.Quantised`.
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

    if hasattr(x, "codes") or hasattr(y, "codes"):
        from .quantised import contract_quantised  # which few models have

        return contract_quantised(equation, x, y, result, contract)
    dimensions = (places(summed), places(batch))
    precision = jax.lax.Precision.HIGHEST if x.dtype == jnp.float32 else None
    return jax.lax.dot_general(x, y, dimensions, precision=precision, preferred_element_type=result)


def gated_mlp(
    x: Array, gate: Array, up: Array, down: Array, activation: Activation = jax.nn.silu
) -> Array:
    """Gated MLP (Shazeer 2020, arXiv 2002.05202) of `x` [B, A, T, D]; gate and up [D, F], down
    [F, D]."""
    inner = activation(contract("BATD,DF->BATF", x, gate)) * contract("BATD,DF->BATF", x, up)
    return contract("BATF,FD->BATD", inner, down)


Rotation = tuple[Array, Array]
"""Cosines and sines, each [B, A, T, R/2] float32, of rotary positions (Su et al. 2021, arXiv
2104.09864, rotate-half layout)."""


def inverse_frequencies(config: ModelConfig, local: bool = False) -> np.ndarray:
    """Rotation speed of each pair of a head's dimensions, radians per position: [R/2] float32; of
    layers with a window where `local`."""
    width = config.rotated_dim or config.rotary_dim or config.head_dim
    exponents = np.arange(0, width, 2, dtype=np.float32) / width
    if local and config.local_rope_theta is not None:
        return (1.0 / config.local_rope_theta**exponents).astype(np.float32)
    frequencies = (1.0 / config.rope_theta**exponents).astype(np.float32)
    scaling = config.rope_scaling
    return frequencies if scaling is None else scaled(frequencies, scaling, config.rope_theta)


def scaled(frequencies: np.ndarray, scaling: RopeScaling, theta: float) -> np.ndarray:
    """`frequencies` [R/2] under `scaling`: float32."""
    match scaling:
        case Llama3Scaling():
            return scale_llama3(frequencies, scaling)
        case LinearScaling():
            return (frequencies / np.float32(scaling.factor)).astype(np.float32)
        case YarnScaling():
            return _scale_yarn(frequencies, scaling, theta)
        case ListedScaling():
            return (frequencies / np.array(scaling.divisors, np.float32)).astype(np.float32)
    assert_never(scaling)


def scale_llama3(frequencies: np.ndarray, scaling: Llama3Scaling) -> np.ndarray:
    """Llama 3.1: divide slow frequencies by `factor`, keep fast ones, blend in between."""
    turns = scaling.original_context * frequencies / (2 * math.pi)
    span = scaling.high_freq_factor - scaling.low_freq_factor
    keep = np.clip((turns - scaling.low_freq_factor) / span, 0.0, 1.0)
    return (keep * frequencies + (1 - keep) * frequencies / scaling.factor).astype(np.float32)


def _scale_yarn(frequencies: np.ndarray, scaling: YarnScaling, theta: float) -> np.ndarray:
    """As `scale_llama3`, but the blend is linear in the dimension and not in the turns."""
    pairs = len(frequencies)

    def pair_of(turns: float) -> float:
        """Which pair turns so many times within the original context."""
        wavelength = scaling.original_context / (turns * 2 * math.pi)
        return pairs * math.log(wavelength) / math.log(theta)

    first, last = pair_of(scaling.beta_fast), pair_of(scaling.beta_slow)
    if scaling.whole:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, 2 * pairs - 1)
    ramp = (np.arange(pairs) - first) / (last - first or 0.001)
    keep = 1 - np.clip(ramp, 0.0, 1.0)
    slow = frequencies / scaling.yarn_factor
    return (keep * frequencies + (1 - keep) * slow).astype(np.float32)


def rotation(config: ModelConfig, positions: Array, local: bool = False) -> Rotation:
    """Cosines and sines for `positions` [B, A, T]; of layers with a window where `local`."""
    angles = positions[..., None].astype(jnp.float32) * inverse_frequencies(config, local)
    cosines, sines = jnp.cos(angles), jnp.sin(angles)
    if isinstance(config.rope_scaling, YarnScaling | ListedScaling):
        factor = config.rope_scaling.attention_factor
        return cosines * factor, sines * factor
    return cosines, sines


def rotate(x: Array, cosines: Array, sines: Array) -> Array:
    """Rotate the first R of `x` [..., H] by angles that broadcast against [..., R/2], in float32;
    the rest stays as it is."""
    width = 2 * cosines.shape[-1]
    first, second = jnp.split(x[..., :width].astype(jnp.float32), 2, axis=-1)
    turned = (first * cosines - second * sines, second * cosines + first * sines)
    rotated = jnp.concatenate(turned, axis=-1).astype(x.dtype)
    kept = x[..., width:]
    return jnp.concatenate((rotated, kept), axis=-1) if kept.shape[-1] else rotated


QUERY_BLOCK = 256
"""Queries that attend together: their scores are held whole, which a long prompt's cannot be."""


def attend(
    query: Array,
    context: Context,
    sees: Visibility,
    softcap: float | None = None,
    sinks: Array | None = None,
    of_values: Array | None = None,
) -> Array:
    """Grouped-query attention of `query` [B, A, T, K, G, H] over a shared and an own part, of one
    layer; long prompts block by block, so that scores take memory in proportion to their length and
    not to its square. Scores stay within `softcap` (Gemma 2); `sinks` [K, G] are scores of nothing,
    one for each head (gpt-oss). Values are a part of the keys where they meet queries `of_values`
    [B, A, T, K, G, Z] of their own (latent attention). Returns [B, A, T, K, G, H], as wide as
    values are."""
    T = query.shape[2]
    if T <= QUERY_BLOCK:
        return attend_block(query, context, sees, softcap, sinks, of_values)
    blocks = -(-T // QUERY_BLOCK)

    def split(x: Array) -> Array:
        """[B, A, T, ...] to [blocks, B, A, QUERY_BLOCK, ...], the last block filled up."""
        full = jnp.pad(x, [(0, blocks * QUERY_BLOCK - T if i == 2 else 0) for i in range(x.ndim)])
        return jnp.moveaxis(full.reshape(*x.shape[:2], blocks, QUERY_BLOCK, *x.shape[3:]), 2, 0)

    seen = Visibility(split(sees.prompt), split(sees.own))
    parts = (split(query), seen, None if of_values is None else split(of_values))
    mixed = jax.lax.map(
        lambda part: attend_block(part[0], context, part[1], softcap, sinks, part[2]), parts
    )
    return jnp.moveaxis(mixed, 0, 2).reshape(*query.shape[:2], -1, *mixed.shape[4:])[:, :, :T]


def attend_block(
    query: Array,
    context: Context,
    sees: Visibility,
    softcap: float | None = None,
    sinks: Array | None = None,
    of_values: Array | None = None,
) -> Array:
    """Attention of a few queries, as `attend`.

    The prompt's keys and values meet the queries of all attempts in one product. The two parts
    share one softmax, float32, by their common largest score and the sum of both; they are never
    joined in memory, and the division waits until the values are mixed.
    """
    with jax.named_scope("scores"):
        scale = query.shape[-1] ** -0.5
        asked = [(query * scale, context.keys, context.prompt_keys)]
        if of_values is not None:
            asked.append((of_values * scale, context.values, context.prompt_values))
        own = reduce(
            jnp.add, [contract("BAKSH,BATKGH->BAKSTG", keys, asks) for asks, keys, _ in asked]
        )
        parts = [_masked(jnp.einsum("BAKSTG->BAKTGS", own), sees.own, softcap)]
        if context.prompt_keys.shape[2]:
            shared = reduce(
                jnp.add, [contract("BKPH,BATKGH->BKPATG", keys, asks) for asks, _, keys in asked]
            )
            parts.append(_masked(jnp.einsum("BKPATG->BAKTGP", shared), sees.prompt, softcap))
    with jax.named_scope("softmax"):
        largest = reduce(jnp.maximum, [part.max(axis=-1, keepdims=True) for part in parts])
        sink = None if sinks is None else sinks.astype(jnp.float32)[:, None, :, None]
        if sink is not None:
            largest = jnp.maximum(largest, sink)
        odds = [jnp.exp(part - largest) for part in parts]
        total = sum(part.sum(axis=-1, keepdims=True) for part in odds)
        if sink is not None:
            total += jnp.exp(sink - largest)
        weights = [part.astype(query.dtype) for part in odds]
    with jax.named_scope("values"):
        mixed = contract("BAKTGS,BAKSH->BAKTGH", weights[0], context.values)
        if len(weights) > 1:
            of_prompt = jnp.einsum("BAKTGP->BKATGP", weights[1])
            shared = contract("BKATGP,BKPH->BKATGH", of_prompt, context.prompt_values)
            mixed += jnp.einsum("BKATGH->BAKTGH", shared)
        mixed = (mixed / total).astype(query.dtype)
    return jnp.einsum("BAKTGH->BATKGH", mixed)


def _masked(scores: Array, sees: Array, softcap: float | None) -> Array:
    """Scores [B, A, K, T, G, S] as float32, those of slots that `sees` [B, A, T, S] hides at
    a number that a softmax turns to zero (and that is finite, for rows that see nothing)."""
    return jnp.where(sees[:, :, None, :, None], capped(scores.astype(jnp.float32), softcap), -1e30)


def capped(x: Array, softcap: float | None) -> Array:
    """`x` squeezed into (-softcap, softcap) (Bello et al. 2016, arXiv 1611.09940)."""
    return x if softcap is None else jnp.tanh(x / softcap) * softcap


def _squared_relu(x: Array) -> Array:
    """So et al. 2021, arXiv 2109.08668."""
    return jnp.square(jax.nn.relu(x))


ACTIVATIONS: dict[str, Activation] = {
    "silu": jax.nn.silu,
    "gelu": jax.nn.gelu,
    "relu2": _squared_relu,
}
"""By their names in `config.Style`; GELU is the tanh form."""


class Block(nnx.Module):
    """A layer of one kind: attention and MLP with their norms; stacked over L by the transformer.

    Its parameters are those that `config.layer_shapes` lists. Weights are matrices with heads side
    by side: their last two axes are long, as a TPU's tiles want them. With heads as axes of their
    own a v5p or TPU7x copied each layer's slice every pass.
    """

    attention_norm: nnx.Param[Array]
    attention_norm_bias: nnx.Param[Array]
    attention_result_norm: nnx.Param[Array]
    query: nnx.Param[Array]
    query_bias: nnx.Param[Array]
    query_norm: nnx.Param[Array]
    queries_norm: nnx.Param[Array]
    key: nnx.Param[Array]
    key_bias: nnx.Param[Array]
    key_norm: nnx.Param[Array]
    keys_norm: nnx.Param[Array]
    value: nnx.Param[Array]
    value_bias: nnx.Param[Array]
    output: nnx.Param[Array]
    output_bias: nnx.Param[Array]
    sinks: nnx.Param[Array]
    mlp_norm: nnx.Param[Array]
    mlp_norm_bias: nnx.Param[Array]
    mlp_result_norm: nnx.Param[Array]
    gate: nnx.Param[Array]
    up: nnx.Param[Array]
    down: nnx.Param[Array]

    def __init__(self, config: ModelConfig, kind: LayerKind, dtype: DTypeLike, rngs: nnx.Rngs):
        self.config, self.kind = config, kind
        for name, shape in config.layer_shapes(kind).items():
            if name.endswith("norm"):
                setattr(self, name, norm_scale(config, dtype, *shape))
            else:
                setattr(self, name, random_weights(rngs, dtype, *shape))

    def before(self, part: str, x: Array) -> Array:
        """What attention or MLP, as `part` says, reads of the residual stream `x`."""
        if self.config.style.norm_places == "result":
            return x
        bias = (
            getattr(self, f"{part}_norm_bias")[...] if self.config.style.norm == "layer" else None
        )
        return normalise(self.config, x, getattr(self, f"{part}_norm")[...], bias)

    def after(self, part: str, x: Array) -> Array:
        """What is added to the residual stream of the result `x` of attention or MLP."""
        if self.config.style.norm_places == "before":
            return x
        return normalise(self.config, x, getattr(self, f"{part}_result_norm")[...])

    def project(self, x: Array, rotation: Rotation) -> tuple[Array, Array, Array]:
        """Queries [B, A, T, K, G, H], keys and values [B, A, K, T, H] of `x` [B, A, T, D]."""
        config = self.config
        query = contract("BATD,DQ->BATQ", x, self.query[...])
        key = contract("BATD,DC->BATC", x, self.key[...])
        value = contract("BATD,DC->BATC", x, self.value[...])
        if config.qkv_bias:
            query += self.query_bias[...]
            key += self.key_bias[...]
            value += self.value_bias[...]
        if config.qk_norm and config.style.norms_all_heads:
            query = normalise(config, query, self.queries_norm[...])
            key = normalise(config, key, self.keys_norm[...])
        K, G, H = config.kv_heads, config.queries_per_kv_head, config.head_dim
        query = query.reshape(*x.shape[:3], K, G, H)
        key, value = (part.reshape(*x.shape[:3], K, H) for part in (key, value))
        if config.qk_norm and not config.style.norms_all_heads:
            query = normalise(config, query, self.query_norm[...])
            key = normalise(config, key, self.key_norm[...])
        if self.kind.rotates:
            cosines, sines = rotation
            query = rotate(query, cosines[..., None, None, :], sines[..., None, None, :])
            key = rotate(key, cosines[..., None, :], sines[..., None, :])
        if config.attention_scale is not None:  # `attend` multiplies by H ** -0.5
            query *= config.attention_scale * H**0.5
        return query, key.swapaxes(2, 3), value.swapaxes(2, 3)

    def attend(self, query: Array, context: Context, sees: Visibility) -> Array:
        """Values [B, A, T, K, G, H] that the queries of `project` mix of what they see."""
        sinks = self.sinks[...] if self.config.style.sinks else None
        return attend(query, context, sees, self.config.attention_softcap, sinks)

    def attended(self, mixed: Array) -> Array:
        """The result [B, A, T, D] of attention that has mixed values [B, A, T, K, G, H]."""
        heads = mixed.reshape(*mixed.shape[:3], -1)
        result = contract("BATQ,QD->BATD", heads, self.output[...])
        return result + self.output_bias[...] if self.config.output_bias else result

    def mlp(self, x: Array) -> Array:
        """MLP of `x` [B, A, T, D], gated or not."""
        activation = ACTIVATIONS[self.config.style.activation]
        if self.config.gated:
            return gated_mlp(x, self.gate[...], self.up[...], self.down[...], activation)
        units = activation(contract("BATD,DF->BATF", x, self.up[...]))
        return contract("BATF,FD->BATD", units, self.down[...])
