"""The transformer: each segment of layers under one scan, the KV cache in the scan's carry.

Axis letters as in `config`; P prompt slots, S slots of each attempt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jax.typing import DTypeLike

from .config import ModelConfig
from .kv_cache import Context, KVCache, visible
from .layers import (
    Block,
    Rotation,
    Visibility,
    capped,
    contract,
    norm_scale,
    normalise,
    random_weights,
    rotation,
)
from .styles import Segment

if TYPE_CHECKING:
    from .experts import Experts


class QueryKernel(Protocol):
    """Attention of one query an attempt by other means than `layers.attend`: what a device may have
    a kernel for. Hashable, for it is a part of the model that programs are traced for."""

    def seen(self, sees: Visibility) -> Visibility:
        """Which slots each query sees, as `attend` wants it; once a pass."""

    def attend(self, query: Array, stack: Context, layer: Array, seen: Visibility) -> Array:
        """What `layers.attend` finds for layer `layer` of the caches in `stack`."""


@dataclass(frozen=True)
class _Pass:
    """What a pass over some positions is in every layer: where they go and what they see."""

    slot: Array | int
    sees: dict[bool, Visibility]  # by whether a layer is windowed
    rotations: dict[bool, Rotation]  # the same
    at_work: Array  # [B, A, T] bool: not padding, and no idle attempt
    kernel: tuple[QueryKernel, Visibility] | None  # with what it sees, as it wants that


class Transformer(nnx.Module):
    """Decoder-only transformer. Parameters live here; all decode state is passed in and out.

    `blocks` are the layers of `config.stacks`: one block stacked over all layers, or a list of
    those.
    """

    def __init__(
        self,
        config: ModelConfig,
        dtype: DTypeLike,
        rngs: nnx.Rngs,
        kernel: QueryKernel | None = None,
    ):
        self.config = config
        self.kernel = kernel
        self.embedding = random_weights(rngs, dtype, config.vocab_size, config.embed_dim)
        stacks, mixtures, block = [], {}, _block_of(config)
        for number, layers in enumerate(config.stacks.values()):
            kind = config.kind(layers[0])
            keys = nnx.Rngs(rngs.params()).split(len(layers))
            stacks.append(jax.vmap(lambda keys, kind=kind: block(config, kind, dtype, keys))(keys))
            if kind.experts and config.mixture is not None:
                from .experts import Experts  # which few models need

                make = partial(Experts, config, config.mixture, dtype)
                keys = nnx.Rngs(rngs.params()).split(len(layers))
                mixtures[str(number)] = jax.vmap(make)(keys)
        self.blocks = stacks[0] if len(stacks) == 1 else nnx.List(stacks)
        if mixtures:
            self.experts = mixtures["0"] if len(stacks) == 1 else nnx.Dict(mixtures)
        self.final_norm = norm_scale(config, dtype, config.embed_dim)
        if config.style.norm == "layer":
            self.final_norm_bias = nnx.Param(jnp.zeros((config.embed_dim,), dtype))
        if not config.tied_embeddings:
            self.head = random_weights(rngs, dtype, config.embed_dim, config.vocab_size)

    @property
    def dtype(self) -> jnp.dtype:
        """Dtype of weights, activations and cache."""
        return self.embedding.dtype

    def forward(
        self, tokens: Array, positions: Array, cache: KVCache, slot: Array | int
    ) -> tuple[Array, KVCache]:
        """Read `tokens` [B, A, T] at `positions` [B, A, T] into slots slot .. slot + T - 1.

        A position of `cache.EMPTY` marks padding or an idle attempt: no query ever sees it.
        Returns hidden states before the final norm [B, A, T, D], and the cache.
        """
        slots = jax.lax.dynamic_update_slice(cache.positions, positions, (0, 0, slot))
        here = self._pass(positions, cache.prompt_positions, slots, slot)
        with jax.named_scope("embedding"):
            x = self.embedding[...][tokens]
            if self.config.style.scaled_embedding:
                x *= jnp.asarray(self.config.embed_dim**0.5, x.dtype)
        stacks: list[Context] = []
        blocks = list(self.blocks) if isinstance(self.blocks, nnx.List) else [self.blocks]
        mixtures = [self._experts(number) for number in range(len(blocks))]
        with jax.named_scope("layers"):
            for segment in self.config.segments:
                of_segment = slice(len(stacks), len(stacks) + len(segment.kinds))
                parts = zip(
                    blocks[of_segment], cache.stacks[of_segment], mixtures[of_segment], strict=True
                )
                x, written = _run_segment(segment, x, list(parts), here)
                stacks += written
        return x, replace(cache, stacks=tuple(stacks), positions=slots)

    def _experts(self, number: int) -> "Experts | None":
        """Of the stack of that number; None where it has MLPs."""
        mixtures = getattr(self, "experts", None)
        return mixtures.get(str(number)) if isinstance(mixtures, nnx.Dict) else mixtures

    def _pass(self, positions: Array, prompt: Array, slots: Array, slot: Array | int) -> _Pass:
        """Of queries at `positions` [B, A, T] over slots that hold `prompt` and `slots`."""
        config = self.config
        windowed = dict.fromkeys(kind.windowed for kind in config.kinds)
        sees = {}
        for near in windowed:
            window = config.window if near else None
            of_prompt = visible(prompt[:, None], positions, window)
            sees[near] = Visibility(of_prompt, visible(slots, positions, window))
        plain = config.plain_attention and config.widths.kv is None
        kernel = self.kernel if positions.shape[2] == 1 and plain else None
        rotations = {near: rotation(config, positions, near) for near in windowed}
        with_seen = None if kernel is None else (kernel, kernel.seen(sees[False]))
        return _Pass(slot, sees, rotations, positions >= 0, with_seen)

    def logits(self, hidden: Array) -> Array:
        """Next-token logits [B, A, T, V] float32 of hidden states [B, A, T, D]."""
        config = self.config
        with jax.named_scope("head"):
            bias = self.final_norm_bias[...] if config.style.norm == "layer" else None
            normed = normalise(config, hidden, self.final_norm[...], bias)
            equation = "BATD,VD->BATV" if config.tied_embeddings else "BATD,DV->BATV"
            table = self.embedding if config.tied_embeddings else self.head
            logits = contract(equation, normed, table[...]).astype(jnp.float32)
            return capped(logits, config.logit_softcap)


def _block_of(config: ModelConfig) -> type[Block]:
    """The class of its layers."""
    if not config.latent_dim:
        return Block
    from .latent_attention import LatentBlock  # which few models need

    return LatentBlock


def _run_segment(
    segment: Segment,
    x: Array,
    stacks: "Sequence[tuple[Block, Context, Experts | None]]",
    here: _Pass,
) -> tuple[Array, list[Context]]:
    """`x` [B, A, T, D] through the layers of `segment`, and what its stacks hold then."""
    Own = tuple[tuple[Array, Array], ...]
    Carry = tuple[Array, Own, Array]
    Inputs = tuple[tuple[Block, tuple[Array, Array]], ...]

    def period(carry: Carry, inputs: Inputs) -> tuple[Carry, None]:
        x, own, index = carry
        written = []
        for (block, prompt), (_, stack, experts), held in zip(inputs, stacks, own, strict=True):
            with jax.named_scope("attention"):
                context = Context(stack.prompt_keys, stack.prompt_values, *held)
                x, held = _attention(block, x, context, prompt, index, here)
            with jax.named_scope("mlp"):
                read = block.before("mlp", x)
                # Experts stay out of the scan's slices: of a layer's, few are read.
                said = experts.mix(read, here.at_work, index) if experts else block.mlp(read)
                x = x + block.after("mlp", said)
            written.append(held)
        return (x, tuple(written), index + 1), None

    start = (x, tuple((stack.keys, stack.values) for _, stack, _ in stacks), jnp.int32(0))
    inputs = tuple((block, (stack.prompt_keys, stack.prompt_values)) for block, stack, _ in stacks)
    (x, own, _), _ = jax.lax.scan(period, start, inputs, length=segment.repeats)
    return x, [
        stack._replace(keys=keys, values=values)
        for (_, stack, _), (keys, values) in zip(stacks, own, strict=True)
    ]


def _attention(
    block: Block, x: Array, stack: Context, prompt: tuple[Array, Array], index: Array, here: _Pass
) -> tuple[Array, tuple[Array, Array]]:
    """`x` after the attention of layer `index` of `stack`, whose part of the prompt is `prompt`;
    and the stack's keys and values, its own written."""
    windowed = block.kind.windowed
    normed = block.before("attention", x)
    if here.kernel is not None:
        # Else each projection makes it anew, from what a v5p holds in HBM.
        normed = jax.lax.optimization_barrier(normed)
    with jax.named_scope("projections"):
        query, key, value = block.project(normed, here.rotations[windowed])
    with jax.named_scope("cache"):
        keys = _write(stack.keys, key, index, here.slot)
        values = _write(stack.values, value, index, here.slot)
    if here.kernel is None:
        context = Context(*prompt, keys[index], values[index])
        mixed = block.attend(query, context, here.sees[windowed])
    else:
        kernel, seen = here.kernel
        stack = stack._replace(keys=keys, values=values)
        mixed = kernel.attend(query, stack, index, seen)
    with jax.named_scope("projections"):
        return x + block.after("attention", block.attended(mixed)), (keys, values)


