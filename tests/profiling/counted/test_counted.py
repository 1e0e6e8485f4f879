"""The counted lens against hand formulas, XLA's own count and a published roofline."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.experimental import pallas as pl
from jax.extend.core import ClosedJaxpr

from rooflink.model import PRESETS, ModelConfig, Transformer, preset
from rooflink.model.architecture import Architecture, shape_of
from rooflink.model.experts import Experts
from rooflink.model.generation.pass_log import PassRecord, decode_record, prompt_record
from rooflink.model.kv_cache import Context, KVCache
from rooflink.model.layers import Visibility, attend
from rooflink.model.pallas_attention import PallasAttention
from rooflink.model.styles import LayerKind, Mixture
from rooflink.profiling.counted.phase_costs import copy_cost, near_pairs, passes_of, row_costs
from rooflink.profiling.counted.unit_costs import Operations, count, unit_costs
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.step.attention_work import attention_work
from rooflink.profiling.predicted.step.collectives import ONE_CHIP
from rooflink.profiling.predicted.step.work import Widths, decode_load, prefill_load

BASE = ModelConfig(
    name="tiny", family="llama", layers=3, embed_dim=48, query_heads=6, kv_heads=2, head_dim=8,
    mlp_dim=64, vocab_size=101, context_length=512, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=True,
)  # fmt: skip
FAMILIES = [
    BASE,
    replace(BASE, tied_embeddings=False),
    replace(BASE, family="mistral", kv_heads=6),
    replace(BASE, family="qwen2", qkv_bias=True),
    replace(BASE, family="qwen3", qk_norm=True, head_dim=16),
]


def hand_flops(c: ModelConfig, tokens: int, pairs: int, heads: int, is_prompt: bool = False) -> int:
    """2 FLOP a weight and token in every projection and in the experts that it visits, the router
    included; 4 * N * H a query-key pair and layer. Of latent attention the matrices that make keys
    and values of latents are multiplied once a token in either form, and a pair is of N heads of
    H + R and O in a prompt's own pass, of N latents, twice, and rotated parts in any other."""
    qkv = c.embed_dim * (c.query_heads + 2 * c.kv_heads) * c.head_dim
    out = c.query_heads * c.head_dim * c.embed_dim
    mlp = 3 * c.embed_dim * c.mlp_dim
    attention = 4 * c.query_heads * c.head_dim
    if c.latent_dim:
        N, H, R, Z, rank = c.query_heads, c.head_dim, c.rotated_dim, c.latent_dim, c.query_rank
        values = c.value_head_dim or H
        queries = rank * (c.embed_dim + N * (H + R)) if rank else c.embed_dim * N * (H + R)
        qkv = queries + c.embed_dim * (Z + R) + Z * N * (H + values)
        out = N * values * c.embed_dim
        attention = 2 * N * (H + R + values) if is_prompt else 2 * N * (2 * Z + R)
    per_token = 2 * c.layers * (qkv + out + mlp)
    if c.experts > 1:
        expert = c.active_experts * mlp + c.embed_dim * (c.experts + 3 * c.shared_mlp_dim)
        per_token = 2 * c.layers * (qkv + out) + 2 * (c.layers - c.dense_layers) * expert
        per_token += 2 * c.dense_layers * 3 * c.embed_dim * c.dense_mlp_dim
    head = 2 * c.embed_dim * c.vocab_size
    return tokens * per_token + pairs * c.layers * attention + heads * head


@pytest.mark.parametrize("config", [*FAMILIES, *PRESETS.values()], ids=lambda c: c.name)
def test_prefill_flops_equal_the_hand_formula(config: ModelConfig) -> None:
    """Causal attention of prompts of 5, 1 and 9: 15 + 1 + 45 pairs."""
    cost = passes_of(prompt_record([5, 1, 9])).total(unit_costs(config, "bfloat16"))
    assert cost.flops == hand_flops(config, tokens=15, pairs=61, heads=3, is_prompt=True)


