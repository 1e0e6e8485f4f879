"""The decode kernel, interpreted on a CPU, against the two matmuls that XLA has for it."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array
from jax.experimental import pallas as pl

from rooflink.model.generation.stopping import ThoughtRules
from rooflink.model.kv_cache import Context
from rooflink.model.layers import Visibility, attend
from rooflink.model.pallas_attention import BLOCK, PallasAttention
from rooflink.model.sampling import Greedy

from ..support.generation import attempts_at
from .references.models import family_model

INTERPRETED = PallasAttention(interpret=True)

LAYERS, LAYER = 3, 1


def random_case(
    shape: tuple[int, int, int, int, int], prompt: int, slots: int, dtype: str
) -> tuple[Array, Context, Visibility]:
    """Queries of `shape` B, A, K, G, H, caches of some layers, and slots seen at random."""
    B, A, K, G, H = shape
    rng = np.random.default_rng(0)

    def random(*sizes: int) -> Array:
        return jnp.asarray(rng.normal(size=sizes), dtype)

    stack = Context(
        *(random(LAYERS, B, K, prompt, H) for _ in range(2)),
        *(random(LAYERS, B, A, K, slots, H) for _ in range(2)),
    )
    of_prompt = np.broadcast_to(rng.random((B, 1, 1, prompt)) < 0.7, (B, A, 1, prompt))
    own = rng.random((B, A, 1, slots)) < 0.7
    own[..., 0] = True  # the query's own slot
    sees = Visibility(jnp.asarray(of_prompt), jnp.asarray(own))
    return random(B, A, 1, K, G, H), stack, sees


def kernel(query: Array, stack: Context, sees: Visibility) -> np.ndarray:
    def run(query: Array, stack: Context, sees: Visibility) -> Array:
        return INTERPRETED.attend(query, stack, jnp.int32(LAYER), INTERPRETED.seen(sees))

    return np.asarray(jax.jit(run)(query, stack, sees), np.float32)


def two_matmuls(query: Array, stack: Context, sees: Visibility) -> np.ndarray:
    return np.asarray(attend(query, Context(*(x[LAYER] for x in stack)), sees), np.float32)


@pytest.mark.parametrize(
    ("shape", "prompt", "slots", "dtype", "error"),
    [
        ((2, 3, 2, 4, 16), 37, 20, "float32", 1e-6),
        ((1, 2, 2, 3, 64), 0, 130, "float32", 1e-6),  # nothing shared
        ((2, 1, 1, 4, 128), 300, 80, "bfloat16", 8e-3),  # the last of 8 bits of a value near 1
        ((1, 2, 1, 1, 8), BLOCK + 1, 2 * BLOCK, "float32", 1e-6),  # a block of one slot, full ones
    ],
)
def test_kernel_equals_two_matmuls(
    shape: tuple[int, int, int, int, int], prompt: int, slots: int, dtype: str, error: float
) -> None:
    """What lies behind a block's last slot is NaN when interpreted, and must not be seen."""
    case = random_case(shape, prompt, slots, dtype)
    np.testing.assert_allclose(kernel(*case), two_matmuls(*case), atol=error)


def test_an_idle_attempt_changes_no_other_and_stays_finite() -> None:
    """An idle attempt sees nothing; the attempts beside it see the prompt all the same."""
    query, stack, sees = random_case((1, 3, 2, 2, 16), 40, 24, "float32")
    idle = Visibility(sees.prompt.at[:, 1].set(False), sees.own.at[:, 1].set(False))
    found, wanted = kernel(query, stack, idle), two_matmuls(query, stack, idle)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, [0, 2]], wanted[:, [0, 2]], atol=1e-6)


def test_words_hold_each_slot_in_one_bit() -> None:
    """Slot j * 128 + w of a block is bit j of its word w."""
    own = np.zeros((1, 1, 1, BLOCK + 5), bool)
    own[..., [3, 128 + 3, BLOCK - 1, BLOCK + 4]] = True
    words = INTERPRETED.seen(Visibility(jnp.zeros((1, 1, 1, 0), bool), jnp.asarray(own))).own[0, 0]
    assert words.shape == (256,)
    assert {int(w): int(words[w]) for w in np.flatnonzero(words)} == {
        3: 0b11, 127: 1 << 15, 128 + 4: 1,
    }  # fmt: skip


def moved_bytes(array: Array | jax.ShapeDtypeStruct, spec: pl.BlockSpec, grid: tuple) -> int:
    """Bytes that a pipeline moves of `array`: a block each time that another one is due, and of a
    block at the edge what the array has of it."""
    moved, held = 0, None
    for step in itertools.product(*map(range, grid)):
        place = spec.index_map(*step, [LAYER])
        if place != held:
            sizes = zip(array.shape, spec.block_shape, place, strict=True)
            moved += math.prod(min(b or 1, size - at * (b or 1)) for size, b, at in sizes)
            held = place
    return moved * array.dtype.itemsize


@pytest.mark.parametrize(
    ("shape", "prompt", "slots"),
    [
        ((3, 2, 1, 4, 128), 4032, 64),
        ((2, 3, 2, 4, 16), 37, 2 * BLOCK + 9),
        ((1, 2, 2, 3, 64), 0, 7),
    ],
)
def test_the_estimate_is_what_the_kernels_blocks_move(
    shape: tuple[int, int, int, int, int], prompt: int, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XLA's program says nothing of a kernel's traffic but its estimate, so that it must be right:
    compared with a walk over the grid, block by block."""
    stated, walked = [], []

    def recorded(body, *, grid_spec, out_shape, cost_estimate, **others):  # type: ignore[no-untyped-def]
        def call(_: Array, *operands: Array) -> list[Array]:
            specs = [*grid_spec.in_specs, *grid_spec.out_specs]
            pairs = zip([*operands, *out_shape], specs, strict=True)
            walked.append(sum(moved_bytes(*pair, grid_spec.grid) for pair in pairs))
            stated.append(cost_estimate.bytes_accessed)
            return [jnp.zeros(each.shape, each.dtype) for each in out_shape]

        return call

    monkeypatch.setattr(pl, "pallas_call", recorded)
    query, stack, sees = random_case(shape, prompt, slots, "bfloat16")
    INTERPRETED.attend(query, stack, jnp.int32(LAYER), INTERPRETED.seen(sees))
    assert stated == walked
    assert len(stated) == (2 if prompt else 1)


def test_a_model_decodes_by_the_kernel_that_it_is_given() -> None:
    """The same tokens, prompts of several attempts and idle ones included."""
    model = family_model("llama3-scaled")
    graph, state = nnx.split(model)
    by_kernel = nnx.merge(graph, state)
    by_kernel.kernel = INTERPRETED
    rules = ThoughtRules(6, 3, markers=((1,),), cue=(2,), end_tokens=())
    plain, kernel = (
        attempts_at(one, [[5, 6, 7], [8]], rules, Greedy(), 2) for one in (model, by_kernel)
    )
    assert [a.emitted for a in plain] == [a.emitted for a in kernel]
