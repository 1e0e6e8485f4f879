"""A mixture of experts in place of the MLP: a router sends each token to a few of many MLPs.

Axis letters as in `config`; N tokens, X experts of one token. A loop runs over the experts that at
least one token needs, and takes each one's matrices out of the stack of all layers where they lie:
only those are read, and none is copied. `jax.lax.ragged_dot` would read them all: on a CPU it
multiplies every token by every expert, and for a TPU it first copies a layer's experts out of a
stack. A TPU's compiler gives each turn of the loop two or three matmuls that stream their matrix
from HBM.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jax.sharding import AbstractMesh, PartitionSpec, get_abstract_mesh
from jax.typing import DTypeLike

from .architecture import Architecture
from .config import EXPERT_AXES, ModelInputError, absent_parameters
from .layers import contract, gated_mlp, random_weights
from .mesh import partition
from .styles import Mixture

FEW_TOKENS = 128
"""So many tokens are all multiplied by each expert that one of them needs: a matrix unit of a TPU
multiplies as many rows while its next weights come."""

MOST_ROWS = 512
"""Of more tokens, those that meet one expert together: from about as many on its matmuls are bound
by compute and not by its weights on every TPU here."""

CHUNK = 8192
"""Tokens that are routed together: they are sorted, and their sums held, in float32."""

ALPHA = 1.702
"""Of gpt-oss's SwiGLU (`swiglu` in gpt_oss/torch/model.py of openai/gpt-oss)."""

EXPERT_WEIGHTS = ("gate", "up", "down", "gate_bias", "up_bias", "down_bias")

Weights = dict[str, Array]
"""By the names of EXPERT_WEIGHTS: those that there are."""


def choose(
    logits: Array, mixture: Mixture, active: int, correction: Array | None = None
) -> tuple[Array, Array]:
    """Experts of each token: (weights [N, X] float32, numbers [N, X] int32), X of them `active`.

    `logits` [N, E] are the router's, float32, and `correction` [E] the choice's. Of groups of
    experts, the best are kept first (DeepSeek-V2, arXiv:2405.04434, section 2.2.2, by a group's
    highest score; V3, arXiv:2412.19437, section 2.1.2, by the sum of its two highest).
    """
    by_sigmoid = mixture.scores == "sigmoid"
    scores = jax.nn.sigmoid(logits) if by_sigmoid else jax.nn.softmax(logits, axis=-1)
    merit = scores if correction is None else scores + correction
    if mixture.groups > 1:
        groups = merit.reshape(len(merit), mixture.groups, -1)
        best = jax.lax.top_k(groups, mixture.group_best)[0].sum(axis=-1)
        kept = jax.lax.top_k(best, mixture.chosen_groups)[1]
        is_kept = (kept[:, :, None] == jnp.arange(mixture.groups)).any(axis=1)
        merit = jnp.where(is_kept[:, :, None], groups, -jnp.inf).reshape(merit.shape)
    chosen = jax.lax.top_k(merit, active)[1]
    weights = jnp.take_along_axis(scores, chosen, axis=-1)
    if mixture.normalised:
        weights /= weights.sum(axis=-1, keepdims=True) + 1e-20
    return weights * mixture.scale, chosen


def clamped_swiglu(gate: Array, up: Array, limit: float) -> Array:
    """gpt-oss's: the gate at most `limit`, the other factor within it and one more."""
    gate, up = jnp.minimum(gate, limit), jnp.clip(up, -limit, limit)
    return gate * jax.nn.sigmoid(ALPHA * gate) * (up + 1)