@pytest.mark.parametrize("config", [*FAMILIES, *PRESETS.values()], ids=lambda c: c.name)
def test_decode_flops_equal_the_hand_formula(config: ModelConfig) -> None:
    """Two prompts of 4 and 7; three attempts each; some stop early.

    Prompt of 4: attempts of 3, 1, 0 passes with 2 own positions before: contexts 7, 8, 9 and 7.
    Prompt of 7: attempts of 0, 2, 2 passes: contexts 10, 11 and 10, 11.
    """
    passes = np.array([[3, 1, 0], [0, 2, 2]])
    record = decode_record("think", [4, 7], np.full((2, 3), 2), passes)
    phase = passes_of(record)
    assert phase.total(unit_costs(config, "float32")).flops == hand_flops(
        config, tokens=8, pairs=(7 + 8 + 9) + 7 + (10 + 11) * 2, heads=8
    )
    assert record.idle_slots == 3 * 6 - 8


LATENT = preset("deepseek-v2-lite")


def test_bytes_of_a_latent_cache_by_hand() -> None:
    """A prompt of 10 and two attempts at it: 27 layers of 512 + 64 elements a position, whatever
    the heads."""
    unit = unit_costs(LATENT, "bfloat16")
    position = 27 * (512 + 64) * 2
    prefill = passes_of(prompt_record([10])).total(unit).hbm_bytes
    assert prefill.kv_read == prefill.kv_write == 10 * position
    record = decode_record("think", [10], np.full((1, 2), 3), np.array([[1, 1]]))
    decode = passes_of(record).total(unit).hbm_bytes
    assert (decode.kv_read, decode.kv_write) == ((10 + 3 + 3) * position, 2 * position)


def test_latent_attention_is_counted_as_predictions_count_it() -> None:
    """Work of a pass over a context, and of a prompt: what `predict` takes for the same sizes."""
    unit, shape = unit_costs(LATENT, "bfloat16"), shape_of(LATENT)
    widths = Widths(2.0, 2.0, 2.0)
    step = attention_work(shape, decode_load(1.0, 99.0, 0.0), widths, ONE_CHIP)
    assert step.attention_flops == 100 * unit.pair.matmul_flops
    assert unit.expanded is not None
    prompt = attention_work(shape, prefill_load(1.0, 50.0), widths, ONE_CHIP)
    assert prompt.attention_flops == 50 * 51 / 2 * unit.expanded.pair.matmul_flops


def test_rows_of_a_latent_model_share_the_whole_cost() -> None:
    unit = unit_costs(LATENT, "bfloat16")
    for record in (
        prompt_record([10, 4]),
        decode_record("think", [10, 4], np.full((2, 2), 3), np.array([[2, 1], [0, 1]])),
    ):
        assert row_costs(record, unit).flops.sum() == passes_of(record).total(unit).flops


@pytest.mark.parametrize("shared", [0, 24])
def test_a_token_is_counted_for_the_experts_it_visits(shared: int) -> None:
    """The router, 3 of 16 experts of three matrices each, and the shared ones."""
    sizes = Architecture(
        layers=1, embed_dim=32, query_heads=1, kv_heads=1, head_dim=8, mlp_dim=12, vocab_size=8,
        experts=16, active_experts=3, shared_mlp_dim=shared,
    )  # fmt: skip
    model = jax.eval_shape(lambda: Experts(sizes, Mixture(), jnp.bfloat16, nnx.Rngs(0)))
    x = jax.ShapeDtypeStruct((1, 1, 1, 32), jnp.bfloat16)
    at_work = jax.ShapeDtypeStruct((1, 1, 1), jnp.bool)
    work = count(jax.make_jaxpr(lambda m, x, w: m.mix(x, w))(model, x, at_work))
    assert work.matmul_flops == 2 * 32 * (16 + 3 * 3 * 12 + 3 * shared)


