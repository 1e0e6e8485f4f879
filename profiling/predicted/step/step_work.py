"""Work of one step on one chip, from a model's shape and what the step reads.

Conventions, the counted lens': a multiply-add is 2 FLOPs; causal attention is counted as causal;
weights are read once a step, keys and values once a token, a shared prompt's once for all its
attempts; of the embedding only the rows looked up; the head works on the wanted positions alone.
Prefill reads back, once, the keys and values that it wrote.
"""

from dataclasses import dataclass, replace

from ....model.architecture import LOGIT_BYTES, ModelShape
from ....tpu_configs.slice import Slice
from .. import arrays
from ..arrays import Number, of_numbers
from .attention_work import attention_work, query_elements, sends_queries
from .collectives import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_TO_ALL,
    ALONE,
    ONE_CHIP,
    PERMUTE,
    Exchange,
    Group,
    Parallelism,
    groups_of,
    is_alone,
    kv_shards,
    stage_layers,
)
from .expert_work import expert_work, padding
from .work import Load, Widths, Work

KERNELS_PER_LAYER = 10.0
"""Norm, projections, rotation, cache write, attention, output, norm, gate and up, product, down:
launches of one layer where XLA or an inference engine fuses what is elementwise."""
MORE_KERNELS_OF_EXPERTS = 4.0
"""In a layer with experts, beside those: choice of experts, sorting of tokens, their rows, two
matmuls, the product between them, the sum; less what a dense MLP has."""
MORE_KERNELS_OF_INDEX = 8.0
"""In a layer that scores all positions: queries, key and weights of heads, rotation of both, both
quantised, the key's cache write, scores, the highest of them."""
MORE_KERNELS_OF_LATENT = 6.0
"""In a layer with latent attention: queries and the cache are made small, normed and made large
again (two matmuls and two norms more), keys and values are absorbed (a matmul each)."""
SOFTMAX_BYTES = 4
KERNELS_PER_STEP = 6.0
"""Embedding, last norm, head, sampling, bookkeeping."""


@of_numbers
@dataclass(frozen=True)
class Spread:
    """How the model is spread: chips by axis, and the group that each axis exchanges in."""

    split: Parallelism = ONE_CHIP
    tensor: Group = ALONE
    expert: Group = ALONE  # all chips that hold the experts once
    pipeline: Group = ALONE
    context: Group = ALONE


def spread_over(on_slice: Slice, split: Parallelism) -> Spread:
    """`split` on the links of a slice."""
    groups = groups_of(on_slice, split)
    return Spread(split, *(groups[axis] for axis in ("tensor", "expert", "pipeline", "context")))


def step_work(
    shape: ModelShape, load: Load, widths: Widths, spread: Spread, tile: Number = 1.0
) -> Work:
    """Work of one chip for one step of `load`.

    With a pipeline the stages run one after another, so that a chip's work here is that of its
    whole chain: time is the step's latency. Sequences are split over `data` evenly; where there
    are fewer than copies, the work is that of a chip that has one.
    """
    split = spread.split
    sequences = arrays.maximum(load.sequences / split.copies, arrays.minimum(load.sequences, 1.0))
    shape = _in_turn(shape, split, sequences)
    busiest = replace(load, sequences=sequences * split.copies)
    rows = busiest.tokens / split.row_copies
    blocks = _blocks(shape, rows, load.tokens, widths, split, tile)
    attention = attention_work(shape, busiest, widths, split)
    head = _head(shape, busiest, widths, split, tile)
    overhead = Work(
        **vars(_links(shape, rows, load, widths, spread)),
        dispatches=2 * shape.layers * _deals(split),
        kernels=shape.layers * _kernels_per_layer(shape, widths) + KERNELS_PER_STEP,
        sequences=load.sequences,
        steps=1.0,
    )
    return blocks + attention + head + overhead


def _in_turn(shape: ModelShape, split: Parallelism, sequences: Number) -> ModelShape:
    """As many layers as a step waits for, one after another: all of them, or where a pipeline has
    as many parts of the batch under way as stages, its longest stage once for each part."""
    under_way = arrays.minimum(sequences, split.pipeline) * (shape.layers >= split.pipeline)
    ratio = arrays.maximum(under_way * stage_layers(shape, split) / shape.layers, 1.0)
    return replace(
        shape,
        layers=shape.layers * ratio,
        vector_parameters=shape.vector_parameters * ratio,
        state_bytes=shape.state_bytes * ratio,
        state_flops=shape.state_flops * ratio,
    )


