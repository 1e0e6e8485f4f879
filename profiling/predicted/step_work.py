"""Work: what one step asks of one chip, from a model's shape and what the step reads.

Conventions, the counted lens': a multiply-add is 2 FLOPs; causal attention is counted as causal;
weights are read once a step, keys and values once a token, a shared prompt's once for all its
attempts; of the embedding only the rows looked up; the head works on the wanted positions alone.
Prefill reads back, once, the keys and values that it wrote.

Load: the tokens that one step reads; Widths: the bytes of what it moves; Capacity: what one chip
must hold meanwhile, what is left for KV, and the largest batch that fits.
"""

import operator
from dataclasses import dataclass, replace

from ...model.architecture import LOGIT_BYTES, ModelShape
from ...tpu_configs.slice import Slice
from . import arrays
from .arrays import Number, of_numbers
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
    kv_shards,
)


@of_numbers
@dataclass(frozen=True)
class Load:
    """What one step works on: prefill where `new_tokens` is a prompt, decode where it is 1."""

    sequences: Number  # rows in the batch: prompts x attempts
    new_tokens: Number  # positions read of each sequence
    own_context: Number  # positions of its own that each sequence has cached before the step
    shared_context: Number  # cached positions that `sharers` sequences hold in common
    sharers: Number  # attempts that share them; their KV is read once for all of these
    head_positions: Number  # positions of each sequence whose logits are wanted

    @property
    def tokens(self) -> Number:
        """Positions read of all sequences."""
        return self.sequences * self.new_tokens


def decode_load(
    sequences: Number, context: Number, shared_context: Number = 0.0, sharers: Number = 1.0
) -> Load:
    """One token of each sequence; of its `context` positions, `shared_context` are shared."""
    return Load(sequences, 1.0, context - shared_context, shared_context, sharers, 1.0)


def prefill_load(sequences: Number, prompt_tokens: Number, context: Number = 0.0) -> Load:
    """A prompt of each sequence after `context` cached positions; logits of its last position."""
    return Load(sequences, prompt_tokens, context, 0.0, 1.0, 1.0)


@of_numbers
@dataclass(frozen=True)
class Widths:
    """Bytes of one element, by what it is."""

    weight_bytes: Number
    kv_bytes: Number
    activation_bytes: Number  # also the operands of the matrix units

    @property
    def narrowing(self) -> Number:
        """log2(operand width / weight width): 1 for int8 weights with bfloat16 operands."""
        return arrays.log2(self.activation_bytes / self.weight_bytes)


KERNELS_PER_LAYER = 10.0
"""Norm, projections, rotation, cache write, attention, output, norm, gate and up, product, down:
launches of one layer where XLA or an inference engine fuses what is elementwise."""
KERNELS_PER_STEP = 6.0
"""Embedding, last norm, head, sampling, bookkeeping."""
SUBLANES = 8.0
"""Rows of one vector register of a TPU; no fewer go through a matrix unit at a time."""


@of_numbers
@dataclass(frozen=True)
class Work:
    """What one step asks of one chip. Amounts add up over steps."""

    matmul_flops: Number = 0.0  # of weights; at the tile utilisation of their shapes
    padded_flops: Number = 0.0  # the same with columns and depth rounded up to whole tiles
    attention_flops: Number = 0.0
    weight_bytes: Number = 0.0
    idle_expert_bytes: Number = 0.0  # of experts that no token needs; not in `memory_bytes`
    kv_bytes: Number = 0.0
    activation_bytes: Number = 0.0
    vector_bytes: Number = 0.0  # of elementwise kernels by themselves
    on_chip_bytes: Number = 0.0  # operands and results of matmuls, as the matrix units read them
    link_bytes: Number = 0.0  # one way through the busiest link
    hops: Number = 0.0
    collectives: Number = 0.0
    dispatches: Number = 0.0  # exchanges of tokens between experts' chips, there and back
    routed: Number = 0.0  # tokens sent to experts, over all layers; none where the model is dense
    kernels: Number = 0.0
    sequences: Number = 0.0  # that the host schedules and samples for, of all chips
    steps: Number = 0.0

    @property
    def memory_bytes(self) -> Number:
        """Bytes that cross the memory that holds the weights."""
        return self.weight_bytes + self.kv_bytes + self.activation_bytes + self.vector_bytes

    @property
    def flops(self) -> Number:
        """Matmul FLOPs, attention's included, padding left out."""
        return self.matmul_flops + self.attention_flops

    def __add__(self, other: "Work") -> "Work":
        return arrays.mapped(operator.add, self, other)

    def __mul__(self, times: Number) -> "Work":
        return arrays.mapped(lambda amount: amount * times, self)


