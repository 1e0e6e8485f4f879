"""Capacity: what one chip must hold, what is left for KV, and the largest batch that fits."""

from dataclasses import dataclass

from ...model.architecture import ModelShape
from . import arrays
from .arrays import Number, of_numbers
from .collectives import Parallelism, kv_shards
from .step_work import Widths, seen_positions

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
    shape: ModelShape,
    widths: Widths,
    split: Parallelism,
    memory_bytes: Number,
    sequences: Number,
    own_context: Number,
    shared_context: Number = 0.0,
    sharers: Number = 1.0,
) -> Capacity:
    """What one chip holds with `sequences` on the slice, each with its share of a shared prompt.

    Windowed layers keep no more than their window. The embedding is split as the head is.
    """
    layer = shape.attention_parameters + shape.mlp_parameters / split.expert
    tables = shape.head_parameters + shape.embedding_parameters + shape.vector_parameters
    resident = shape.layers / split.pipeline * layer + tables
    weight_bytes = resident * widths.weight_bytes / split.tensor

    shared_positions = seen_positions(shape, shared_context)
    positions = seen_positions(shape, own_context) + shared_positions / sharers
    element = shape.kv_elements_per_token * widths.kv_bytes / split.pipeline
    per_sequence = positions * element / kv_shards(shape, split)
    copies = split.data * split.expert
    available = memory_bytes * (1 - RESERVED_SHARE)
    room = arrays.maximum(available - weight_bytes, 0.0)
    return Capacity(
        weight_bytes=weight_bytes,
        kv_bytes=sequences / copies * per_sequence,
        available_bytes=available,
        kv_bytes_per_sequence=per_sequence,
        largest_batch=arrays.floor(room / per_sequence) * copies,
    )
