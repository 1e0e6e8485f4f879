"""Latent attention: its two forms against each other and a loop in NumPy, and what it caches."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rooflink.model.config import ModelConfig, ModelInputError, preset
from rooflink.model.kv_cache import Context, KVCache
from rooflink.model.latent_attention import LATENT_EPS, LatentBlock
from rooflink.model.layers import Visibility, inverse_frequencies
from rooflink.model.styles import YarnScaling

from .references.families import FAMILIES
from .references.models import family_model

Arrays = dict[str, np.ndarray]
LATENT = [name for name, fields in FAMILIES.items() if "kv_lora_rank" in fields]


def normed(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + LATENT_EPS) * scale


def turned(config: ModelConfig, x: np.ndarray) -> np.ndarray:
    """`x` [T, R] rotated by its positions, two halves."""
    turns = np.exp(1j * np.arange(len(x))[:, None] * inverse_frequencies(config).astype(np.float64))
    turns *= getattr(config.rope_scaling, "attention_factor", 1.0)
    half = x.shape[1] // 2
    numbers = (x[:, :half] + 1j * x[:, half:]) * turns
    return np.concatenate((numbers.real, numbers.imag), axis=-1)


def looped_latents(config: ModelConfig, block: Arrays, x: np.ndarray) -> np.ndarray:
    """What latent attention adds to `x` [T, D]: head by head, with keys and values of its own."""
    T, N, H, R = len(x), config.query_heads, config.head_dim, config.rotated_dim
    wide = x @ block["latent"]
    latents = normed(wide[:, : config.latent_dim], block["latent_norm"])
    shared = turned(config, wide[:, config.latent_dim :])
    queries = x @ block["latent_query"] if not config.query_rank else (
        normed(x @ block["query_down"], block["query_rank_norm"]) @ block["query_up"]
    )  # fmt: skip
    mixed = []
    for head in range(N):
        own = queries[:, head * (H + R) : (head + 1) * (H + R)]
        keys = latents @ block["key_up"][head].T
        scores = own[:, :H] @ keys.T + turned(config, own[:, H:]) @ shared.T
        scores *= config.attention_scale or (H + R) ** -0.5
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True)) * np.tri(T)
        odds /= odds.sum(axis=-1, keepdims=True)
        mixed.append(odds @ (latents @ block["value_up"][head]))
    return np.concatenate(mixed, axis=-1) @ block["output"]


def test_absorbed_is_expanded() -> None:
    """The same values of one context and mask, by keys of each head and by the latents alone; a
    prompt's part besides."""
    model = family_model("deepseek-v3")
    config = model.config
    block = jax.tree.map(lambda stack: stack[0], model.blocks[0])
    assert isinstance(block, LatentBlock)
    random = np.random.default_rng(0)

    def drawn(*shape: int) -> jax.Array:
        return jnp.asarray(random.standard_normal(shape), jnp.float32)

    B, A, T, P = 2, 3, 5, 4
    N, wide = config.query_heads, config.head_dim + config.rotated_dim
    query = drawn(B, A, T, 1, N, wide)
    keys, latents = drawn(B, A, 1, P + T, config.rotated_dim), drawn(B, A, 1, P + T, 20)
    keys = keys.at[:, :, :, :P].set(keys[:, :1, :, :P])
    latents = latents.at[:, :, :, :P].set(latents[:, :1, :, :P])
    sees = jnp.asarray(random.random((B, A, T, P + T)) < 0.7).at[..., 0].set(True)
    none = Visibility(sees[..., :0], sees)
    whole = Context(keys[:, 0, :, :0], latents[:, 0, :, :0], keys, latents)
    expanded = block.expanded(query, whole, none)
    assert expanded.shape == (B, A, T, 1, N, config.value_head_dim)
    np.testing.assert_allclose(block.absorbed(query, whole, none), expanded, rtol=0, atol=2e-5)
    prompt = (keys[:, 0, :, :P], latents[:, 0, :, :P])
    split = Context(*prompt, keys[:, :, :, P:], latents[:, :, :, P:])
    parts = Visibility(sees[..., :P], sees[..., P:])
    np.testing.assert_allclose(block.attend(query, split, parts), expanded, rtol=0, atol=2e-5)


@pytest.mark.parametrize("family", LATENT)
def test_the_cache_holds_a_latent_and_no_heads(family: str) -> None:
    """Of a position and layer 20 elements and 6, whatever the heads."""
    model = family_model(family)
    cache = jax.eval_shape(lambda: KVCache.empty(model.config, 1, 1, 1, model.dtype))
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(cache.stacks)) == 4 * (20 + 6)
    assert model.config.kv_bytes_per_token("float32") == 4 * (20 + 6) * 4


def test_scores_grow_by_the_square_of_what_yarn_says() -> None:
    """DeepSeek-V3: 192 ** -0.5 times (0.1 * ln 40 + 1) ** 2, and cosines as they are."""
    config = preset("deepseek-r1")
    assert config.attention_scale == pytest.approx(0.0721688 * 1.3688879**2, rel=1e-6)
    assert isinstance(config.rope_scaling, YarnScaling)
    assert config.rope_scaling.attention_factor == 1.0


def test_a_latent_has_a_part_with_position() -> None:
    config = preset("deepseek-v2-lite")
    with pytest.raises(ModelInputError, match="one of latent_dim and rotated_dim: give both"):
        replace(config, rotated_dim=0)
