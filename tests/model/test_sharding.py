"""A mesh changes where the numbers are, never what they are. Run as a script: the other process.

Eight virtual CPU devices need a process of their own, for XLA reads its flags once.
"""

import itertools
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import Mesh, PartitionSpec

from rooflink.model import ModelConfig, ModelInputError, preset
from rooflink.model.architecture import Architecture
from rooflink.model.experts import Experts
from rooflink.model.generation.decode_loop import State, decode_program, prompt_program
from rooflink.model.generation.engine import attempt_keys
from rooflink.model.generation.generate import endings_of
from rooflink.model.generation.stopping import AnswerFormat, budget_rules
from rooflink.model.kv_cache import Context, KVCache
from rooflink.model.layers import Visibility, attend
from rooflink.model.mesh import (
    MESH_AXES,
    MESH_AXES_OF,
    STATE_AXES,
    ModelSplit,
    leaf_name,
    partition,
    result_sharding,
    shardings,
    split_devices,
)
from rooflink.model.pallas_attention import PallasAttention
from rooflink.model.sampling import Temperature
from rooflink.model.styles import AS_COMPUTED, EXPERT_AXES, PARAMETER_AXES, Mixture, Widths
from rooflink.model.transformer import Transformer, abstract_transformer, transformer_from

TINY = ModelConfig(
    name="tiny", family="qwen3", layers=2, embed_dim=32, query_heads=8, kv_heads=2, head_dim=8,
    mlp_dim=64, vocab_size=96, context_length=256, rope_theta=1e4, norm_eps=1e-5,
    tied_embeddings=False, qkv_bias=True, qk_norm=True,
)  # fmt: skip
NINE_HEADS = replace(TINY, query_heads=9, kv_heads=3, vocab_size=97, tied_embeddings=True)
FOUR_HEADS = replace(TINY, query_heads=4, kv_heads=2)

LATENT = replace(
    TINY, kv_heads=8, qkv_bias=False, qk_norm=False, latent_dim=24, rotated_dim=4, query_rank=16,
    value_head_dim=6,
)  # fmt: skip

CASES: dict[str, tuple[ModelConfig, int, int]] = {  # model, data, model axis
    "KV heads fewer than the model axis": (TINY, 1, 8),
    "heads and vocabulary that do not divide": (NINE_HEADS, 1, 8),
    "attention over fewer devices than the MLP": (FOUR_HEADS, 1, 8),
    "prompts and attempts split": (TINY, 4, 2),
    "latents of all heads": (LATENT, 1, 8),
    "int8 weights and cache": (replace(TINY, widths=Widths("int8", kv="int8")), 2, 4),
    "int4 weights, groups that do not divide": (replace(TINY, widths=Widths("int4", 16)), 1, 8),
}
BATCH, ATTEMPTS, PROMPT, STEPS = 2, 4, 6, 5
RULES, SAMPLER = budget_rules(STEPS + 2, 2), Temperature(1.0, top_p=0.95)
FORMAT = AnswerFormat(RULES, decode=lambda tokens: "")


def steps(model: Transformer, split: ModelSplit | None) -> dict[str, Any]:
    """Prefill, some thinking, and the logits of one more token; on a mesh if there is a split."""
    prompts = jnp.arange(BATCH * PROMPT).reshape(BATCH, PROMPT).astype(jnp.int32) % 90 + 1
    keys = attempt_keys(3, jnp.arange(BATCH), ATTEMPTS)
    inputs = (prompts, jnp.array([PROMPT, PROMPT - 2]), keys)
    endings = jax.tree.map(jnp.asarray, endings_of(FORMAT, thinking=True, cued=True))
    begin = partial(prompt_program, endings=endings, sampler=SAMPLER, rules=RULES)
    go_on = partial(decode_program, endings=endings, sampler=SAMPLER, passes=STEPS)
    if split is None:
        state, said = jax.jit(go_on)(model, jax.jit(begin)(model, *inputs))
    else:
        mesh = split.mesh(jax.devices())
        model = jax.device_put(model, shardings(model, PARAMETER_AXES, mesh))
        shapes = jax.eval_shape(begin, model, *inputs)
        placed = State(
            shardings(shapes.rows, STATE_AXES, mesh), shardings(shapes.cursor, STATE_AXES, mesh)
        )
        state = jax.jit(begin, out_shardings=placed)(model, *inputs)
        result = result_sharding("NBA", mesh)
        state, said = jax.jit(go_on, out_shardings=(placed, result))(model, state)

    @jax.jit
    def next_logits(model: Transformer, cache: KVCache) -> jax.Array:
        token, position = state.cursor.token[..., None], state.cursor.position[..., None]
        return model.logits(model.forward(token, position, cache, state.rows.slot)[0])

    queries = model.blocks.query_up if model.config.latent_dim else model.blocks.query
    return {
        "tokens": np.asarray(said).tolist(),
        "logits": np.asarray(next_logits(model, state.rows.cache)).tolist(),
        "cache shard": shard(state.rows.cache.stacks[0].keys),
        "query shard": shard(queries[...]),
    }