def test_bytes_of_experts_that_passes_need() -> None:
    """Of 4 experts 1 a token: one token needs a quarter, two 1 - (3/4)^2; and a pass whatever its
    tokens the rest."""
    unit = replace(
        unit_costs(BASE, "float32"), pass_weight_bytes=1000, expert_weight_bytes=1600,
        expert_share=0.25,
    )  # fmt: skip
    assert unit.weight_bytes(np.array([1, 2, 500])).tolist() == [1400, 1700, 2600]
    record = decode_record("think", [10, 20], np.zeros((2, 2), int), np.array([[2, 0], [0, 1]]))
    first, second = passes_of(record).costs(unit)
    assert first.hbm_bytes.weights == 1700 + 2 * unit.token_weight_bytes
    assert second.hbm_bytes.weights == 1400 + unit.token_weight_bytes
    total = passes_of(record).total(unit).hbm_bytes.total
    assert row_costs(record, unit).hbm_bytes.sum() == pytest.approx(total)


def test_bytes_of_a_decode_pass_by_hand() -> None:
    """The shared prompt is read once for all attempts, and not at all once they have ended."""
    unit = unit_costs(BASE, "float32")
    record = decode_record("think", [10, 20], np.zeros((2, 2), int), np.array([[2, 1], [1, 1]]))
    phase = passes_of(record)
    first, second = phase.costs(unit)
    kv = 2 * 3 * 2 * 8 * 4  # k and v, layers, KV heads, head width, bytes
    assert first.hbm_bytes.kv_read == 30 * kv
    assert first.hbm_bytes.kv_write == 4 * kv
    assert first.hbm_bytes.weights == BASE.parameters * 4 + 4 * 48 * 4
    assert second.hbm_bytes.kv_read == (10 + 1) * kv
    layer = 4 * 48 + 4 * 48 + 3 * 64
    assert second.hbm_bytes.activations == (48 + 3 * layer) * 4 + 48 * 4 + 101 * 4
    total = phase.total(unit)
    assert total.hbm_bytes.total == first.hbm_bytes.total + second.hbm_bytes.total
    assert total.intensity == total.flops / total.hbm_bytes.total


WINDOWED = replace(
    BASE, pattern=(LayerKind(windowed=True), LayerKind(windowed=True), LayerKind()), window=4
)
"""Two of three layers see four positions: the query's own and the three before it."""


def test_pairs_in_a_window_by_hand() -> None:
    """A prompt of 7: 1 + 2 + 3 + 4 * 4 pairs in each layer with a window, 28 in the other."""
    unit = unit_costs(WINDOWED, "float32")
    prefill = passes_of(prompt_record([7]), 4).total(unit)
    pair = 4 * 6 * 8  # FLOPs of a layer
    dense = hand_flops(WINDOWED, tokens=7, pairs=0, heads=1)
    assert prefill.flops == dense + pair * (2 * 22 + 28)
    kv = 2 * 2 * 8 * 4  # k and v of a position and layer, bytes
    assert prefill.hbm_bytes.kv_read == prefill.hbm_bytes.kv_write == 7 * 3 * kv
    decode = decode_record("think", [10], np.array([[0, 2]]), np.array([[2, 1]]))
    passes = passes_of(decode, 4)
    # Own positions before: 0 and 2, then 1. A window has room for 3, 1, then 2 of the prompt's.
    assert passes.near_cached.tolist() == [3 + 0 + 2, 2 + 1]
    assert passes.near_pairs.tolist() == [4 + 4, 4]
    first, second = passes.costs(unit)
    assert first.flops == hand_flops(WINDOWED, 2, 0, 2) + pair * (2 * 8 + 11 + 13)
    assert second.hbm_bytes.kv_read == kv * (2 * 3 + 11)
    rows = row_costs(decode, unit)
    assert rows.flops.sum() == first.flops + second.flops
    assert rows.hbm_bytes.sum() == first.hbm_bytes.total + second.hbm_bytes.total