def _write(cache: Array, new: Array, layer: Array, slot: Array | int) -> Array:
    """Put `new` [B, A, K, T, H] into `cache` [L, B, A, K, S, H] in place."""
    if hasattr(cache, "codes"):
        from .quantised import quantised_rows  # which few models have

        new = quantised_rows(new, cache.dtype)

    def put(whole: Array, part: Array) -> Array:
        place = (layer, 0, 0, 0, slot, 0)[: whole.ndim]
        return jax.lax.dynamic_update_slice(whole, part[None], place)

    written: Array = jax.tree.map(put, cache, new)
    return written


def _made(
    config: ModelConfig, dtype: DTypeLike, seed: int, kernel: QueryKernel | None
) -> Transformer:
    """A random model, its matrices held as `config` says."""
    model = Transformer(config, dtype, nnx.Rngs(seed), kernel)
    if config.widths.weights is None:
        return model
    from .quantised import hold_all  # which few models have

    return hold_all(model)


def abstract_transformer(
    config: ModelConfig, dtype: DTypeLike, kernel: QueryKernel | None = None
) -> Transformer:
    """A model of shapes only: nothing is allocated, any size costs well under a second."""
    return jax.eval_shape(lambda: _made(config, dtype, 0, kernel))


def random_transformer(
    config: ModelConfig, dtype: DTypeLike, seed: int, kernel: QueryKernel | None = None
) -> Transformer:
    """A model with random weights, for cost without meaning."""
    return jax.jit(lambda: _made(config, dtype, seed, kernel))()


def transformer_from(
    config: ModelConfig,
    dtype: DTypeLike,
    parameters: dict[str, np.ndarray] | dict[str, Array],
    kernel: QueryKernel | None = None,
) -> Transformer:
    """A model with the given weights, named by module path ('blocks.query', 'final_norm').

    Takes each array out of `parameters` as it goes, so that two copies of a model never stand in
    memory together. Matrices that `config.widths` holds in few bits are quantised here, unless
    they are already.
    """
    graph, state = nnx.split(abstract_transformer(config, dtype, kernel))

    def held(name: str) -> Array:
        given = parameters.pop(name)
        if config.widths.weights is None:
            return jnp.asarray(given, dtype)
        from .quantised import held_in  # which few models have

        return held_in(name, given, config.widths, dtype)

    flat = [
        (path, variable.replace(held(".".join(map(str, path)))))
        for path, variable in nnx.to_flat_state(state)
    ]
    return nnx.merge(graph, nnx.from_flat_state(flat))
