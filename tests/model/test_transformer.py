"""One forward pass for prefill and decode: the same numbers however the work is cut up."""

import os
import subprocess
import sys
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from rooflink.model.config import ModelConfig
from rooflink.model.kv_cache import EMPTY, Context, KVCache
from rooflink.model.layers import (
    QUERY_BLOCK,
    Visibility,
    attend,
    attend_block,
    contract,
    inverse_frequencies,
)
from rooflink.model.transformer import Transformer, random_transformer

from .references.families import FAMILIES, VOCAB, token_sequence
from .references.models import all_logits, family_model
from .test_experts import looped_token
from .test_latent_attention import looped_latents

N = 24
TOKENS = token_sequence(N, seed=5)
CLOSE = 3e-5
"""Most that float32 logits, which deviate by 1.5 or so, may differ between two orders of sums."""


@jax.jit
def forward(
    model: Transformer, tokens: Array, positions: Array, cache: KVCache, slot: int
) -> tuple[Array, KVCache]:
    hidden, cache = model.forward(tokens, positions, cache, slot)
    return model.logits(hidden), cache


def blank(model: Transformer, batch: int, attempts: int, slots: int) -> KVCache:
    return KVCache.empty(model.config, batch, attempts, slots, model.dtype)


def read(
    model: Transformer, cache: KVCache, tokens: np.ndarray, positions: np.ndarray, slot: int
) -> tuple[np.ndarray, KVCache]:
    """Logits [B, A, T, V] of `tokens` [B, A, T], and the cache."""
    logits, cache = forward(
        model, jnp.asarray(tokens, jnp.int32), jnp.asarray(positions, jnp.int32), cache, slot
    )
    return np.asarray(logits), cache


def in_chunks(model: Transformer, sizes: Sequence[int]) -> np.ndarray:
    """Logits [N, V] of `TOKENS`, read in passes of `sizes` over one cache."""
    cache, at, logits = blank(model, 1, 1, N), 0, []
    for size in sizes:
        span = np.arange(at, at + size)
        part, cache = read(model, cache, TOKENS[None, None, span], span[None, None], at)
        logits.append(part[0, 0])
        at += size
    assert at == N
    return np.concatenate(logits)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "sizes", [(9, *[1] * (N - 9)), (8, 8, 8)], ids=["prefill then steps", "chunks"]
)
def test_cached_passes_equal_one_pass(family: str, sizes: tuple[int, ...]) -> None:
    """Prefill and steps of one token, and passes of eight, give the logits of a single pass."""
    model = family_model(family)
    np.testing.assert_allclose(
        in_chunks(model, sizes), all_logits(model, TOKENS), rtol=0, atol=CLOSE
    )


@pytest.mark.parametrize("family", ["llama3-scaled", "deepseek-v3"])
def test_padding_changes_nothing(family: str) -> None:
    """Prompts of unequal lengths in one batch give what each gives alone, whatever fills them."""
    model = family_model(family)
    lengths = np.array([N, 5, 1])
    index = np.arange(N)
    positions = np.where(index < lengths[:, None], index, EMPTY)[:, None]
    padded = np.broadcast_to(TOKENS, (3, 1, N))
    zeros = np.where(positions >= 0, padded, 0)

    logits, cache = read(model, blank(model, 3, 1, N), padded, positions, 0)
    other, _ = read(model, blank(model, 3, 1, N), zeros, positions, 0)
    for row, length in enumerate(lengths):
        alone = all_logits(model, TOKENS[:length])
        np.testing.assert_allclose(logits[row, 0, :length], alone, rtol=0, atol=CLOSE)
        np.testing.assert_array_equal(logits[row, 0, :length], other[row, 0, :length])
    np.testing.assert_array_equal((np.asarray(cache.positions) >= 0).sum(axis=-1)[:, 0], lengths)


def test_idle_gaps_change_nothing() -> None:
    """An attempt that was idle for three passes goes on as if they had not been."""
    model = family_model("qwen3")
    cache = blank(model, 1, 2, N + 3)
    both = np.broadcast_to(TOKENS, (1, 2, N))
    index = np.broadcast_to(np.arange(N), (1, 2, N))
    _, cache = read(model, cache, both[..., :10], index[..., :10], 0)
    for slot in (10, 11, 12):  # the first attempt reads on, the second is idle
        positions = np.array([[[slot], [EMPTY]]])
        _, cache = read(model, cache, both[..., slot : slot + 1], positions, slot)
    for slot in (13, 14, 15):
        at = np.array([[[slot], [slot - 3]]])
        tokens = TOKENS[at]
        logits, cache = read(model, cache, tokens, at, slot)
    expected = all_logits(model, TOKENS)
    np.testing.assert_allclose(logits[0, 0, 0], expected[15], rtol=0, atol=CLOSE)
    np.testing.assert_allclose(logits[0, 1, 0], expected[12], rtol=0, atol=CLOSE)