def test_chunks_in_a_window_count_as_one_query_after_another() -> None:
    """Pairs of passes over several positions, against the sum over their queries one by one."""
    own, tokens = np.array([[[0, 3, 9]]]), np.array([[[5, 1, 4]]])
    record = PassRecord.of("read", np.array([2]), own, tokens)
    expected = [
        sum(min(2 + before + i + 1, 4) for i in range(read))
        for before, read in zip(own.ravel(), tokens.ravel(), strict=True)
    ]
    assert near_pairs(record, 4).ravel().tolist() == expected


def test_copies_in_a_window_are_what_it_may_still_see() -> None:
    copied = np.array([[[9, 0]]])
    none = np.zeros_like(copied)
    record = PassRecord.of("branch", np.array([5]), none, none, copied=copied)
    kv = 2 * 2 * 8 * 4
    assert copy_cost(record, unit_costs(WINDOWED, "float32")).hbm_bytes.kv_read == kv * (2 * 3 + 9)


def test_untied_embedding_is_looked_up_and_not_read_whole() -> None:
    untied = replace(BASE, tied_embeddings=False)
    record = decode_record("think", [8], np.zeros((1, 1), int), np.ones((1, 1), int))
    cost = passes_of(record).total(unit_costs(untied, "bfloat16"))
    assert cost.hbm_bytes.weights == 2 * (untied.parameters - 101 * 48 + 48)


@pytest.mark.parametrize(("batch", "published_ms"), [(1, 7.49), (32, 11.57)])
def test_llama3_8b_decode_on_2039_gb_s(batch: int, published_ms: float) -> None:
    """(Weights read + KV) / bandwidth at context 2048, bf16, A100-80GB; facts: worked by hand."""
    none, one = np.zeros((batch, 1), int), np.ones((batch, 1), int)
    phase = passes_of(decode_record("think", [2048] * batch, none, one))
    moved = phase.total(unit_costs(preset("llama3-8b"), "bfloat16")).hbm_bytes
    time_ms = (moved.weights + moved.kv_read) / 2039e9 * 1e3
    assert time_ms == pytest.approx(published_ms, rel=0.01)


def unrolled_forward(model: Transformer, tokens: jax.Array, cache: KVCache) -> jax.Array:
    """The same model with its layers as a Python loop, so that XLA counts each of them."""
    layers = []
    graph, state = nnx.split(model)
    for index in range(model.config.layers):
        one = {
            path: variable.replace(variable[...][index : index + 1]) if path[0] == "blocks"
            else variable
            for path, variable in nnx.to_flat_state(state)
        }  # fmt: skip
        layers.append(nnx.merge(graph, nnx.from_flat_state(list(one.items()))))
    x = model.embedding[...][tokens]
    from rooflink.model.kv_cache import visible
    from rooflink.model.layers import contract, rms_norm, rotation

    positions = jnp.broadcast_to(jnp.arange(tokens.shape[-1]), tokens.shape)
    sees = Visibility(jnp.zeros((*tokens.shape, 0), bool), visible(positions, positions))
    for layer in layers:
        block = jax.tree.map(lambda leaf: leaf[0], layer.blocks)
        normed = rms_norm(x, block.attention_norm[...], 1e-5)
        query, key, value = block.project(normed, rotation(model.config, positions))
        empty = jnp.zeros((1, key.shape[2], 0, key.shape[-1]))
        mixed = attend(query, Context(empty, empty, key, value), sees)
        heads = mixed.reshape(*x.shape[:3], -1)
        x = x + contract("BATQ,QD->BATD", heads, block.output[...])
        x = x + block.mlp(rms_norm(x, block.mlp_norm[...], 1e-5))
    return model.logits(x)


