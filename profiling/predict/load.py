"""Load: the tokens that one step reads, and Widths: the bytes of what it moves."""

from dataclasses import dataclass

import jax

from .shape import Number


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Widths:
    """Bytes of one element, by what it is."""

    weight_bytes: Number
    kv_bytes: Number
    activation_bytes: Number  # also the operands of the matrix units


DTYPE_WIDTH_BYTES: dict[str, float] = {
    "float32": 4.0,
    "bfloat16": 2.0,
    "float16": 2.0,
    "int8": 1.0,
    "fp8": 1.0,
    "float8_e4m3fn": 1.0,
    "int4": 0.5,
    "fp4": 0.5,
    "float4_e2m1fn": 0.5,
}
"""Bytes of one element by dtype; scales of quantised blocks are left out."""