@pytest.mark.parametrize("family", ["llama3-scaled", "qwen2", "deepseek-v2"])
def test_shared_prompt_equals_one_contiguous_cache(family: str) -> None:
    """Three attempts over one shared prompt part, each with its own continuation, in two passes."""
    model = family_model(family)
    P, T, A = 11, 6, 3
    prompts = np.stack((TOKENS[:P], token_sequence(P, seed=6)))
    lengths = np.array([P, 7])
    index = np.arange(P)
    positions = np.where(index < lengths[:, None], index, EMPTY)[:, None]
    _, cache = read(model, blank(model, 2, 1, P), prompts[:, None], positions, 0)
    cache = cache.share(A, T)
    own = token_sequence(2 * A * T, seed=7).reshape(2, A, T)
    at = np.broadcast_to(lengths[:, None, None] + np.arange(T), (2, A, T))
    first, cache = read(model, cache, own[..., :4], at[..., :4], 0)
    second, _ = read(model, cache, own[..., 4:], at[..., 4:], 4)
    logits = np.concatenate((first, second), axis=2)
    for b, a in np.ndindex(2, A):
        whole = np.concatenate((prompts[b, : lengths[b]], own[b, a]))
        expected = all_logits(model, whole)[lengths[b] :]
        np.testing.assert_allclose(logits[b, a], expected, rtol=0, atol=CLOSE)


def test_later_tokens_change_no_earlier_logits() -> None:
    """Causality, to the last bit; the changed token's own logits do change."""
    model = family_model("mistral")
    changed = TOKENS.copy()
    changed[15:] = (changed[15:] + 1) % VOCAB
    before, after = all_logits(model, TOKENS), all_logits(model, changed)
    np.testing.assert_array_equal(before[:15], after[:15])
    assert (np.abs(before[15:] - after[15:]).max(axis=-1) > 0.1).all()


Arrays = dict[str, np.ndarray]


def normed(config: ModelConfig, parts: Arrays, name: str, x: np.ndarray) -> np.ndarray:
    """`x` as the model normalises it by the scale called `name`, and as it is without one."""
    if name not in parts:
        return x
    if config.style.norm == "layer":
        x = x - x.mean(axis=-1, keepdims=True)
    scale = parts[name] + (1 if config.style.norm_offset else 0)
    scaled = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + config.norm_eps) * scale
    return scaled + parts.get(f"{name}_bias", 0)


def turned(config: ModelConfig, windowed: bool, x: np.ndarray) -> np.ndarray:
    """`x` [T, H] rotated by its positions, its leading part alone where the rest has none."""
    speeds = inverse_frequencies(config, windowed).astype(np.float64)
    half = len(speeds)
    turns = np.exp(1j * np.arange(len(x))[:, None] * speeds)
    turns *= getattr(config.rope_scaling, "attention_factor", 1.0)
    numbers = (x[:, :half] + 1j * x[:, half : 2 * half]) * turns
    return np.concatenate((numbers.real, numbers.imag, x[:, 2 * half :]), axis=-1)


def loop_over_heads(config: ModelConfig, layer: int, block: Arrays, x: np.ndarray) -> np.ndarray:
    """What attention of one layer adds to `x` [T, D], before any norm of it."""
    if config.latent_dim:
        return looped_latents(config, block, x)
    T, H, kind = len(x), config.head_dim, config.kind(layer)
    distance = np.arange(T)[:, None] - np.arange(T)
    sees = (distance >= 0) & (distance < (config.window if kind.windowed else T))
    query, key, value = (
        x @ block[name] + block.get(f"{name}_bias", 0) for name in ("query", "key", "value")
    )
    query = normed(config, block, "queries_norm", query)
    key = normed(config, block, "keys_norm", key)
    mixed = np.zeros_like(x) + block.get("output_bias", 0)
    for k, g in np.ndindex(config.kv_heads, config.queries_per_kv_head):
        head = k * config.queries_per_kv_head + g
        own = slice(head * H, (head + 1) * H)
        shared = slice(k * H, (k + 1) * H)
        q = normed(config, block, "query_norm", query[:, own])
        o = normed(config, block, "key_norm", key[:, shared])
        if kind.rotates:
            q, o = (turned(config, kind.windowed, part) for part in (q, o))
        scores = q @ o.T * (config.attention_scale or H**-0.5)
        if config.attention_softcap:
            scores = config.attention_softcap * np.tanh(scores / config.attention_softcap)
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True)) * sees
        total = odds.sum(axis=-1, keepdims=True)
        if config.style.sinks:
            total += np.exp(block["sinks"][k, g] - scores.max(axis=-1, keepdims=True))
        mixed += odds / total @ value[:, shared] @ block["output"][own]
    return mixed