def test_count_agrees_with_xla_on_an_unrolled_program() -> None:
    """XLA counts a loop's body once, so only the unrolled program can be compared: within 1 %."""
    config = replace(BASE, embed_dim=256, query_heads=4, head_dim=64, mlp_dim=512, vocab_size=500)
    model = Transformer(config, jnp.float32, nnx.Rngs(0))
    tokens = jnp.ones((1, 1, 64), jnp.int32)
    cache = KVCache.empty(config, 1, 1, 64, jnp.float32)

    def scanned(model: Transformer, tokens: jax.Array, cache: KVCache) -> jax.Array:
        positions = jnp.broadcast_to(jnp.arange(tokens.shape[-1]), tokens.shape)
        return model.logits(model.forward(tokens, positions, cache, 0)[0])

    np.testing.assert_allclose(
        scanned(model, tokens, cache), unrolled_forward(model, tokens, cache), atol=1e-4
    )
    ours = count(jax.make_jaxpr(scanned)(model, tokens, cache))
    lowered = jax.jit(unrolled_forward).lower(model, tokens, cache)
    theirs = lowered.compile().cost_analysis()["flops"]
    assert ours.matmul_flops + ours.vector_flops == pytest.approx(theirs, rel=0.01)


def test_scan_counts_once_an_iteration_and_nests() -> None:
    def inner(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        return x @ x, None

    def outer(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        return jax.lax.scan(inner, x, None, length=3)[0] + 1.0, None

    program = jax.make_jaxpr(lambda x: jax.lax.scan(outer, x, None, length=5)[0])(jnp.ones((4, 4)))
    assert count(program).matmul_flops == 15 * 2 * 4**3
    assert count(program).vector_flops == 5 * 16


def kernel_over(slots: int, estimate: pl.CostEstimate | None) -> ClosedJaxpr:
    """A traced Pallas kernel that doubles `slots` numbers, 8 at a time."""

    def double(x_ref, y_ref) -> None:  # type: ignore[no-untyped-def]
        y_ref[...] = x_ref[...] * 2.0

    block = pl.BlockSpec((8,), lambda step: (step,))
    x = jnp.ones(slots)
    call = pl.pallas_call(
        double, grid=(slots // 8,), in_specs=[block], out_specs=block, out_shape=x,
        cost_estimate=estimate,
    )  # fmt: skip
    return jax.make_jaxpr(call)(x)


def test_a_kernel_counts_what_it_says() -> None:
    """Its program shows one block, not how many there are."""
    estimate = pl.CostEstimate(flops=64, transcendentals=0, bytes_accessed=512)
    assert count(kernel_over(64, estimate)) == Operations(matmul_flops=64)
    with pytest.raises(ProfileInputError, match="Pallas kernel without a cost estimate"):
        count(kernel_over(64, None))


def test_decode_counts_the_same_with_and_without_its_kernel() -> None:
    B, A, K, G, H, P, S = 2, 3, 2, 4, 8, 9, 5
    query = jnp.ones((B, A, 1, K, G, H))
    parts = ((B, K, P, H), (B, K, P, H), (B, A, K, S, H), (B, A, K, S, H))
    context = Context(*(jnp.ones(shape) for shape in parts))
    sees = Visibility(jnp.ones((B, A, 1, P), bool), jnp.ones((B, A, 1, S), bool))
    stack = Context(*(part[None] for part in context))
    pallas = PallasAttention()
    words = pallas.seen(sees)
    kernel = count(jax.make_jaxpr(pallas.attend)(query, stack, jnp.int32(0), words))
    matmuls = count(jax.make_jaxpr(attend)(query, context, sees))
    assert kernel.matmul_flops == matmuls.matmul_flops == 4 * B * A * K * G * H * (P + S)


def test_a_while_loop_is_refused_in_words() -> None:
    program = jax.make_jaxpr(lambda x: jax.lax.while_loop(lambda y: y < 9, lambda y: y + 1, x))(0)
    with pytest.raises(ProfileInputError, match="while loop"):
        count(program)
