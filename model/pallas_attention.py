"""Attention of one query an attempt as a Pallas kernel for TPU devices of several cores (v5p).

XLA makes two matmuls of it, with the scores between them in memory. Where a device is two cores
with a VMEM each that memory is HBM, and the scores cross it twice; elsewhere XLA keeps them on the
chip, and what it makes can be read. Here keys and values stream through VMEM once, block by block
of slots, under a running softmax (Milakov & Gimelshein 2018, Dao et al. 2022). The kernel reads its
layer out of the whole stack, so that no slice is copied. It has not run on a TPU yet.

Axis letters as in `config`; P prompt slots, S slots of each attempt; N sequences with slots of
their own, R queries that look at each of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jax.sharding import get_abstract_mesh

from .kv_cache import Context
from .layers import Visibility
from .mesh import partition

LANES, BITS = 128, 16
BLOCK = LANES * BITS
"""Slots that are in VMEM together. Which of them are seen is one row of words of `BITS` bits."""

Ref = Any
"""A reference to memory, which Pallas has no public type for."""

UNSEEN = -1e30
"""Score of a hidden slot: zero after a softmax, and finite for queries that see nothing."""

_AXES = ("BATKGH", "", "LBKPH", "LBKPH", "LBAKSH", "LBAKSH", "BP", "BAS")
"""Of the query, the layer, the stack and the words."""


@dataclass(frozen=True)
class PallasAttention:
    """The kernel as a model takes it: a `transformer.QueryKernel`."""

    interpret: bool = False  # on a CPU, where there is nothing to compile it for

    def seen(self, sees: Visibility) -> Visibility:
        """Which slots one query an attempt sees, in `BITS` bits a word, P and S rounded up to
        blocks: prompt's words [B, P / BITS], own words [B, A, S / BITS], both int32.

        Bit j of word w of a block is its slot j * LANES + w. The prompt's words hold what any
        attempt at it sees: those at work see the same, and the others' results are not used.
        """
        return Visibility(_words(sees.prompt[:, :, 0].any(axis=1)), _words(sees.own[:, :, 0]))

    def attend(self, query: Array, stack: Context, layer: Array, seen: Visibility) -> Array:
        """`layers.attend` for one query an attempt over layer `layer` of the caches in `stack`.

        `query` [B, A, 1, K, G, H]; `stack` has a leading axis L. Split over the mesh that is set
        (`jax.set_mesh`), which a program over several devices needs: XLA cannot split a kernel.
        Returns [B, A, 1, K, G, H].
        """

        def local(query: Array, layer: Array, *rest: Array) -> Array:
            parts = Context(*rest[:4]), layer, Visibility(*rest[4:])
            return _attend_local(query, *parts, self.interpret)

        operands = (query, layer, *stack, *seen)
        mesh = get_abstract_mesh()
        if mesh.empty:
            return local(*operands)
        specs = tuple(
            partition(axes, x.shape, mesh) for axes, x in zip(_AXES, operands, strict=True)
        )
        split = jax.shard_map(local, in_specs=specs, out_specs=specs[0], check_vma=False)
        return split(*operands)


def _words(sees: Array) -> Array:
    *rows, slots = sees.shape
    blocks = -(-slots // BLOCK)
    padding = [(0, 0)] * len(rows) + [(0, blocks * BLOCK - slots)]
    bits = jnp.pad(sees, padding).reshape(*rows, blocks, BITS, LANES).astype(jnp.int32)
    places = bits << jax.lax.broadcasted_iota(jnp.int32, bits.shape, bits.ndim - 2)
    return jnp.bitwise_or.reduce(places, axis=-2).reshape(*rows, blocks * LANES)


def _attend_local(
    query: Array, stack: Context, layer: Array, words: Visibility, interpret: bool
) -> Array:
    """`attend` on one device: the prompt's slots for all attempts together, then their own."""
    B, A, _, K, G, H = query.shape
    scaled = (query * H**-0.5)[:, :, 0]  # [B, A, K, G, H]
    before: tuple[Array, ...] = ()
    if stack.prompt_keys.shape[3]:
        rows = scaled.swapaxes(1, 2).reshape(B, K, A * G, H)
        parts = (rows, stack.prompt_keys, stack.prompt_values, words.prompt)
        of_prompt = _stream(*parts, layer, before, last=False, interpret=interpret)
        # [B, K, A * G, ...] to [B * A, K, G, ...]
        before = tuple(
            x.reshape(B, K, A, G, -1).swapaxes(1, 2).reshape(B * A, K, G, -1) for x in of_prompt
        )
    keys, values = (x.reshape(-1, B * A, *x.shape[3:]) for x in (stack.keys, stack.values))
    parts = (scaled.reshape(B * A, K, G, H), keys, values, words.own.reshape(B * A, -1))
    (mixed,) = _stream(*parts, layer, before, last=True, interpret=interpret)
    return mixed.reshape(query.shape)