def _kernels_per_layer(shape: ModelShape, widths: Widths) -> Number:
    experts = MORE_KERNELS_OF_EXPERTS * (shape.active_share < 1)
    latent = MORE_KERNELS_OF_LATENT * (shape.latent_dim > 0) * shape.attention_share
    index = MORE_KERNELS_OF_INDEX * shape.index_share
    return KERNELS_PER_LAYER + experts + latent + index + widths.quantised_inputs


def _deals(split: Parallelism) -> Number:
    """Whether tokens are sent to experts on chips that do not have them: a tensor group has."""
    return 1.0 * (split.expert_chips > split.tensor)


def matmul_work(
    rows: Number, depth: Number, columns: Number, widths: Widths, tile: Number = 1.0
) -> Work:
    """One matmul [rows, depth] x [depth, columns] by itself: operands and result cross HBM."""
    flops = 2 * rows * depth * columns
    moved = rows * (depth + columns) * widths.activation_bytes
    weights = depth * columns * widths.weight_bytes
    return Work(
        matmul_flops=flops,
        padded_flops=flops * padding(rows, depth, columns, tile),
        weight_bytes=weights,
        activation_bytes=moved,
        on_chip_bytes=moved + weights,
        kernels=1.0,
    )


def elementwise_work(moved_bytes: Number) -> Work:
    """One kernel that reads and writes `moved_bytes` in all."""
    return Work(vector_bytes=moved_bytes, kernels=1.0)


def copy_work(shape: ModelShape, positions: Number, widths: Widths, spread: Spread) -> Work:
    """Cached positions copied from row to row: keys and values, each read once and written once."""
    element = shape.cached_bytes(widths.kv_bytes)
    held = positions / spread.split.row_copies / kv_shards(shape, spread.split)
    return Work(vector_bytes=2 * held * element, kernels=2.0, steps=1.0)


def exchange_work(exchange: Exchange) -> Work:
    """A collective by itself."""
    return Work(**vars(exchange))


def _blocks(
    shape: ModelShape, rows: Number, tokens: Number, widths: Widths, split: Parallelism,
    tile: Number,
) -> Work:  # fmt: skip
    """Projections and MLP of all layers; `rows` are those of one copy of attention's weights,
    `tokens` all that are read."""
    heads = shape.query_heads * shape.head_dim
    attention = shape.attention_parameters / split.tensor
    flops = 2 * rows * attention * shape.layers
    mlp = expert_work(
        tokens / split.expert_copies, shape.embed_dim, shape.expert_width,
        shape.experts_per_token / shape.active_share, shape.experts_per_token, widths,
        split.expert, split.expert_width_shards, tile,
    ) * shape.layers  # fmt: skip

    # A model with experts has a copy of its MLP's rows for each expert of a token.
    one_copy = 2 * shape.embed_dim + 3 * shape.expert_width * shape.experts_per_token / split.tensor
    others = shape.token_activation_elements(split.tensor) - shape.layers * one_copy
    activations = rows * others * widths.activation_bytes + mlp.activation_bytes
    vectors = shape.layers * attention + shape.vector_parameters
    weights = vectors * widths.weight_bytes + mlp.weight_bytes
    return Work(
        matmul_flops=flops + mlp.matmul_flops,
        padded_flops=flops * padding(rows, shape.embed_dim, heads / split.tensor, tile)
        + mlp.padded_flops,
        weight_bytes=weights,
        routed=mlp.routed * (shape.active_share < 1),
        idle_expert_bytes=mlp.idle_expert_bytes,
        activation_bytes=activations,
        on_chip_bytes=activations + weights,
    )