NOTHING = Work()


@of_numbers
@dataclass(frozen=True)
class Spread:
    """How the model is spread: chips by axis, and the group that each axis exchanges in."""

    split: Parallelism = ONE_CHIP
    tensor: Group = ALONE
    expert: Group = ALONE
    pipeline: Group = ALONE


def spread_over(on_slice: Slice, split: Parallelism) -> Spread:
    """`split` on the links of a slice."""
    groups = groups_of(on_slice, split)
    return Spread(split, groups["tensor"], groups["expert"], groups["pipeline"])


def step_work(
    shape: ModelShape, load: Load, widths: Widths, spread: Spread, tile: Number = 1.0
) -> Work:
    """Work of one chip for one step of `load`.

    With a pipeline the stages run one after another, so that a chip's work here is that of its
    whole chain: time is the step's latency. Sequences are split over `data` and `expert` evenly.
    """
    split = spread.split
    rows = load.tokens / split.copies
    blocks = _blocks(shape, rows, widths, split, tile)
    attention = _attention(shape, load, widths, split)
    head = _head(shape, load, widths, split, tile)
    overhead = Work(
        **vars(_links(shape, rows, load, widths, spread)),
        dispatches=2 * shape.layers * (spread.expert.chips > 1),
        kernels=shape.layers * KERNELS_PER_LAYER + KERNELS_PER_STEP,
        sequences=load.sequences,
        steps=1.0,
    )
    return blocks + attention + head + overhead


