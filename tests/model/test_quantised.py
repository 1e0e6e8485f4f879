"""Weights and caches in few bits: values by hand, bounds of their errors, and the same answers as
of a model whose weights were made wide beforehand."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rooflink.model.config import PRESETS, ModelConfig
from rooflink.model.kv_cache import KVCache
from rooflink.model.layers import contract
from rooflink.model.quantised import CODES, Quantised, dequantised, quantised, quantised_rows
from rooflink.model.styles import LayerKind, Mixture, Widths
from rooflink.model.transformer import (
    Transformer,
    abstract_transformer,
    random_transformer,
    transformer_from,
)

from .test_transformer import CLOSE, TOKENS, N, read

WEIGHTS = {"int8": Widths("int8"), "int4": Widths("int4", 16), "fp8": Widths("fp8")}
TINY = ModelConfig(
    name="tiny", family="qwen3", layers=2, embed_dim=32, query_heads=4, kv_heads=2, head_dim=8,
    mlp_dim=64, vocab_size=96, context_length=256, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=False, qkv_bias=True, qk_norm=True,
)  # fmt: skip
MIXED = replace(
    TINY, experts=4, active_experts=2, mixture=Mixture(), pattern=(LayerKind(experts=True),),
)  # fmt: skip


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(7).normal(size=shape), jnp.float32)


def test_codes_and_scales_by_hand() -> None:
    """Columns reach 127/64 and 7/4, so that scales are 1/64 and 1/4; a column of zeros has 1."""
    matrix = jnp.array([[127 / 64, 0.0], [-1.0, 0.0], [0.3, 0.0], [0.0, 0.0]])
    held = quantised(matrix, "int8")
    assert held.codes.tolist() == [[127, 0], [-64, 0], [19, 0], [0, 0]]  # 0.3 * 64 = 19.2
    assert held.scales.tolist() == [[1 / 64, 1.0]]
    grouped = quantised(jnp.array([[1.75], [-1.0], [0.0], [3.5]]), "int4", 2)
    assert grouped.codes.astype(jnp.int32).tolist() == [[7], [-4], [0], [7]]
    assert grouped.scales.tolist() == [[0.25], [0.5]]
    assert dequantised(grouped, jnp.float32).tolist() == [[1.75], [-1.0], [0.0], [3.5]]


@pytest.mark.parametrize(("width", "group"), [("int8", None), ("int4", 32), ("fp8", None)])
def test_error_is_at_most_half_a_step(width: str, group: int | None) -> None:
    """Of integers half a scale; of e4m3 half of 2 ** -3 of the value, or of the smallest step. The
    scale in bfloat16 may be 2 ** -9 too small, which the largest value feels."""
    matrix = normal(3, 64, 40)
    held = quantised(matrix, width, group)
    error = np.abs(np.asarray(dequantised(held, jnp.float32) - matrix))
    scales = np.repeat(np.asarray(held.scales, np.float32), 64 // held.scales.shape[1], axis=1)
    if width == "fp8":
        bound = np.maximum(np.abs(matrix) / 16, scales * 2.0**-10) + np.abs(matrix) / 256
    else:
        bound = scales * 0.5 + np.abs(matrix) / 256
    assert (error <= bound).all()
    assert error.max() > 0
    assert held.codes.dtype == CODES[width][0]


@pytest.mark.parametrize(("width", "group"), [("int8", None), ("int4", 16), ("fp8", None)])
@pytest.mark.parametrize("factor", [1e-6, 0.02, 3e4])
def test_to_quantise_again_changes_nothing(width: str, group: int | None, factor: float) -> None:
    once = quantised(normal(2, 64, 96) * factor, width, group)
    again = quantised(dequantised(once, jnp.float32), width, group)
    assert (once.codes == again.codes).all()
    assert (once.scales == again.scales).all()


@pytest.mark.parametrize("rows", [3, 300])  # groups on their own, and the matrix made wide
@pytest.mark.parametrize(("width", "group"), [("int8", None), ("int4", 16), ("fp8", None)])
def test_a_product_is_that_of_the_values(width: str, group: int | None, rows: int) -> None:
    x, held = normal(1, 1, rows, 64), quantised(normal(64, 48), width, group)
    wanted = contract("BATD,DF->BATF", x, dequantised(held, jnp.float32))
    found = contract("BATD,DF->BATF", x, held)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)
    assert found.dtype == x.dtype


def test_products_of_a_cache_are_those_of_its_values() -> None:
    held = quantised_rows(normal(2, 3, 2, 5, 8), jnp.int8)
    values = held.codes.astype(jnp.float32) * held.scales.astype(jnp.float32)[..., None]
    query, weights = normal(2, 3, 4, 2, 2, 8), normal(2, 3, 2, 4, 2, 5)
    for equation, one, x, y in (
        ("BAKSH,BATKGH->BAKSTG", held, values, query),
        ("BAKTGS,BAKSH->BAKTGH", weights, weights, held),
    ):
        given = (one, query) if one is held else (weights, held)
        plain = (x, y) if one is held else (weights, values)
        found, wanted = contract(equation, *given), contract(equation, *plain)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def widened(model: Transformer) -> Transformer:
    """The same values, without codes."""
    parameters = {
        ".".join(map(str, path)): (
            dequantised(one[...], jnp.float32) if isinstance(one[...], Quantised) else one[...]
        )
        for path, one in nnx.to_flat_state(nnx.state(model))
    }
    config = replace(model.config, widths=Widths(kv=model.config.widths.kv))
    return transformer_from(config, jnp.float32, parameters)


def greedy(model: Transformer, batch: int = 1, steps: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [B, steps] and the last logits [B, V] after prompts of different tokens."""
    cache = KVCache.empty(model.config, batch, 1, N + steps, model.dtype)
    tokens = (TOKENS[None, None] + 5 * np.arange(batch)[:, None, None]) % model.config.vocab_size
    logits, cache = read(model, cache, tokens, np.arange(N)[None, None].repeat(batch, 0), 0)
    said = []
    for step in range(N, N + steps):
        said.append(logits[:, 0, -1].argmax(-1))
        given, place = said[-1][:, None, None], np.full((batch, 1, 1), step)
        logits, cache = read(model, cache, given, place, step)
    return np.stack(said, axis=1), logits[:, 0, -1]