def _head(shape: ModelShape, load: Load, widths: Widths, split: Parallelism, tile: Number) -> Work:
    """Logits of the wanted positions; the embedding's rows are counted with the blocks."""
    rows = load.sequences * load.head_positions / split.row_copies
    parameters = shape.head_parameters / split.tensor
    flops = 2 * rows * parameters
    moved = rows * shape.head_activation_bytes(widths.activation_bytes, split.tensor)
    lookup = load.tokens / split.row_copies * shape.embed_dim * widths.weight_bytes
    weights = parameters * widths.weight_bytes + lookup
    return Work(
        matmul_flops=flops,
        padded_flops=flops * padding(rows, shape.embed_dim, shape.vocab_size / split.tensor, tile),
        weight_bytes=weights,
        activation_bytes=moved,
        on_chip_bytes=moved + weights,
    )


def _links(shape: ModelShape, rows: Number, load: Load, widths: Widths, spread: Spread) -> Exchange:
    """Tensor: two sums a layer and the logits; KV split by sequences sends queries, keys and
    values to where they are held, and results back; so does context, or keys and values go round.
    Experts beyond the tensor group: tokens there and back, each layer, instead of the second sum.
    """
    split = spread.split
    groups = (spread.tensor, spread.expert, spread.pipeline, spread.context)
    if all(is_alone(group) for group in groups):
        return Exchange()
    residual_bytes = rows * shape.embed_dim * widths.activation_bytes
    logits = load.sequences * load.head_positions / split.row_copies
    deals = _deals(split)
    tensor = ALL_REDUCE.over(spread.tensor, residual_bytes) * ((2 - deals) * shape.layers)
    sampled = ALL_GATHER.over(spread.tensor, logits * shape.vocab_size * LOGIT_BYTES)
    dealt_bytes = rows * _dealt_elements(shape) * widths.activation_bytes
    attending = shape.layers * shape.attention_share  # a state's heads stay where they are
    dealt = ALL_TO_ALL.over(spread.tensor, dealt_bytes) * (2 * attending)
    stages = PERMUTE.over(spread.pipeline, residual_bytes) * (split.pipeline - 1)
    routed = _routed(shape, load, widths, spread) * (deals * shape.layers)
    met = _met(shape, load, widths, spread)
    return tensor + sampled + dealt * split.kv_by_sequences + met + routed + stages


def _dealt_elements(shape: ModelShape) -> Number:
    """Of a token and layer, the mean of both ways between its chip and that of its sequence's KV.
    Of a latent cache, queries as wide as what is cached, and results as wide as its latent part."""
    keys_values = shape.kv_heads * shape.head_dim * (shape.latent_dim == 0)
    return query_elements(shape) + keys_values


def _met(shape: ModelShape, load: Load, widths: Widths, spread: Spread) -> Exchange:
    """What brings queries to keys where the positions of a sequence are dealt out: keys and values
    go to all chips that have its queries, or queries to all that have its keys and values, and the
    parts of their results back, with a float32 of the softmax for each head."""
    split = spread.split
    if is_alone(spread.context):
        return Exchange()
    sequences, tokens = load.sequences / split.copies, load.tokens / split.copies
    attending = shape.layers * shape.attention_share
    kv_bytes = load.positions * shape.cached_bytes(widths.kv_bytes) / kv_shards(shape, split)
    keys = ALL_GATHER.over(spread.context, sequences * kv_bytes / attending)
    row_bytes = query_elements(shape) * widths.activation_bytes / split.tensor
    queries = ALL_GATHER.over(spread.context, tokens * row_bytes)
    part_bytes = row_bytes + SOFTMAX_BYTES * shape.query_heads / split.tensor
    results = ALL_TO_ALL.over(spread.context, split.context * tokens * part_bytes)
    sent = sends_queries(shape, load, split)
    return ((queries + results) * sent + keys * (1 - sent)) * attending


def _routed(shape: ModelShape, load: Load, widths: Widths, spread: Spread) -> Exchange:
    """One layer's tokens to their experts and back: each to every chip that has a part of one of
    its experts, once; and around the tensor group, each of whose chips dealt out its share."""
    split, element = spread.split, shape.embed_dim * widths.activation_bytes
    missed = arrays.power(1 - 1 / split.expert, shape.experts_per_token)
    chips = split.expert * (1 - missed) * split.expert_width_shards
    dealt_bytes = load.tokens / split.expert_copies * chips * element
    both = ALL_TO_ALL.over(spread.expert, dealt_bytes) * 2.0
    within = ALL_GATHER.over(spread.tensor, load.tokens / split.row_copies * element)
    return replace(both, collectives=0.0) + within  # those of the exchange count as dispatches
