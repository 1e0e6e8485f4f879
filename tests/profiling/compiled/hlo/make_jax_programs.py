"""Makes jax_programs/: `python make_jax_programs.py` in this folder, with libtpu.

Small programs of the kinds that MaxText, tunix and others run, compiled for a v5e ahead of time.
libtpu's environment must be set before JAX is imported, and only in a process of its own.
"""

import gzip
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.update(
    TPU_SKIP_MDS_QUERY="1", JAX_PLATFORMS="cpu", ALLOW_MULTIPLE_LIBTPU_LOAD="1",
    TPU_WORKER_HOSTNAMES="localhost", TPU_ACCELERATOR_TYPE="",
)  # fmt: skip

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import topologies
from jax.lax import cond, dynamic_slice, dynamic_update_slice, fori_loop, scan, switch, while_loop
from jax.sharding import SingleDeviceSharding

from rooflink.profiling.compiled.worker import compile_program

BLOCK, WIDTH = 64, 64


def causal_blocks(q: Array, k: Array, v: Array) -> Array:
    """Attention by blocks, those of the future left out."""

    def rows(i: Array, out: Array) -> Array:
        one = dynamic_slice(q, (i * BLOCK, 0), (BLOCK, WIDTH))

        def keys(j: Array, total: Array) -> Array:
            here = (j * BLOCK, 0), (BLOCK, WIDTH)
            return total + jnp.exp(one @ dynamic_slice(k, *here).T) @ dynamic_slice(v, *here)

        total = fori_loop(0, i + 1, keys, jnp.zeros((BLOCK, WIDTH)))
        return dynamic_update_slice(out, total, (i * BLOCK, 0))

    return fori_loop(0, 8, rows, jnp.zeros((8 * BLOCK, WIDTH)))


def windowed_blocks(x: Array) -> Array:
    """Each of ten blocks sees itself and three before it."""

    def rows(i: Array, x: Array) -> Array:
        return fori_loop(jnp.maximum(0, i - 3), i + 1, lambda j, y: jnp.sin(y), x)

    return fori_loop(0, 10, rows, x)


def three_deep(x: Array) -> Array:
    def outer(i: Array, x: Array) -> Array:
        def middle(j: Array, x: Array) -> Array:
            return fori_loop(j, i + 1, lambda k, x: jnp.sin(x), x)

        return fori_loop(0, i + 1, middle, x)

    return fori_loop(0, 4, outer, x)


def remat_scan(weights: Array, x: Array) -> Array:
    """The gradient of layers in a scan that are computed again on the way back, as in MaxText."""

    @partial(jax.checkpoint)
    def layer(x: Array, w: Array) -> tuple[Array, None]:
        return jnp.tanh(x @ w), None

    return jax.grad(lambda weights: scan(layer, x, weights)[0].sum())(weights)


def sampler(x: Array) -> tuple[Array, Array]:
    """Decoding that ends when nothing is left, as in tunix."""
    return while_loop(
        lambda carry: (carry[0] < 32) & (carry[1].sum() > 0),
        lambda carry: (carry[0] + 1, carry[1] * 0.5),
        (jnp.int32(0), x),
    )


def accumulated(x: Array) -> Array:
    """An update after the last of eight steps."""

    def step(x: Array, i: Array) -> tuple[Array, None]:
        return cond(i == 7, lambda y: y @ y, lambda y: y, jnp.sin(x)), None

    return scan(step, x, jnp.arange(8))[0]


def in_turns(x: Array) -> Array:
    """Three kinds of layers, one after another."""

    def step(x: Array, i: Array) -> tuple[Array, None]:
        return switch(i % 3, [jnp.sin, lambda y: y @ y, jnp.cos], x), None

    return scan(step, x, jnp.arange(11))[0]


def shifting(x: Array) -> tuple[Array, Array]:
    return while_loop(
        lambda carry: carry[0] > 0,
        lambda carry: (carry[0] >> 1, jnp.sin(carry[1])),
        (jnp.int32(1000), x),
    )


ROWS = (8 * BLOCK, WIDTH)
SQUARE = (256, 256)
PROGRAMS: tuple[tuple[Callable[..., object], tuple[tuple[int, ...], ...]], ...] = (
    (causal_blocks, (ROWS, ROWS, ROWS)),
    (windowed_blocks, ((1024,),)),
    (three_deep, ((1024,),)),
    (remat_scan, ((6, 128, 128), (32, 128))),
    (sampler, ((128,),)),
    (accumulated, (SQUARE,)),
    (in_turns, (SQUARE,)),
    (shifting, ((1024,),)),
)


def main() -> None:
    topology = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2")
    device = SingleDeviceSharding(topology.devices[0])
    for program, shapes in PROGRAMS:
        given = [jax.ShapeDtypeStruct(shape, jnp.float32, sharding=device) for shape in shapes]
        lowered = jax.jit(program).trace(*given).lower(lowering_platforms=("tpu",))
        _, proto, _ = compile_program(lowered, dump=True)
        path = Path(__file__).with_name("jax_programs") / f"{program.__name__}.pb.gz"
        path.write_bytes(gzip.compress(proto, 9, mtime=0))


if __name__ == "__main__":
    main()