def shard(whole: Any) -> list[int]:
    """Shape of the first device's part; of what is quantised, of its codes."""
    return list(jax.tree.leaves(whole)[0].addressable_shards[0].data.shape)


def compare() -> dict[str, Any]:
    """Each case with and without a mesh."""
    found = {}
    for name, (config, data, model_axis) in CASES.items():
        split = split_devices(config, BATCH, ATTEMPTS, 8, data, model_axis)
        found[name] = {"plain": plain_steps(config), "mesh": steps(random_model(config), split)}
    found["decode kernel"] = kernel_differences()
    found["experts"] = expert_differences()
    return found


def kernel_differences() -> list[float]:
    """Of the decode kernel (interpreted) on meshes from attention without one, at most."""
    random = np.random.default_rng(2)

    def normal(*shape: int) -> jax.Array:
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    def seen(*shape: int) -> jax.Array:
        return jnp.asarray(random.random(shape) < 0.7)

    query, of_prompt, own = normal(2, 2, 1, 2, 4, 8), (3, 2, 2, 9, 8), (3, 2, 2, 2, 5, 8)
    stack = Context(normal(*of_prompt), normal(*of_prompt), normal(*own), normal(*own))
    sees = Visibility(jnp.broadcast_to(seen(2, 1, 1, 9), (2, 2, 1, 9)), seen(2, 2, 1, 5))
    wanted = attend(query, Context(*(part[1] for part in stack)), sees)
    differences = []
    for split in (ModelSplit(2, 1, 2, 2, 1), ModelSplit(1, 2, 2, 1, 2)):
        with jax.set_mesh(split.mesh(jax.devices())):
            kernel = PallasAttention(interpret=True)
            mixed = jax.jit(kernel.attend)(query, stack, jnp.int32(1), kernel.seen(sees))
        differences.append(float(np.abs(mixed - wanted).max()))
    return differences


