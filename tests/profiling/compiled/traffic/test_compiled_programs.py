"""Compiled programs: scanned against unrolled, a hand audit, and the model's own think loop.

The files in fixtures/ were made by make_fixtures.py.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from rooflink.profiling.compiled.hlo.module import Module
from rooflink.profiling.compiled.hlo.proto import parse_module, read_module
from rooflink.profiling.compiled.traffic.traffic import ModuleTraffic
from rooflink.profiling.compiled.traffic.walk import module_traffic

FIXTURES = Path(__file__).parent / "fixtures"
CACHES = [f"state.cache.{part}{what}" for part in ("", "prompt_") for what in ("keys", "values")]
MATRIX = 2048 * 8192 * 2  # bytes of one weight matrix of the v5e programs


def kinds(module: Module) -> dict[int, str]:
    """Weights and KV cache by the names that JAX gave the arguments."""
    found = {}
    for number, parameter in module.entry.parameters.items():
        name = parameter.op_name or parameter.name
        if name in ("up", "down") or name.startswith("model."):
            found[number] = "weights"
        elif name == "cache" or name in CACHES:
            found[number] = "kv"
    return found


def fixture(name: str) -> ModuleTraffic:
    module = read_module(FIXTURES / name)
    return module_traffic(module, kinds(module))


def test_scanned_and_unrolled_move_the_same_on_v5e() -> None:
    scanned, unrolled = fixture("scanned_v5e.hlo"), fixture("unrolled_v5e.hlo")
    assert scanned.hbm_bytes() == pytest.approx(unrolled.hbm_bytes(), rel=0.01)
    assert scanned.hbm_bytes(kind="weights") == unrolled.hbm_bytes(kind="weights") == 8 * MATRIX
    products = [
        sum(row.times for row in program.rows if row.scope == "mlp" and row.cycles > 10_000)
        for program in (scanned, unrolled)
    ]
    assert products == [4, 4]


def test_scanned_and_unrolled_move_the_same_on_cpu() -> None:
    L, B, D = 6, 4, 256

    def layer(x: jax.Array, w: jax.Array) -> jax.Array:
        with jax.named_scope("product"):
            y = x @ w
        return jnp.tanh(y)

    def scanned(weights: jax.Array, x: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda x, w: (layer(x, w), None), x, weights)[0]

    def unrolled(weights: jax.Array, x: jax.Array) -> jax.Array:
        for index in range(L):
            x = layer(x, weights[index])
        return x

    shapes = (
        jax.ShapeDtypeStruct((L, D, D), jnp.float32),
        jax.ShapeDtypeStruct((B, D), jnp.float32),
    )
    totals = []
    for function in (scanned, unrolled):
        executable = jax.jit(function).lower(*shapes).compile().runtime_executable()
        assert executable is not None
        proto = executable.hlo_modules()[0].as_serialized_hlo_module_proto()
        traffic = module_traffic(parse_module(proto), {0: "weights"})
        totals.append(traffic.hbm_bytes())
        reads = [row for row in traffic.rows if row.bytes(kind="weights") >= D * D * 4]
        assert sum(row.times for row in reads) == L
    assert totals[0] == pytest.approx(totals[1], rel=0.01)


def test_hand_audit_of_nested_loops_on_v5e() -> None:
    """`nested`: 8 steps of 4 layers. Its innermost body, `..region_1.8..`, read by hand:

    instruction                operand or result in HBM               bytes
    slice_bitcast_fusion.2     none (x is in VMEM)                         0
    dynamic_update_slice.10    writes row [1,1,2048] of bf16[4,1024,2048]
                               in tiles (8,128)(2,1): 8 rows          32,768
    fusion.53 (scores)         cache of this layer, 1024 x 2048    4,194,304
    convert.16, fusion.54      none                                        0
    fusion.55 (values)         cache of this layer                 4,194,304
    fusion.56 (both matmuls)   up and down of this layer          67,108,864
    copy.8                     none                                        0
    a layer                                                       75,530,240
    32 of them                                                 2,416,967,680

    Counters and indices in HBM, a tile of 512 bytes each, come on top: 0.01 %.
    """
    traffic = fixture("nested_v5e.hlo")
    assert sorted(loop.trips for loop in traffic.loops) == [4, 8]
    assert traffic.hbm_bytes(kind="weights") == 32 * 2 * MATRIX == 32 * 67_108_864
    assert traffic.hbm_bytes(kind="kv", direction="read") == 32 * 2 * 4_194_304
    assert traffic.hbm_bytes(kind="kv", direction="write") == 32 * 32_768
    assert traffic.hbm_bytes(kind="kv", direction="write", padded=False) == 32 * 2048 * 2
    assert traffic.hbm_bytes() == pytest.approx(2_416_967_680, rel=0.0002)
    assert sum(row.bytes() for row in traffic.rows if row.scope == "mlp") == 32 * 2 * MATRIX
    assert {row.phase for row in traffic.rows if row.bytes()} == {"think"}


LAYER_WEIGHTS = 2 * (4 * (2 * 1024 * 4096 + 2 * 1024 * 1024 + 3 * 1024 * 4096))
"""bf16 bytes of the tiny Llama's projections and MLP over its 4 layers, norms left out."""


def test_think_loop_on_v5e() -> None:
    """8 passes: each layer's weights read once a pass; the loop ends early if thoughts do."""
    traffic = fixture("think_v5e.pb.gz")
    steps, layers = traffic.loops
    assert (steps.trips, steps.early_exit) == (8, True)
    assert (layers.trips, layers.times) == (4, 8)
    read = traffic.hbm_bytes(kind="weights", direction="read")
    assert read == pytest.approx(8 * LAYER_WEIGHTS, rel=0.01)
    assert {copy.arguments for copy in traffic.copies if copy.bytes() > 10**6} == {
        ("state.cache.keys",), ("state.cache.values",),
    }  # fmt: skip


def test_think_loop_on_tpu7x() -> None:
    """Fusions in fusions read one layer each; SparseCore copies are found, named and sized."""
    traffic = fixture("think_tpu7x.pb.gz")
    read = sum(
        row.bytes(kind=kind, direction="read")
        for row in traffic.rows
        if row.scope in ("mlp", "attention/projections")
        for kind in ("weights", "copy of weights")
    )
    assert 0.99 * 8 * LAYER_WEIGHTS < read < 1.1 * 8 * LAYER_WEIGHTS
    assert not traffic.unknown_calls
    down, output = 4 * 4096 * 1024 * 2, 4 * 4096 * 1024 * 2
    copied = {copy.arguments: copy.bytes(kind="copy of weights") for copy in traffic.copies}
    assert copied["model.blocks.down.value",] == 2 * down
    assert copied["model.blocks.output.value",] == 2 * output
