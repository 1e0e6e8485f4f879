"""What a step works on, and what it asks of one chip.

Load: the tokens that one step reads; Widths: the bytes of what it moves; Work: FLOPs, bytes and
launches.
"""

import operator
from dataclasses import dataclass

from .. import arrays
from ..arrays import Number, of_numbers


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

    @property
    def past(self) -> Number:
        """Positions of a sequence before those read, its own and shared ones."""
        return self.own_context + self.shared_context

    @property
    def positions(self) -> Number:
        """Of a sequence, with those read, and its part of what it shares."""
        return self.own_context + self.shared_context / self.sharers + self.new_tokens


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
    quantised_inputs: Number = 0.0  # of a layer's matmuls, each by a kernel of its own

    @property
    def narrowing(self) -> Number:
        """log2(operand width / weight width): 1 for int8 weights with bfloat16 operands."""
        return arrays.log2(self.activation_bytes / self.weight_bytes)


@of_numbers
@dataclass(frozen=True)
class Work:
    """What one step asks of one chip. Amounts add up over steps."""

    matmul_flops: Number = 0.0  # of weights; at the tile utilisation of their shapes
    padded_flops: Number = 0.0  # the same with columns and depth rounded up to whole tiles
    attention_flops: Number = 0.0
    blocks: Number = 0.0  # parts of attention that a core works on one after another
    weight_bytes: Number = 0.0
    idle_expert_bytes: Number = 0.0  # of experts that no token needs; not in `memory_bytes`
    kv_bytes: Number = 0.0
    narrow_kv_bytes: Number = 0.0  # that 16 bits would have more; not in `memory_bytes`
    activation_bytes: Number = 0.0
    vector_bytes: Number = 0.0  # of elementwise kernels by themselves
    on_chip_bytes: Number = 0.0  # operands and results of matmuls, as the matrix units read them
    link_bytes: Number = 0.0  # one way through the busiest link
    hops: Number = 0.0
    stages: Number = 0.0  # of collectives, log2 of their chips in each lap
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
