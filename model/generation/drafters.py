"""Drafters: what proposes the next tokens of every row for the model to check in one pass.

Each is a pytree that holds what it never changes; its state goes through the loop beside it. Axis
letters as in `config`; n drafts of a round, P positions of a prompt and what follows it.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from ..config import ModelConfig, ModelInputError
from ..kv_cache import EMPTY
from ..sampling import Sampler, draw
from ..transformer import Transformer, transformer_from
from .decode_loop import KEEP_ALL, Cursor, Rows, read, truncate

State = TypeVar("State")
"""A drafter's own: arrays that change from round to round."""

LONGEST_GRAM = 3
"""Tokens that a look-up compares at most (Saxena 2023, prompt look-up decoding, uses 3)."""


class Drafter(Protocol[State]):
    """Proposes tokens and hears what became of them."""

    def propose(
        self, state: State, cursor: Cursor, uniforms: Array, sampler: Sampler
    ) -> tuple[State, Array, Array | None]:
        """`n` drafts [B, A, n] of what follows each row's pending token, EMPTY where there is none.

        `uniforms` [n, B, A] in [0, 1) draw them. Also the probabilities [B, A, n, V] that they
        were drawn by; None where a draft is certain.
        """

    def hear(self, state: State, before: Cursor, said: Array, taken: Array) -> State:
        """The rows of the cursor `before` have said the first `taken` [B, A] of `said` [B, A, T]:
        all but the last of them as proposed."""


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=[])
@dataclass(frozen=True)
class LookUp:
    """What followed the last place at which the newest tokens stood before, in prompt or thought:
    of the longest such run up to LONGEST_GRAM tokens, the latest place. No pass of any model.

    The state is the token at each position [B, A, P], EMPTY where none is said. Where the found
    place is nearer than n tokens, what lies between repeats.
    """

    def propose(
        self, state: Array, cursor: Cursor, uniforms: Array, sampler: Sampler
    ) -> tuple[Array, Array, None]:
        index, end = jnp.arange(state.shape[-1]), jnp.asarray(cursor.position)[..., None]
        run, going = jnp.zeros(state.shape, jnp.int32), index < end
        for back in range(LONGEST_GRAM):
            newest = _at(state, end - back)
            earlier = jnp.where(index >= back, jnp.roll(state, back, axis=-1), EMPTY)
            going &= (earlier == newest) & (newest != EMPTY)
            run += going
        best = jnp.argmax(run * state.shape[-1] + index, axis=-1)[..., None]
        found = _at(run, best) > 0
        step = jnp.arange(len(uniforms)) % jnp.maximum(end - best, 1)
        return state, jnp.where(found, _at(state, best + 1 + step), EMPTY), None

    def hear(self, state: Array, before: Cursor, said: Array, taken: Array) -> Array:
        offset = jnp.arange(state.shape[-1]) - jnp.asarray(before.position)[..., None] - 1
        new = _at(said, jnp.clip(offset, 0, said.shape[-1] - 1))
        return jnp.where((offset >= 0) & (offset < taken[..., None]) & (new >= 0), new, state)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DraftRows:
    """Rows of a draft model: they have read all before the pending token, but for the token right
    before it where they are `behind`."""

    rows: Rows
    before: Array  # [B, A] int32: the token before the pending one
    behind: Array  # [B, A] bool


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DraftModel:
    """A smaller model of the same vocabulary, which samples its drafts as the model would: a pass
    for each, the first of which reads what it is behind along."""

    model: Transformer

    def propose(
        self, state: DraftRows, cursor: Cursor, uniforms: Array, sampler: Sampler
    ) -> tuple[DraftRows, Array, Array]:
        at = jnp.where(cursor.active, cursor.position, EMPTY)
        behind = jnp.where(state.behind & cursor.active, at - 1, EMPTY)
        first = jnp.stack((state.before, jnp.asarray(cursor.token)), axis=-1)
        rows, draft, odds = self._draft(
            state.rows, first, jnp.stack((behind, at), axis=-1), uniforms[0], sampler
        )
        drafts, all_odds = [draft], [odds]
        for ahead, uniform in enumerate(uniforms[1:], start=1):
            position = jnp.where(cursor.active, at + ahead, EMPTY)
            rows, draft, odds = self._draft(
                rows, draft[..., None], position[..., None], uniform, sampler
            )
            drafts.append(draft)
            all_odds.append(odds)
        return (
            replace(state, rows=rows), jnp.stack(drafts, axis=-1), jnp.stack(all_odds, axis=2)
        )  # fmt: skip

    def hear(self, state: DraftRows, before: Cursor, said: Array, taken: Array) -> DraftRows:
        drafts = said.shape[-1] - 1
        keep = jnp.where(before.active, before.position + taken, KEEP_ALL)
        unused = drafts - jnp.where(before.active, jnp.minimum(taken, drafts), 0).max()
        held = truncate(state.rows, keep, state.rows.slot - unused)
        row = jnp.concatenate((jnp.asarray(before.token)[..., None], said), axis=-1)
        last_but_one = _at(row, jnp.maximum(taken - 1, 0)[..., None])[..., 0]
        return DraftRows(
            rows=held,
            before=jnp.where(before.active, last_but_one, state.before),
            behind=jnp.where(before.active, taken > drafts, state.behind),
        )

    def _draft(
        self, rows: Rows, tokens: Array, positions: Array, uniform: Array, sampler: Sampler
    ) -> tuple[Rows, Array, Array]:
        """The token [B, A] drawn after the last column of `tokens`, and all odds [B, A, V]."""
        hidden, rows = read(self.model, rows, tokens, positions)
        logits = self.model.logits(hidden[:, :, -1:])[:, :, 0]
        weights = sampler.weights(logits.reshape(-1, logits.shape[-1]))
        token = draw(weights, uniform.reshape(-1)).reshape(uniform.shape)
        odds = weights / weights.sum(axis=-1, keepdims=True)
        return rows, token, odds.reshape(logits.shape)