@pytest.mark.parametrize("kv", [None, "int8", "fp8"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("config", [TINY, MIXED], ids=["dense", "experts"])
def test_greedy_tokens_are_those_of_the_values(
    config: ModelConfig, weights: str, kv: str | None
) -> None:
    model = random_transformer(
        replace(config, widths=replace(WEIGHTS[weights], kv=kv)), jnp.float32, 3
    )
    (said, logits), (wanted, wide) = greedy(model, 3), greedy(widened(model), 3)
    assert said.tolist() == wanted.tolist()
    assert len(set(said.ravel().tolist())) > 3, "a model that says one thing shows nothing"
    np.testing.assert_allclose(logits, wide, rtol=0, atol=CLOSE * max(1, np.std(wide)))


def test_embedding_norms_router_and_biases_stay_as_they_are() -> None:
    model = abstract_transformer(replace(MIXED, widths=WEIGHTS["int4"]), jnp.bfloat16)
    wide = {
        ".".join(map(str, path))
        for path, one in nnx.to_flat_state(nnx.state(model))
        if not isinstance(one.get_value(), Quantised)
    }
    assert {"embedding", "final_norm", "experts.router", "blocks.query_bias"} <= wide
    assert not {"blocks.query", "blocks.output", "experts.down", "head"} & wide
    assert model.head.get_value().codes.dtype == jnp.int4
    assert model.dtype == jnp.bfloat16


@pytest.mark.parametrize("kv", ["int8", "fp8"])
def test_a_row_says_the_same_alone_and_among_others(kv: str) -> None:
    config = replace(TINY, widths=Widths("int8", kv=kv))
    model = random_transformer(config, jnp.float32, 3)
    (alone, _), (together, _) = greedy(model), greedy(model, batch=3)
    assert alone[0].tolist() == together[0].tolist()
    assert together[0].tolist() != together[1].tolist()


@pytest.mark.parametrize("kv", ["int8", "fp8"])
def test_a_cache_holds_the_same_however_it_was_read(kv: str) -> None:
    """Scales are of one position and head: those of one pass and of many passes are equal."""
    model = random_transformer(replace(TINY, widths=Widths(kv=kv)), jnp.float32, 3)
    blank = KVCache.empty(model.config, 1, 1, N, model.dtype)
    places = np.arange(N)[None, None]
    whole, at_once = read(model, blank, TOKENS[None, None], places, 0)
    cache, parts = blank, []
    for slot in range(N):
        one = slice(slot, slot + 1)
        logits, cache = read(model, cache, TOKENS[None, None, one], places[..., one], slot)
        parts.append(logits)
    np.testing.assert_allclose(np.concatenate(parts, axis=2), whole, rtol=0, atol=2e-2)
    codes = [one.stacks[0].keys.codes[0].astype(jnp.float32) for one in (at_once, cache)]
    np.testing.assert_array_equal(*codes)  # of the first layer, which sees tokens alone


def test_edits_of_a_cache_move_codes_and_scales_together() -> None:
    config = replace(TINY, widths=Widths(kv="int8"))
    filled = jax.tree.map(
        lambda part: jnp.arange(part.size).reshape(part.shape).astype(part.dtype),
        KVCache.empty(config, 2, 3, 4, jnp.float32),
    )
    before = filled.stacks[0].keys
    taken = filled.taken(jnp.array([[2, 2, 0], [1, 0, 1]])).stacks[0].keys
    for part in ("codes", "scales"):
        old, new = getattr(before, part), getattr(taken, part)
        np.testing.assert_array_equal(new[:, 0, 1], old[:, 0, 2])
        np.testing.assert_array_equal(new[:, 1, 2], old[:, 1, 1])
    wide = filled.grown(3).stacks[0].values
    assert (wide.codes.shape[4], wide.scales.shape[4]) == (7, 7)
    assert not wide.scales[:, :, :, :, 4:].any()
    shared = filled.share(5, 6).stacks[0]
    assert shared.prompt_keys.codes.shape == (2, 2, 2, 4, 8)
    assert shared.keys.scales.shape == (2, 2, 5, 2, 6)


@pytest.mark.parametrize("width", WEIGHTS)
@pytest.mark.parametrize("name", ["llama3-8b", "qwen3-30b-a3b", "smollm2-135m"])
def test_counted_bytes_are_those_of_the_arrays(name: str, width: str) -> None:
    widths = replace(WEIGHTS[width], group=32 if width == "int4" else None, kv="int8")
    config = replace(PRESETS[name], widths=widths)
    leaves = jax.tree.leaves(abstract_transformer(config, jnp.bfloat16))
    bits = {jnp.dtype(jnp.int4): 4}
    held = sum(leaf.size * bits.get(leaf.dtype, 8 * leaf.dtype.itemsize) for leaf in leaves)
    assert config.weight_bytes("bfloat16") == held // 8
    cache = jax.eval_shape(lambda: KVCache.empty(config, 1, 1, 10, jnp.dtype("bfloat16")))
    of_cache = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(cache.stacks))
    assert config.kv_bytes_per_token("bfloat16") * 10 == of_cache
