"""Attention's work: scores and weighted values, and the cache or the state that they read; and how
much of these one chip holds."""

from dataclasses import dataclass

from ....model.architecture import ModelShape
from .. import arrays
from ..arrays import Number, of_numbers
from .collectives import Parallelism, kv_shards, stage_layers
from .work import Load, Widths, Work

BLOCK_ROWS = 128.0
"""Queries that one block of an attention kernel takes (FlashAttention 2 and 3)."""
WIDE_BYTES = 2.0
"""Of an element that attention multiplies as it is held; a narrower one is widened first."""
STATE_CHUNK = 64.0
"""Tokens of a prompt that linear attention works on between one state and the next, which it writes
and reads: the chunk of flash-linear-attention's kernels, which engines use."""


def attention_work(shape: ModelShape, load: Load, widths: Widths, split: Parallelism) -> Work:
    """Scores and weighted values, and the cache; KV heads fewer than shards are held repeatedly.
    Linear attention reads and writes its state, whose heads are split as all heads are. An index
    of positions is read and scored whole by every chip (vLLM and SGLang do not split its heads); of
    the rest of the cache a step reads no more than what its queries attend to."""
    sequences = load.sequences / split.copies
    own, shared = seen_positions(shape, load.own_context, load.shared_context)
    attending = shape.layers * shape.attention_share
    flops = attending * shape.query_heads * _flops_per_head(shape, load)
    flops = flops + load.new_tokens * shape.state_flops
    indexed = shape.layers * shape.index_share
    index_flops = indexed * shape.index_flops * _all_pairs(load)
    past, new = own + shared / load.sharers, 2 * load.new_tokens - (load.new_tokens <= 1)
    read = arrays.minimum(past, load.new_tokens * shape.attended)
    # Every chip works on all queries of its positions, or on its queries of all positions.
    parts = arrays.where(sends_queries(shape, load, split), split.context, 1.0)
    shards = kv_shards(shape, split) * parts
    elements = sequences * (read + new) * shape.kv_elements_per_token / shards
    index_bytes = sequences * (past + new) * indexed * shape.index_bytes / shards
    chunks = arrays.maximum(load.new_tokens / STATE_CHUNK, 1.0)
    state_bytes = 2 * chunks * shape.state_bytes / split.tensor
    kv_bytes = elements * widths.kv_bytes + index_bytes + sequences * state_bytes
    return Work(
        attention_flops=sequences * (flops / split.tensor + index_flops) / split.context,
        blocks=sequences * attending * _blocks(shape, load, split) * parts / split.context,
        kv_bytes=kv_bytes,
        narrow_kv_bytes=elements * arrays.maximum(WIDE_BYTES - widths.kv_bytes, 0.0),
        on_chip_bytes=kv_bytes,
    )


def query_elements(shape: ModelShape) -> Number:
    """Of a token in a layer, the mean of its queries and of their results: as they are, or as they
    meet a latent cache."""
    latent = shape.query_heads * (shape.latent_dim + shape.rotated_dim / 2)
    return arrays.where(shape.latent_dim > 0, latent, shape.query_heads * shape.head_dim)


def sends_queries(shape: ModelShape, load: Load, split: Parallelism) -> Number:
    """1 where the positions of sequences are dealt out and their queries and results are fewer
    elements than their keys and values, as in decoding; else 0. Not by bytes: a narrower cache
    shall not be what makes every chip read all of it."""
    queries = shape.layers * shape.attention_share * load.new_tokens * query_elements(shape)
    keys_values = load.positions * shape.kv_elements_per_token / kv_shards(shape, split)
    return 1.0 * (split.context > 1) * (2 * queries / split.tensor < keys_values)


def _blocks(shape: ModelShape, load: Load, split: Parallelism) -> Number:
    """Of one sequence and layer: a head of keys with so many of its queries. A latent cache is one
    head in decoding; a prompt has keys of every head made of it."""
    made = (shape.latent_dim > 0) * (load.new_tokens > 1)
    heads = arrays.where(made, shape.query_heads, shape.kv_heads)
    queries = shape.query_heads / heads * load.new_tokens
    return arrays.maximum(heads / split.tensor, 1.0) * arrays.ceil(queries / BLOCK_ROWS)