def exit_config(config: ModelConfig, layers: int | None) -> ModelConfig:
    """The first `layers` of a model, by default half, with its own norm and head.

    Raises ModelInputError for as many layers as the model has, or none.
    """
    kept = config.layers // 2 if layers is None else layers
    if not 1 <= kept < config.layers:
        raise ModelInputError(
            f"draft=early-exit runs the first layers of a model as its draft: {config.name} has "
            f"{config.layers}, so layers must be from 1 to {config.layers - 1}, got {kept}"
        )
    name = f"{config.name}, first {kept} layers"
    if config.mixture is None or any(config.kind(layer).experts for layer in range(kept)):
        return replace(config, name=name, layers=kept)
    return replace(
        config, name=name, layers=kept, mixture=None, experts=1, active_experts=1,
        shared_mlp_dim=0, mlp_dim=config.dense_mlp_dim, dense_mlp_dim=0,
    )  # fmt: skip


def early_exit(model: Transformer, layers: int | None) -> Transformer:
    """The first layers of `model` as a model of its own: stacked weights are cut, others shared."""
    config = exit_config(model.config, layers)
    whole = {
        ".".join(map(str, path)): held[...] for path, held in nnx.to_flat_state(nnx.state(model))
    }
    place = {
        layer: (stack, index)
        for stack, members in model.config.stacks.items()
        for index, layer in enumerate(members)
    }
    cut = {name: whole[name] for name in whole if not name.startswith(("blocks.", "experts."))}
    for own, members in config.stacks.items():
        theirs, first = place[members[0]]  # the others follow in the same stack
        for part in ("blocks", "experts"):
            stem = f"{theirs.replace('blocks', part)}."
            for name in (name for name in whole if name.startswith(stem)):
                ours = f"{own.replace('blocks', part)}.{name.removeprefix(stem)}"
                cut[ours] = whole[name][first : first + len(members)]
    return transformer_from(config, model.dtype, cut, model.kernel)


def _at(values: Array, index: Array) -> Array:
    """`values` [B, A, P] at `index` [B, A, T]; the nearest where that is beyond either end."""
    inside = jnp.clip(index, 0, values.shape[-1] - 1)
    return jnp.take_along_axis(values, inside, axis=-1)