class Experts(nnx.Module):
    """Router and experts of one layer; stacked over L by the transformer, as `layers.Block`.

    gpt-oss publishes gate and up as one matrix with their columns in turn: even ones are `gate`.
    """

    def __init__(self, config: Architecture, mixture: Mixture, dtype: DTypeLike, rngs: nnx.Rngs):
        sizes = {
            "D": config.embed_dim, "E": config.experts, "F": config.mlp_dim,
            "J": config.shared_mlp_dim,
        }  # fmt: skip
        self.config, self.mixture = config, mixture
        for name, axes in EXPERT_AXES.items():
            if not name.endswith(absent_parameters(config, mixture)):
                shape = [sizes[axis] for axis in axes]
                setattr(self, name, random_weights(rngs, dtype, *shape))

    def mix(self, x: Array, at_work: Array, layer: Array | None = None) -> Array:
        """What the experts make of `x` [B, A, T, D].

        Tokens that are not `at_work` [B, A, T] go to no expert, and what is said of them is not
        defined. With `layer` this is the stack of all layers, of which that one is meant. Split
        over the mesh that is set (`jax.set_mesh`): each expert's width as an MLP's.
        """

        def own(name: str) -> Array:
            whole = getattr(self, name)[...]
            return whole if layer is None else _at(whole, layer)

        with jax.named_scope("router"):
            logits = contract("BATD,DE->BATE", x, own("router"), jnp.float32)
            if self.mixture.biased:
                logits += own("router_bias").astype(jnp.float32)
            correction = own("correction").astype(jnp.float32) if self.mixture.corrected else None
            tokens = logits.reshape(-1, logits.shape[-1])
            picked = choose(tokens, self.mixture, self.config.active_experts, correction)
            weights, chosen = (part.reshape(*x.shape[:3], -1) for part in picked)
        with jax.named_scope("experts"):
            mixed = self._routed(
                x, weights, jnp.where(at_work[..., None], chosen, self.config.experts), layer
            )
        if hasattr(self, "shared_gate"):
            with jax.named_scope("shared"):
                gate, up, down = map(own, ("shared_gate", "shared_up", "shared_down"))
                shared = gated_mlp(x, gate, up, down)
                if self.mixture.shared_is_gated:
                    score = contract("BATD,D->BAT", x, own("shared_score"), jnp.float32)
                    shared *= jax.nn.sigmoid(score)[..., None].astype(x.dtype)
                mixed += shared
        return mixed

    def _routed(self, x: Array, weights: Array, chosen: Array, layer: Array | None) -> Array:
        """What the experts `chosen` [B, A, T, X] say of `x`; on a mesh each device its part."""
        stack = {name: getattr(self, name)[...] for name in EXPERT_WEIGHTS if hasattr(self, name)}
        mesh, lead = get_abstract_mesh(), () if layer is None else (None,)
        dealt, parts = split_experts(stack["down"].shape[-3:], mesh)
        held = Held(self.config.experts // _ways(dealt, mesh), self.config.experts)

        def local(x: Array, weights: Array, chosen: Array, layer: Array, stack: Weights) -> Array:
            flat = jax.tree.map(lambda w: w.reshape(-1, *w.shape[len(lead) + 1 :]), stack)
            run = partial(
                expert_mlp, stack=flat, limit=self.mixture.limit, share=1 / _ways(parts, mesh)
            )
            if dealt:
                chosen -= jax.lax.axis_index(dealt) * held.here
                chosen = jnp.where((chosen >= 0) & (chosen < held.here), chosen, held.here)
            rows = Routed(*(part.reshape(-1, part.shape[-1]) for part in (x, weights, chosen)))
            first = layer * held.here
            mixed = mix_tokens(rows, held, lambda x, number: run(x, first + number))
            mixed = mixed.astype(x.dtype).reshape(x.shape)
            return jax.lax.psum(mixed, dealt + parts) if dealt + parts else mixed

        number = jnp.int32(0) if layer is None else layer
        if mesh.empty:
            return local(x, weights, chosen, number, stack)
        token, of_axis = partition("BATD", x.shape, mesh), {"E": dealt or None, "F": parts or None}

        def spec(name: str, part: Array) -> PartitionSpec:
            """Of an array of that name; a scale of all rows is every device's."""
            sizes = [*zip(EXPERT_AXES[name], part.shape[len(lead) :], strict=True)]
            for axis, size in sizes:
                if size > 1 and size % _ways(of_axis.get(axis) or (), mesh):
                    raise ModelInputError(
                        f"{size} groups of rows of an expert's {name} do not divide over "
                        f"{_ways(parts, mesh)} devices: choose a smaller --weight-group or mesh"
                    )
            return PartitionSpec(*lead, *(of_axis.get(a) if n > 1 else None for a, n in sizes))

        specs = {name: jax.tree.map(partial(spec, name), part) for name, part in stack.items()}
        given = (token, token, token, PartitionSpec(), specs)
        split = jax.shard_map(local, in_specs=given, out_specs=token, check_vma=False)
        return split(x, weights, chosen, number, stack)


def split_experts(
    shape: tuple[int, ...], mesh: AbstractMesh
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(mesh axes over which experts are dealt, those over which each one's width is split), of
    their last matrices [E, F, D]."""
    if mesh.empty:
        return (), ()
    dealt, parts, _ = partition("EFD", shape, mesh)
    return dealt or (), parts or ()


def _at(stack: Array, number: Array) -> Array:
    """Entry `number` of what is stacked."""
    entry: Array = jax.tree.map(
        lambda part: jax.lax.dynamic_index_in_dim(part, number, 0, False), stack
    )
    return entry


def _ways(axes: tuple[str, ...], mesh: AbstractMesh) -> int:
    return math.prod(mesh.shape[axis] for axis in axes)


def expert_mlp(x: Array, number: Array, stack: Weights, limit: float | None, share: float) -> Array:
    """MLP `number` of `stack` for `x` [N, D]: float32 [N, D]. `share` is this device's of a bias
    that is added to a sum over devices."""
    own = {name: _at(w, number) for name, w in stack.items()}
    gate = contract("ND,DF->NF", x, own["gate"])
    up = contract("ND,DF->NF", x, own["up"])
    if "gate_bias" in own:
        gate, up = gate + own["gate_bias"], up + own["up_bias"]
    inner = jax.nn.silu(gate) * up if limit is None else clamped_swiglu(gate, up, limit)
    out = contract("NF,FD->ND", inner, own["down"], jnp.float32)
    return out + own["down_bias"].astype(jnp.float32) * share if "down_bias" in own else out


class Routed(NamedTuple):
    """Tokens and where they go."""

    x: Array  # [N, D]
    weights: Array  # [N, X]
    chosen: Array  # [N, X] numbers of experts here; for any other, and of idle tokens, `Held.here`


class Held(NamedTuple):
    """How many experts there are."""

    here: int  # on this device
    anywhere: int


Run = Callable[[Array, Array], Array]
"""(tokens [N, D], an expert's number) -> what it says of each, float32 [N, D]."""


def mix_tokens(routed: Routed, held: Held, run: Run) -> Array:
    """The weighted sum [N, D], float32, of what the experts here say to the tokens sent to them."""
    N = len(routed.x)
    if N <= FEW_TOKENS:
        return mix_few(routed, held, run)
    if N <= CHUNK:
        return mix_blocks(routed, held, run)
    chunks = -(-N // CHUNK)

    def split(part: Array, filling: int) -> Array:
        full = jnp.pad(part, ((0, chunks * CHUNK - N), (0, 0)), constant_values=filling)
        return full.reshape(chunks, CHUNK, -1)

    parts = Routed(split(routed.x, 0), split(routed.weights, 0), split(routed.chosen, held.here))
    mixed = jax.lax.map(lambda part: mix_blocks(part, held, run), parts)
    return mixed.reshape(-1, mixed.shape[-1])[:N]


def rows_together(mean: float) -> int:
    """Rows of a block, a power of two, where an expert has `mean` visitors: few experts have more,
    and are read again for them."""
    seldom = math.ceil(mean + 3 * mean**0.5)
    return min(1 << (seldom - 1).bit_length(), MOST_ROWS)


def mix_few(routed: Routed, held: Held, run: Run) -> Array:
    """`mix_tokens`, each needed expert once for all tokens."""
    x, weights, chosen = routed
    mixed = jnp.zeros(x.shape, jnp.float32)
    N, X = chosen.shape
    if N == 1 and held.here == held.anywhere:  # they are distinct: the loop's length is known
        return jax.lax.fori_loop(
            0, X, lambda i, mixed: mixed + run(x, chosen[0, i]) * weights[0, i], mixed
        )
    token = jnp.arange(N)[:, None]
    by_expert = jnp.zeros((held.here, N), jnp.float32).at[chosen, token].set(weights, mode="drop")
    is_needed = jnp.zeros(held.here, bool).at[chosen].set(True, mode="drop")
    needed = jnp.argsort(~is_needed, stable=True)

    def add(turn: Array, mixed: Array) -> Array:
        number = needed[turn]
        return mixed + run(x, number) * by_expert[number][:, None]

    return _turns(is_needed.sum(), min(held.here, N * X), add, mixed)


def mix_blocks(routed: Routed, held: Held, run: Run) -> Array:
    """`mix_tokens`, of many: sorted by expert, in blocks of one expert's."""
    x, weights, chosen = routed
    M = chosen.size
    rows = rows_together(M / held.anywhere)
    order = jnp.argsort(chosen.ravel(), stable=True)
    sizes = jnp.zeros(held.here, jnp.int32).at[chosen.ravel()].add(1, mode="drop")
    starts = jnp.cumsum(sizes) - sizes
    blocks = -(-sizes // rows)
    ends = jnp.cumsum(blocks)
    token = jnp.pad(order // chosen.shape[1], (0, rows))
    weight = jnp.pad(weights.ravel()[order], (0, rows))
    row = jnp.arange(rows)

    def add(turn: Array, mixed: Array) -> Array:
        number = (ends <= turn).sum()
        part = turn - ends[number] + blocks[number]
        start = starts[number] + part * rows
        these = jax.lax.dynamic_slice(token, (start,), (rows,))
        weighing = jax.lax.dynamic_slice(weight, (start,), (rows,))[:, None]
        is_own = part * rows + row < sizes[number]  # the others are of the next expert
        place = jnp.where(is_own, these, len(x) + row)
        return mixed.at[place].add(
            run(x[these], number) * weighing, mode="drop", unique_indices=True,
            indices_are_sorted=True,
        )  # fmt: skip

    bound = min(held.here, M) + max(M - held.here, 0) // rows
    return _turns(ends[-1], bound, add, jnp.zeros(x.shape, jnp.float32))


def _turns(count: Array, bound: int, turn: Callable[[Array, Array], Array], start: Array) -> Array:
    """`turn` for each number below `count`, never above `bound`: who reads the compiled program
    learns that from the loop's own condition, as it cannot see the tokens."""

    def goes_on(state: tuple[Array, Array]) -> Array:
        return (state[0] < count) & (state[0] < bound)

    def body(state: tuple[Array, Array]) -> tuple[Array, Array]:
        return state[0] + 1, turn(*state)

    return jax.lax.while_loop(goes_on, body, (jnp.int32(0), start))[1]