def expert_differences() -> dict[str, float]:
    """Of a mixture of experts (gpt-oss's, whose biases must be added once) on meshes from one
    without, at most, and what a device holds of it. 8 experts are dealt, the width of 6 is split;
    a token a device, few, and many."""
    found = {}
    for experts, tokens in itertools.product((6, 8), (2, 8, 400)):
        sizes = Architecture(
            layers=1, embed_dim=16, query_heads=4, kv_heads=2, head_dim=8, mlp_dim=24,
            vocab_size=8, experts=experts, active_experts=2,
        )  # fmt: skip
        model = Experts(sizes, Mixture(biased=True, limit=7.0), jnp.float32, nnx.Rngs(0))
        x = jax.random.normal(jax.random.key(0), (2, 1, -(-tokens // 2), 16))
        busy = jnp.ones(x.shape[:3], bool)
        plain = jax.jit(Experts.mix)(model, x, busy)
        mesh = ModelSplit(2, 1, 2, 2, 1).mesh(jax.devices())
        placed = jax.device_put(model, shardings(model, EXPERT_AXES, mesh))
        with jax.set_mesh(mesh):
            mixed = jax.jit(Experts.mix)(placed, x, busy)
        held = placed.gate[...].addressable_shards[0].data.shape
        found[f"{held}, {tokens} tokens"] = float(np.abs(mixed - plain).max() / np.abs(plain).max())
    return found


@cache
def plain_steps(config: ModelConfig) -> dict[str, Any]:
    return steps(random_model(config), None)


def random_model(config: ModelConfig) -> Transformer:
    """Weights large enough that rounding never picks the token; from numpy, which compiles
    nothing."""
    random = np.random.default_rng(1)
    plain = abstract_transformer(replace(config, widths=AS_COMPUTED), jnp.float32)
    shapes = jax.tree_util.tree_leaves_with_path(plain)
    names = {leaf_name(path): leaf.shape for path, leaf in shapes}
    weights = {
        name: random.normal(1.0 if name.endswith("norm") else 0.0, 0.2, shape)
        for name, shape in names.items()
    }
    return transformer_from(config, jnp.float32, weights)


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    environment = os.environ | {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    run = [sys.executable, str(Path(__file__))]
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_mesh_gives_the_same_tokens_and_logits(compared: dict[str, Any], case: str) -> None:
    plain, mesh = compared[case]["plain"], compared[case]["mesh"]
    assert mesh["tokens"] == plain["tokens"]
    assert len(np.unique(plain["tokens"])) > 5, "a model that says one thing shows nothing"
    np.testing.assert_allclose(mesh["logits"], plain["logits"], rtol=0, atol=2e-4)
    assert np.std(plain["logits"]) > 0.5


def test_a_mesh_splits_the_decode_kernel(compared: dict[str, Any]) -> None:
    assert max(compared["decode kernel"]) < 1e-6


def test_a_mesh_splits_the_experts(compared: dict[str, Any]) -> None:
    assert max(compared["experts"].values()) < 1e-5
    held = {name.rpartition(",")[0] for name in compared["experts"]}
    assert held == {"(6, 16, 6)", "(2, 16, 24)"}


@pytest.mark.parametrize(
    ("case", "cache", "query"),
    [
        ("KV heads fewer than the model axis", [2, 2, 4, 1, 9, 8], [2, 32, 8]),
        ("heads and vocabulary that do not divide", [2, 2, 4, 3, 9, 8], [2, 32, 72]),
        ("prompts and attempts split", [2, 1, 2, 1, 9, 8], [2, 32, 32]),
        ("latents of all heads", [2, 2, 4, 1, 9, 4], [2, 16, 12]),
        ("int8 weights and cache", [2, 1, 4, 1, 9, 8], [2, 32, 16]),
    ],
)
def test_a_device_holds_its_part(
    compared: dict[str, Any], case: str, cache: list[int], query: list[int]
) -> None:
    assert compared[case]["mesh"]["cache shard"] == cache
    assert compared[case]["mesh"]["query shard"] == query


@pytest.mark.parametrize(
    ("model", "devices", "expected"),
    [
        ("llama3-8b", 8, ModelSplit(1, 1, 8, 1, 1)),
        ("llama3-8b", 256, ModelSplit(8, 1, 8, 4, 1)),
        ("llama3-70b", 64, ModelSplit(1, 1, 8, 8, 1)),
        ("smollm2-135m", 8, ModelSplit(8, 1, 1, 1, 1)),
        ("smollm2-135m", 3, ModelSplit(1, 1, 3, 1, 1)),
        ("deepseek-r1", 64, ModelSplit(1, 1, 1, 64, 1)),
    ],
)
def test_the_model_axis_follows_the_heads(model: str, devices: int, expected: ModelSplit) -> None:
    """By default as many devices as split the query heads, and data for the others."""
    assert split_devices(preset(model), batch=16, attempts=1, devices=devices) == expected


def test_a_batch_that_does_not_divide_leaves_all_to_the_model_axis() -> None:
    split = split_devices(preset("smollm2-135m"), batch=1, attempts=1, devices=8)
    assert split == ModelSplit(1, 1, 1, 1, 8)
    assert "attention computed 8 times over" in split.describe(preset("smollm2-135m"))


def test_what_is_held_twice_is_said() -> None:
    config = preset("llama3-70b")
    split = split_devices(config, 16, 1, 64, data=1, model=64)
    assert "8 KV heads split 8 ways, each held by 8 devices" in split.describe(config)
    latent = split_devices(LATENT, 16, 1, 8, data=1, model=8)
    assert "latents of all heads held by 8 devices" in latent.describe(LATENT)
    odd = replace(config, vocab_size=128257)
    assert "vocabulary of 128257 split 1 ways" in split.describe(odd)


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        (2, 8, "has 16 devices, but there are 8"),
        (3, None, "data=3 does not divide the 8 devices"),
        (None, 5, "tensor=5 does not divide"),
        (0, None, "data=0 does not divide"),
        (8, 1, "do not divide over data=8"),
    ],
)
def test_a_mesh_that_does_not_match(data: int | None, model: int | None, said: str) -> None:
    with pytest.raises(ModelInputError, match=said):
        split_devices(TINY, 3, 1, 8, data, model)


def test_every_parameter_of_every_family_has_its_axes() -> None:
    for config in (TINY, NINE_HEADS, LATENT, preset("llama3-8b")):
        model = abstract_transformer(config, jnp.bfloat16)
        for path, leaf in jax.tree_util.tree_leaves_with_path(model):
            assert len(PARAMETER_AXES[leaf_name(path)]) == leaf.ndim


def test_two_axes_of_a_tensor_never_claim_one_mesh_axis() -> None:
    mesh = Mesh(np.array(jax.devices()[:1]).reshape((1,) * len(MESH_AXES)), MESH_AXES)
    with pytest.raises(ValueError, match="claims a mesh axis"):
        partition("KF", (2, 2), mesh)
    assert {axis for axes in MESH_AXES_OF.values() for axis in axes} == set(MESH_AXES)
    assert partition("", (), mesh) == PartitionSpec()
    assert math.prod(mesh.devices.shape) == 1


if __name__ == "__main__":
    print(json.dumps(compare()))
