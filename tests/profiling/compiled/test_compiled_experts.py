"""What a mixture of experts is expected to read, and what its compiled program reads. Run as a
script: the other process, for libtpu wants its environment before JAX starts.
"""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array, ShapeDtypeStruct
from jax.experimental import topologies

from rooflink.model import preset
from rooflink.model.architecture import Architecture
from rooflink.model.experts import Experts, rows_together
from rooflink.model.mesh import ModelSplit, result_sharding, shardings
from rooflink.model.styles import EXPERT_AXES, Mixture
from rooflink.profiling.compiled.excess import counted_budget
from rooflink.profiling.compiled.hlo.proto import parse_module
from rooflink.profiling.compiled.lens import expert_turns
from rooflink.profiling.compiled.spec import MeshRequest, ProgramSpec, parse_target
from rooflink.profiling.compiled.traffic.traffic import WEIGHTS, ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic
from rooflink.profiling.compiled.worker import compile_program

MIXTRAL = Architecture(
    layers=2, embed_dim=4096, query_heads=32, kv_heads=8, head_dim=128, mlp_dim=14336,
    vocab_size=32000, experts=8, active_experts=2,
)  # fmt: skip
QWEN3 = Architecture(
    layers=2, embed_dim=2048, query_heads=32, kv_heads=4, head_dim=128, mlp_dim=768,
    vocab_size=151936, experts=128, active_experts=8,
)  # fmt: skip
CONFIGS = {"wide": MIXTRAL, "narrow": QWEN3}
"""Two layers of Mixtral 8x7B and of Qwen3-30B-A3B (config.json of each)."""

SPLIT = ModelSplit(1, 1, 4, 2, 1)


@pytest.mark.parametrize(("config", "dealt"), [(MIXTRAL, 1), (QWEN3, 8)])
@pytest.mark.parametrize("tokens", [1, 16, 64, 1024, 8192])
def test_turns_as_of_random_tokens(config: Architecture, dealt: int, tokens: int) -> None:
    """Experts that 20 batches of random choices need, and blocks where they are many."""
    random = np.random.default_rng(tokens)
    rows = rows_together(tokens * config.active_experts / config.experts)
    found = []
    for _ in range(20):
        merit = random.random((tokens, config.experts))
        chosen = np.argsort(merit, axis=1)[:, : config.active_experts]
        visits = np.bincount(chosen.ravel(), minlength=config.experts)
        blocks = np.sign(visits) if tokens <= 128 else -(-visits // rows)
        found.append(blocks.sum() / dealt)
    assert expert_turns(config, SPLIT, tokens) == pytest.approx(np.mean(found), rel=0.06)


@pytest.mark.parametrize("phase", ["prefill", "think"])
def test_a_data_parallel_group_needs_the_experts_of_its_own_tokens(phase: str) -> None:
    """Two groups of four devices, each with half of the prompts, as four devices with that half."""
    spec = ProgramSpec(preset("qwen3-30b-a3b"), "bfloat16", parse_target("v5e:2x4"), batch=16)
    both = counted_budget(replace(spec, mesh=MeshRequest(2, 4)), phase)
    half = replace(spec, target=parse_target("v5e:2x2"), batch=8, mesh=MeshRequest(1, 4))
    assert both == counted_budget(half, phase)


def compiled(config: Architecture, topology: str, batch: int) -> ModuleTraffic:
    """Both layers for `batch` tokens, over the topology's devices."""
    devices = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    mesh = SPLIT.mesh(list(devices))
    build = partial(Experts, config, Mixture(), jnp.bfloat16)
    keys = nnx.Rngs(0).split(config.layers)
    model = jax.eval_shape(lambda: jax.vmap(build)(keys))
    x = ShapeDtypeStruct((batch, 1, 1, config.embed_dim), jnp.bfloat16)

    @jax.named_scope("think")
    def run(model: Experts, x: Array) -> Array:
        at_work = jnp.ones(x.shape[:3], bool)
        return jax.lax.fori_loop(0, config.layers, lambda i, x: x + model.mix(x, at_work, i), x)

    placed = shardings(model, {name: "L" + axes for name, axes in EXPERT_AXES.items()}, mesh)
    out = result_sharding("BATD", mesh)
    with jax.set_mesh(mesh):
        lowered = jax.jit(run, in_shardings=(placed, out), out_shardings=out).lower(model, x)
    _, proto, _ = compile_program(lowered, dump=True)
    weights = dict.fromkeys(range(len(jax.tree.leaves(model))), WEIGHTS)
    trips = {"experts": expert_turns(config, SPLIT, batch)}
    return module_traffic(parse_module(proto), weights, trips)


CASES = list(
    itertools.product(["v5e:2x4", "v6e:2x4", "v5p:2x2x2"], ["wide", "narrow"], [1, 16, 64])
)


@pytest.fixture(scope="module")
def readings() -> dict[str, dict[str, int]]:
    """HBM bytes by kind of each case."""
    pytest.importorskip("libtpu")
    environment = os.environ | {
        "TPU_SKIP_MDS_QUERY": "1",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    run = [sys.executable, str(Path(__file__))]
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.tpu_compiler
@pytest.mark.parametrize(("topology", "width", "batch"), CASES)
def test_a_step_reads_the_experts_it_needs(
    readings: dict[str, dict[str, int]], topology: str, width: str, batch: int
) -> None:
    """And copies none: one device's part of the routers and of the experts that are needed."""
    moved, config = readings[f"{topology} {width} {batch}"], CONFIGS[width]
    turns = round(config.layers * expert_turns(config, SPLIT, batch))
    part = 3 * config.embed_dim * config.mlp_dim // (8 if width == "wide" else 1)
    least = 2 * (turns * part + config.layers * config.embed_dim * config.experts)
    assert moved[WEIGHTS] == pytest.approx(least, rel=0.002)
    assert not any("weights" in kind for kind in moved if kind != WEIGHTS)


if __name__ == "__main__":
    found = {}
    for topology, width, batch in CASES:
        traffic = compiled(CONFIGS[width], topology, batch)
        assert not traffic.unresolved_loops
        found[f"{topology} {width} {batch}"] = traffic.bytes_by_kind()
    print(json.dumps(found))
