"""What each kind of phase runs, as one plain function of arrays: what the compiled lens lowers.

A phase's `program` in `model.phases` says which. `Session` calls the jitted forms of the same
passes, a prompt's first token by itself. Axis letters as in `config`; T given positions.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array

from ..kv_cache import EMPTY
from ..sampling import Sampler
from ..transformer import Transformer
from .decode_loop import (
    Cursor,
    Endings,
    Rows,
    copied_rows,
    decode_passes,
    first_tokens,
    fresh_cursor,
    given_pass,
    prompt_pass,
)
from .stopping import ThoughtRules


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """What generation carries from one program to the next."""

    rows: Rows
    cursor: Cursor


def prompt_program(
    model: Transformer,
    prompts: Array,
    lengths: Array,
    keys: Array,
    endings: Endings,
    sampler: Sampler,
    rules: ThoughtRules,
) -> State:
    """Prompts read once for the attempts that have `keys`, and the first token of each thought."""
    rows, logits = prompt_pass(model, prompts, lengths, keys, rules.slots)
    fresh = fresh_cursor(lengths, keys.shape[1], endings.markers.shape[1])
    start = replace(fresh, left=fresh.left + rules.think_budget, active=~fresh.active)
    given = jnp.full(keys.shape, EMPTY, jnp.int32)
    cursor, _ = first_tokens(keys, start, logits, given, endings, sampler, figures=False)
    return State(rows, cursor)


def decode_program(
    model: Transformer, state: State, endings: Endings, sampler: Sampler, passes: int
) -> tuple[State, Array]:
    """`passes` tokens more of each row, and what was said [N, B, A]."""
    rows, cursor, emitted, _ = decode_passes(
        model, state.rows, state.cursor, passes, endings, sampler, passes, figures=False
    )
    return State(rows, cursor), emitted.token


def read_program(
    model: Transformer, state: State, tokens: Array, positions: Array
) -> tuple[State, Array]:
    """Given `tokens` [B, A, T] read by every row, and the hidden states [B, A, D] behind them."""
    rows, hidden, _ = given_pass(model, state.rows, tokens, positions)
    return replace(state, rows=rows), hidden


def copy_program(state: State, parents: Array) -> State:
    """Each row a copy of the one that `parents` [B, A] names."""
    return replace(state, rows=copied_rows(state.rows, parents))
