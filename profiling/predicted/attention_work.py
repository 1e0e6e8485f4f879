"""Attention's work: scores and weighted values, and the cache that they read; and how much of a
cache one chip holds."""

from dataclasses import dataclass

from ...model.architecture import ModelShape
from . import arrays
from .arrays import Number, of_numbers
from .collectives import Parallelism, kv_shards
from .work import Load, Widths, Work


def attention_work(shape: ModelShape, load: Load, widths: Widths, split: Parallelism) -> Work:
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
    available = available_bytes(memory_bytes)
    room = arrays.maximum(available - weight_bytes, 0.0)
    return Capacity(
        weight_bytes=weight_bytes,
        kv_bytes=sequences / split.copies * per_sequence,
        available_bytes=available,
        kv_bytes_per_sequence=per_sequence,
        largest_batch=arrays.floor(room / per_sequence) * split.copies,
    )