def _flops_per_head(shape: ModelShape, load: Load) -> Number:
    """Scores and weighted values of one head in one layer, for one sequence. A latent cache is
    worked on as it is ("absorbed": keys of latent and rotated elements, values of latent ones), or
    the past's keys and values are made of it first, whichever is less: decoding does the first, a
    prompt the second. Those of new tokens, or their absorption, are with the projections. Only the
    first skips positions that are not attended to: the second masks them (DeepSeek-V3.2-Exp)."""
    made = 2 * load.past * shape.latent_dim * (2 * shape.head_dim - shape.rotated_dim)
    share = shape.windowed_share
    every = share * _pairs(load, shape.window) + (1 - share) * _all_pairs(load)
    expanded = 4 * every * shape.head_dim + made
    attended = _pairs(load, shape.attended - 1)
    absorbed = 2 * attended * (2 * shape.latent_dim + shape.rotated_dim)
    return arrays.where(shape.latent_dim > 0, arrays.minimum(expanded, absorbed), expanded)


def seen_positions(shape: ModelShape, own: Number, shared: Number) -> tuple[Number, Number]:
    """Mean over what layers cache of the positions that a query sees before it, of its `own` and of
    the `shared` prompt before those: a windowed layer sees the last ones, so the own ones first."""
    near = arrays.minimum(own, shape.window)
    far = arrays.minimum(shared, shape.window - near)
    share = shape.windowed_kv_share
    return share * near + (1 - share) * own, share * far + (1 - share) * shared


def _all_pairs(load: Load) -> Number:
    """Queries of one sequence times the keys before them and their own."""
    new = load.new_tokens
    return new * load.past + new * (new + 1) / 2


def _pairs(load: Load, window: Number) -> Number:
    """The same where each sees itself and `window` positions before it: of the cached ones what its
    window has left after the new ones before it."""
    past, new = load.past, load.new_tokens
    reach = arrays.minimum(window, past + new)
    seeing_all = arrays.minimum(new, arrays.maximum(reach - past, 0.0))
    seeing_some = arrays.minimum(new, reach)
    fewer = (seeing_some - seeing_all) * (2 * reach - seeing_all - seeing_some + 1) / 2
    beyond = arrays.maximum(new - 1 - window, 0.0)
    among_new = new * (new + 1) / 2 - beyond * (beyond + 1) / 2
    return past * seeing_all + fewer + among_new


RESERVED_SHARE = 0.05
"""Of the memory, kept for the program, activations and fragments. Engines keep 5 to 10 %
(vLLM's gpu_memory_utilization is 0.9 by default)."""


def available_bytes(memory_bytes: Number) -> Number:
    """What a chip of so much memory has for weights and KV."""
    return memory_bytes * (1 - RESERVED_SHARE)


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
    """What one chip holds with `sequences` on the slice, each with its share of a shared prompt and
    a state of its own. Windowed layers keep no more than their window. The embedding is split as
    the head is. Of a pipeline it is a chip of the longest stage."""
    layer = shape.attention_parameters / split.tensor + shape.mlp_parameters / split.expert_chips
    tables = shape.head_parameters + shape.embedding_parameters + shape.vector_parameters
    stage = stage_layers(shape, split)
    resident = stage * layer + tables / split.tensor
    weight_bytes = resident * widths.weight_bytes

    own, shared = seen_positions(shape, own_context, shared_context)
    positions = own + shared / sharers
    element = shape.cached_bytes(widths.kv_bytes) * (stage / shape.layers)
    state_bytes = shape.state_bytes * (stage / shape.layers) / split.tensor
    per_sequence = positions * element / kv_shards(shape, split) / split.context + state_bytes
    kv_bytes = sequences / split.copies * per_sequence
    available = available_bytes(memory_bytes)
    return _filled(weight_bytes, kv_bytes, available, per_sequence, split.copies)


def both_held(model: Capacity, draft: Capacity, copies: Number) -> Capacity:
    """Two models in the same memory, for the same sequences."""
    return _filled(
        model.weight_bytes + draft.weight_bytes,
        model.kv_bytes + draft.kv_bytes,
        model.available_bytes,
        model.kv_bytes_per_sequence + draft.kv_bytes_per_sequence,
        copies,
    )


def _filled(
    weight_bytes: Number, kv_bytes: Number, available: Number, per_sequence: Number, copies: Number
) -> Capacity:
    """With the sequences that what the weights leave has room for, on all copies."""
    room = arrays.maximum(available - weight_bytes, 0.0)
    batch = arrays.floor(room / per_sequence) * copies
    return Capacity(weight_bytes, kv_bytes, available, per_sequence, batch)