def mixed_by_experts(model: Transformer, stack: str, index: int, x: np.ndarray) -> np.ndarray:
    """What a layer's experts make of `x` [T, D]: token by token, as tests of experts have it."""
    config, mixture = model.config, model.config.mixture
    assert mixture is not None
    own = {
        ".".join(map(str, path)).removeprefix(f"{stack}."): np.asarray(variable[...])[index]
        for path, variable in nnx.to_flat_state(nnx.state(model))
        if ".".join(map(str, path)).startswith(f"{stack}.")
    }
    public = {
        name: (value.T if value.ndim == 2 and "bias" not in name else value.swapaxes(-1, -2)
               if value.ndim == 3 else value).astype(np.float64)
        for name, value in own.items()
    }  # fmt: skip
    zeros = {name: np.zeros(shape) for name, shape in {
        "router_bias": (config.experts,), "correction": (config.experts,),
        "gate_bias": (config.experts, config.mlp_dim), "up_bias": (config.experts, config.mlp_dim),
        "down_bias": (config.experts, config.embed_dim),
    }.items()}  # fmt: skip
    return np.stack([looped_token(zeros | public, config, mixture, token) for token in x])


def loop_over_layers(model: Transformer, tokens: np.ndarray) -> np.ndarray:
    """Logits [T, V] in float64 numpy: a loop over layers and heads, nothing cached or stacked."""
    config = model.config
    names = {
        ".".join(map(str, path)): np.asarray(variable[...], np.float64)
        for path, variable in nnx.to_flat_state(nnx.state(model))
    }
    activation = {
        "silu": lambda x: x / (1 + np.exp(-x)),
        "gelu": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "relu2": lambda x: np.maximum(x, 0) ** 2,
    }[config.style.activation]
    x = names["embedding"][tokens]
    x *= np.sqrt(config.embed_dim) if config.style.scaled_embedding else 1
    for layer in range(config.layers):
        stack, index = next((s, i.index(layer)) for s, i in config.stacks.items() if layer in i)
        block = {
            k.removeprefix(f"{stack}."): v[index] for k, v in names.items() if f"{stack}." in k
        }
        read = normed(config, block, "attention_norm", x)
        mixed = loop_over_heads(config, layer, block, read)
        x = x + normed(config, block, "attention_result_norm", mixed)
        read = normed(config, block, "mlp_norm", x)
        if config.kind(layer).experts:
            x = x + mixed_by_experts(model, stack.replace("blocks", "experts"), index, read)
            continue
        units = activation(read @ block["gate"]) if config.gated else 1
        up = read @ block["up"]
        units = units * (up if config.gated else activation(up))
        x = x + normed(config, block, "mlp_result_norm", units @ block["down"])
    x = normed(config, names, "final_norm", x)
    logits = x @ (names["embedding"].T if config.tied_embeddings else names["head"])
    cap = config.logit_softcap
    return cap * np.tanh(logits / cap) if cap else logits


@pytest.mark.parametrize("family", FAMILIES)
def test_scan_equals_a_loop_over_layers(family: str) -> None:
    """The scan over stacked blocks gives what a plain float64 loop gives with the same arrays."""
    model = family_model(family)
    expected = loop_over_layers(model, TOKENS)
    np.testing.assert_allclose(all_logits(model, TOKENS), expected, rtol=0, atol=CLOSE)


ROUNDED = {"deepseek-v3": 0.12}
"""Of models whose experts are near each other at most positions: torch's own bfloat16 of this one
is off by 0.09."""


@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_is_near_float32(family: str) -> None:
    """All bfloat16: finite, and off by a few per cent (8 bits of mantissa) of the deviation; of a
    mixture at most positions, for where two experts' scores are near, rounding chooses the other.
    """
    exact = all_logits(family_model(family), TOKENS)
    model = family_model(family, "bfloat16")
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(model))
    logits = all_logits(model, TOKENS)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    overall = np.mean if model.config.mixture is None else np.median
    error = np.sqrt(overall(np.mean((logits - exact) ** 2, axis=-1))) / exact.std()
    assert 1e-4 < error < ROUNDED.get(family, 0.05)