def _stream(
    query: Array, keys: Array, values: Array, words: Array, layer: Array,
    before: tuple[Array, ...], last: bool, interpret: bool,
) -> tuple[Array, ...]:  # fmt: skip
    """The attention of `query` [N, K, R, H] to `keys` [L, N, K, S, H], joined with `before`.

    `before` and the result: the values mixed so far [N, K, R, H], float32, and the logarithm of
    the sum of their odds, the same in each of LANES columns [N, K, R, LANES]. `before` may be
    empty, and the `last` result is the mixed values alone, as `query` in dtype.
    """
    N, K, R, H = query.shape
    S = keys.shape[3]
    block = min(S, BLOCK)
    carried = jax.ShapeDtypeStruct((N, K, R, LANES), jnp.float32)
    results = [query] if last else [jax.ShapeDtypeStruct(query.shape, jnp.float32), carried]

    def row(x: Array | jax.ShapeDtypeStruct) -> pl.BlockSpec:
        return pl.BlockSpec((None, None, R, x.shape[3]), lambda n, k, s, _: (n, k, 0, 0))

    cached = pl.BlockSpec(
        (None, None, None, block, H), lambda n, k, s, layer: (layer[0], n, k, s, 0)
    )
    seen = pl.BlockSpec((None, 1, LANES), lambda n, k, s, _: (n, 0, s))
    blocks = pl.cdiv(S, block)
    words_bytes = words.size * words.dtype.itemsize * (K if blocks > 1 else 1)  # for each head anew
    around = [query, *before, *results]
    kernel = pl.pallas_call(
        _kernel(S, block, begins=not before),
        grid_spec=pltpu.PrefetchScalarGridSpec(
            num_scalar_prefetch=1,
            grid=(N, K, blocks),
            in_specs=[row(query), cached, cached, seen, *map(row, before)],
            out_specs=[*map(row, results)],
            scratch_shapes=[pltpu.VMEM((R, width), jnp.float32) for width in (H, LANES, LANES)],
        ),
        out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in results],
        compiler_params=pltpu.CompilerParams(
            dimension_semantics=("parallel", "parallel", "arbitrary")
        ),
        cost_estimate=pl.CostEstimate(
            flops=4 * N * K * R * S * H,
            transcendentals=N * K * R * S,
            bytes_accessed=2 * N * K * S * H * keys.dtype.itemsize
            + words_bytes
            + sum(x.size * x.dtype.itemsize for x in around),
        ),
        interpret=interpret,
    )
    if not interpret:  # left to itself the compiler moves a whole stack to VMEM for one layer of it
        keys, values = (pltpu.with_memory_space_constraint(x, pltpu.HBM) for x in (keys, values))
    return tuple(kernel(layer[None], query, keys, values, words[:, None], *before))


def _kernel(slots: int, block: int, begins: bool) -> Callable[..., None]:
    """The kernel for one sequence and KV head; its last grid axis runs over blocks of slots."""

    def kernel(_: Ref, query: Ref, keys: Ref, values: Ref, words: Ref, *rest: Ref) -> None:
        *around, sums, top, total = rest
        before, results = ((), around) if begins else (around[:2], around[2:])
        step = pl.program_id(2)

        @pl.when(step == 0)
        def _begin() -> None:
            total[...] = jnp.full_like(total, 0 if begins else 1)
            sums[...] = before[0][...] if before else jnp.zeros_like(sums)
            top[...] = before[1][...] if before else jnp.full_like(top, UNSEEN)

        value = values[...]
        if slots % block:  # what lies behind the last slot may be anything, NaN included
            place = step * block + jax.lax.broadcasted_iota(jnp.int32, value.shape, 0)
            value = jnp.where(place < slots, value, 0)
        bits = [(words[...] >> bit) & 1 for bit in range(pl.cdiv(block, LANES))]
        sees = jnp.concatenate(bits, axis=1)[:, :block] == 1
        scores = jnp.where(sees, _dot(query[...], keys[...], 1), UNSEEN)
        highest = jnp.maximum(top[...], scores.max(axis=1, keepdims=True))
        odds = jnp.exp(scores - highest[:, :1])
        kept = jnp.exp(top[...] - highest)
        total[...] = total[...] * kept + odds.sum(axis=1, keepdims=True)
        sums[...] = sums[...] * kept[:, :1] + _dot(odds.astype(value.dtype), value, 0)
        top[...] = highest

        @pl.when(step == pl.num_programs(2) - 1)
        def _end() -> None:
            results[0][...] = (sums[...] / total[:, :1]).astype(results[0].dtype)
            if len(results) > 1:
                results[1][...] = top[...] + jnp.log(total[...])

    return kernel


def _dot(x: Array, y: Array, summed: int) -> Array:
    """Matmul over the last axis of `x` and axis `summed` of `y`, in float32."""
    precision = jax.lax.Precision.HIGHEST if x.dtype == jnp.float32 else None
    return jax.lax.dot_general(
        x, y, (((1,), (summed,)), ((), ())), precision=precision,
        preferred_element_type=jnp.float32,
    )  # fmt: skip