def matmul_work(
    rows: Number, depth: Number, columns: Number, widths: Widths, tile: Number = 1.0
) -> Work:
    """One matmul [rows, depth] x [depth, columns] by itself: operands and result cross HBM."""
    flops = 2 * rows * depth * columns
    moved = rows * (depth + columns) * widths.activation_bytes
    weights = depth * columns * widths.weight_bytes
    return Work(
        matmul_flops=flops,
        padded_flops=flops * _padding(rows, depth, columns, tile),
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
    element = shape.kv_elements_per_token * widths.kv_bytes
    held = positions / spread.split.copies / kv_shards(shape, spread.split)
    return Work(vector_bytes=2 * held * element, kernels=2.0, steps=1.0)


def exchange_work(exchange: Exchange) -> Work:
    """A collective by itself."""
    return Work(**vars(exchange))


def _padding(rows: Number, depth: Number, columns: Number, tile: Number) -> Number:
    """Padded over useful FLOPs: weights fill whole `tile` x `tile` arrays, rows enter in groups of
    `SUBLANES`. Loading the next weights is taken to be hidden: a v5e reads int8 weights for four
    rows at 0.93 of its bandwidth (jax-llm-examples), which a wait of `tile` rows would not allow.
    """
    padded = arrays.ceil(depth / tile) * tile * (arrays.ceil(columns / tile) * tile)
    group = arrays.where(tile > 1, SUBLANES, 1.0)
    some = arrays.where(rows > 0, rows, 1.0)  # none: no work to be padded
    return arrays.maximum(rows, group) / some * padded / (depth * columns)


def _blocks(
    shape: ModelShape, rows: Number, widths: Widths, split: Parallelism, tile: Number
) -> Work:
    """Projections and MLP of all layers; `rows` are those of one copy of attention's weights."""
    heads = shape.query_heads * shape.head_dim
    attention = shape.attention_parameters / split.tensor
    attention_flops = 2 * rows * attention * shape.layers
    attention_padding = _padding(rows, shape.embed_dim, heads / split.tensor, tile)

    # Each token needs a share of the experts: the chance that one is needed by none of them.
    share = shape.active_mlp_parameters / shape.mlp_parameters
    tokens = rows * split.expert
    touched = 1 - arrays.power(1 - share, tokens)
    mlp_resident = shape.mlp_parameters / (split.tensor * split.expert)
    mlp_flops = 2 * tokens * share * mlp_resident * shape.layers
    columns = shape.expert_width / split.tensor
    mlp_padding = _padding(tokens * share / touched, shape.embed_dim, columns, tile)

    activations = rows * shape.token_activation_elements(split.tensor) * widths.activation_bytes
    layers = shape.layers * (attention + touched * mlp_resident)
    idle = shape.layers * (1 - touched) * mlp_resident
    weights = (layers + shape.vector_parameters) * widths.weight_bytes
    return Work(
        matmul_flops=attention_flops + mlp_flops,
        padded_flops=attention_flops * attention_padding + mlp_flops * mlp_padding,
        weight_bytes=weights,
        routed=rows * shape.experts_per_token * shape.layers * (share < 1),
        idle_expert_bytes=idle * widths.weight_bytes,
        activation_bytes=activations,
        on_chip_bytes=activations + weights,
    )


def _attention(shape: ModelShape, load: Load, widths: Widths, split: Parallelism) -> Work:
    """Scores and weighted values, and the cache; KV heads fewer than shards are held repeatedly."""
    sequences = load.sequences / split.copies
    own, shared = seen_positions(shape, load.own_context, load.shared_context)
    pairs = _past_pairs(shape, load) + _causal_pairs(shape, load.new_tokens)
    flops = 4 * sequences * pairs * shape.query_heads * shape.head_dim * shape.layers
    unshared = own + 2 * load.new_tokens - (load.new_tokens <= 1)
    positions = unshared + shared / load.sharers
    element = shape.kv_elements_per_token * widths.kv_bytes
    kv_bytes = sequences * positions * element / kv_shards(shape, split)
    return Work(attention_flops=flops / split.tensor, kv_bytes=kv_bytes, on_chip_bytes=kv_bytes)


def seen_positions(shape: ModelShape, own: Number, shared: Number) -> tuple[Number, Number]:
    """Mean over the layers of the positions that a query sees before it, of its `own` and of the
    `shared` prompt before those: a windowed layer sees the last ones, so the own ones first."""
    near = arrays.minimum(own, shape.window)
    far = arrays.minimum(shared, shape.window - near)
    whole = 1 - shape.windowed_share
    return (
        shape.windowed_share * near + whole * own,
        shape.windowed_share * far + whole * shared,
    )


def _past_pairs(shape: ModelShape, load: Load) -> Number:
    """Queries times cached keys: a new token of a windowed layer sees of them what its window has
    left after the new ones before it."""
    past, new = load.own_context + load.shared_context, load.new_tokens
    reach = arrays.minimum(shape.window, past + new)
    seeing_all = arrays.minimum(new, arrays.maximum(reach - past, 0.0))
    seeing_some = arrays.minimum(new, reach)
    fewer = (seeing_some - seeing_all) * (2 * reach - seeing_all - seeing_some + 1) / 2
    windowed = past * seeing_all + fewer
    return shape.windowed_share * windowed + (1 - shape.windowed_share) * new * past


def _causal_pairs(shape: ModelShape, new_tokens: Number) -> Number:
    """Queries times keys among new tokens, each seeing itself and those before it."""
    whole = new_tokens * (new_tokens + 1) / 2
    beyond = arrays.maximum(new_tokens - 1 - shape.window, 0.0)
    return whole - shape.windowed_share * beyond * (beyond + 1) / 2


def _head(shape: ModelShape, load: Load, widths: Widths, split: Parallelism, tile: Number) -> Work:
    """Logits of the wanted positions; the embedding's rows are counted with the blocks."""
    rows = load.sequences * load.head_positions / split.copies
    parameters = shape.head_parameters / split.tensor
    flops = 2 * rows * parameters
    moved = rows * shape.head_activation_bytes(widths.activation_bytes, split.tensor)
    lookup = load.tokens / split.copies * shape.embed_dim * widths.weight_bytes
    weights = parameters * widths.weight_bytes + lookup
    return Work(
        matmul_flops=flops,
        padded_flops=flops * _padding(rows, shape.embed_dim, shape.vocab_size / split.tensor, tile),
        weight_bytes=weights,
        activation_bytes=moved,
        on_chip_bytes=moved + weights,
    )


def _links(shape: ModelShape, rows: Number, load: Load, widths: Widths, spread: Spread) -> Exchange:
    """Tensor: two sums a layer and the logits; KV split by sequences sends queries, keys and
    values to where they are held, and results back. Expert: tokens there and back, each layer."""
    residual_bytes = rows * shape.embed_dim * widths.activation_bytes
    logits = load.sequences * load.head_positions / spread.split.copies
    tensor = ALL_REDUCE.over(spread.tensor, residual_bytes) * (2 * shape.layers)
    sampled = ALL_GATHER.over(spread.tensor, logits * shape.vocab_size * LOGIT_BYTES)
    heads = 2 * (shape.query_heads + shape.kv_heads) * shape.head_dim
    dealt_bytes = rows * heads * widths.activation_bytes
    dealt = ALL_TO_ALL.over(spread.tensor, dealt_bytes) * (2 * shape.layers)
    routed_bytes = residual_bytes * spread.split.expert * shape.experts_per_token
    # Its collectives are counted as dispatches.
    routed = ALL_TO_ALL.over(spread.expert, routed_bytes) * (2 * shape.layers)
    expert = replace(routed, collectives=0.0)
    stages = PERMUTE.over(spread.pipeline, residual_bytes) * (spread.split.pipeline - 1)
    return tensor + sampled + dealt * spread.split.kv_by_sequences + expert + stages


RESERVED_SHARE = 0.05
"""Of the memory, kept for the program, activations and fragments. Engines keep 5 to 10 %
(vLLM's gpu_memory_utilization is 0.9 by default)."""


@of_numbers
@dataclass(frozen=True)
class Capacity:
    """Bytes of one chip's memory."""

    weight_bytes: Number
    kv_bytes: Number
    available_bytes: Number  # capacity less what is reserved
    kv_bytes_per_sequence: Number
    largest_batch: Number  # sequences on the whole slice; 0 where the weights do not fit

    @property
    def left_bytes(self) -> Number:
        """What weights and KV leave free; negative where they do not fit."""
        return self.available_bytes - self.weight_bytes - self.kv_bytes


def capacity(
    shape: ModelShape, widths: Widths, split: Parallelism, memory_bytes: Number,
    sequences: Number, own_context: Number, shared_context: Number = 0.0, sharers: Number = 1.0,
) -> Capacity:  # fmt: skip
    """What one chip holds with `sequences` on the slice, each with its share of a shared prompt.
    Windowed layers keep no more than their window. The embedding is split as the head is."""
    layer = shape.attention_parameters + shape.mlp_parameters / split.expert
    tables = shape.head_parameters + shape.embedding_parameters + shape.vector_parameters
    resident = shape.layers / split.pipeline * layer + tables
    weight_bytes = resident * widths.weight_bytes / split.tensor

    own, shared = seen_positions(shape, own_context, shared_context)
    positions = own + shared / sharers
    element = shape.kv_elements_per_token * widths.kv_bytes / split.pipeline
    per_sequence = positions * element / kv_shards(shape, split)
    available = memory_bytes * (1 - RESERVED_SHARE)
    room = arrays.maximum(available - weight_bytes, 0.0)
    return Capacity(
        weight_bytes=weight_bytes,
        kv_bytes=sequences / split.copies * per_sequence,
        available_bytes=available,
        kv_bytes_per_sequence=per_sequence,
        largest_batch=arrays.floor(room / per_sequence) * split.copies,
    )