def test_random_weights_follow_the_seed() -> None:
    """Another seed gives other weights, no two layers are alike, and they deviate by 0.02."""
    config = family_model("mistral").config
    one, other = (random_transformer(config, "float32", seed) for seed in (3, 4))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        if np.ptp(a) > 0:  # else the ones of a norm
            assert np.abs(a - b).mean() > 0.01
    query = np.asarray(one.blocks.query[...])
    assert np.abs(query[0] - query[1]).mean() > 0.01
    assert query.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    "equation", ["BATD,DKGH->BATKGH", "BATKGH,KGHD->BATD", "BAKTGS,BAKSH->BAKTGH", "BATD,VD->BATV"]
)
def test_contract_is_einsum(equation: str) -> None:
    """The product that the equation names."""
    inputs = equation.split("->")[0].split(",")
    size = dict(zip("BATDKGHSV", (2, 3, 4, 5, 2, 3, 6, 7, 8), strict=True))
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=[size[a] for a in axes]).astype(np.float32) for axes in inputs)
    np.testing.assert_allclose(
        contract(equation, jnp.asarray(x), jnp.asarray(y)), np.einsum(equation, x, y), atol=1e-5
    )


def test_contract_sums_axes_in_the_order_of_x() -> None:
    """K, G, H as they lie in memory; jnp.einsum would sum over G, H, K and turn the weight."""
    x, y = jnp.zeros((1, 1, 1, 2, 3, 4)), jnp.zeros((2, 3, 4, 5))
    (product,) = jax.make_jaxpr(lambda x, y: contract("BATKGH,KGHD->BATD", x, y))(x, y).eqns
    assert product.params["dimension_numbers"] == (((3, 4, 5), (0, 1, 2)), ((), ()))


@pytest.mark.parametrize(
    ("equation", "natural"),
    [
        ("BATD,DKGH->BAKTGH", "BATKGH"),  # the result transposed
        ("BATKGH,BAKSH->BATKGS", "BAKTGS"),  # a shared axis left where x has it
        ("TD,DF->FT", "TF"),  # y's axes before x's
    ],
)
def test_contract_refuses_hidden_transposes(equation: str, natural: str) -> None:
    """Only the product's own order passes; the error names it."""
    left, right = equation.split("->")[0].split(",")
    x, y = jnp.zeros([2] * len(left)), jnp.zeros([2] * len(right))
    with pytest.raises(ValueError, match=f"own order is {natural}$"):
        contract(equation, x, y)


LOWERED = """
import jax, jax.numpy as jnp
from rooflink.model import preset
from rooflink.model.kv_cache import KVCache
from rooflink.model.transformer import abstract_transformer

def one_pass(model, tokens, positions):
    blank = KVCache.empty(model.config, 1, 2, 4, model.dtype)
    hidden, cache = model.forward(tokens, positions, blank.share(2, 4), 0)
    return model.logits(hidden), cache

ids = jax.ShapeDtypeStruct((1, 2, 1), jnp.int32)
model = abstract_transformer(preset("qwen3-0.6b"), "bfloat16")
print(jax.jit(one_pass).lower(model, ids, ids).as_text())
"""


def test_program_is_independent_of_the_hash_seed() -> None:
    """Three Python processes with other string hashes hand XLA the same program, word for word."""
    programs = set()
    for seed in ("0", "1", "7"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "JAX_PLATFORMS": "cpu"}
        run = subprocess.run(
            [sys.executable, "-c", LOWERED], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        assert "dot_general" in run.stdout
        programs.add(run.stdout)
    assert len(programs) == 1


@pytest.mark.parametrize("queries", [QUERY_BLOCK + 1, 2 * QUERY_BLOCK])
def test_attention_in_blocks_equals_attention_at_once(queries: int) -> None:
    """A length that leaves a block nearly empty, and one that fills two; a shared part as well."""
    B, A, K, G, H, P, S = 1, 2, 2, 3, 8, 5, queries
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Array:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    context = Context(
        random(B, K, P, H), random(B, K, P, H), random(B, A, K, S, H), random(B, A, K, S, H)
    )
    causal = np.tril(np.ones((queries, S), bool))
    sees = Visibility(
        jnp.ones((B, A, queries, P), bool), jnp.broadcast_to(causal, (B, A, queries, S))
    )
    query = random(B, A, queries, K, G, H)
    np.testing.assert_allclose(
        attend(query, context, sees), attend_block(query, context, sees), atol=1e-6
    )
