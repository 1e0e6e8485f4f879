"""Chain-of-thought decoding: prefill, think and answer as jitted functions over one state.

Every pass reads the pending token of each attempt and emits the next one, so prefill emits the
first token of each thought, and the last token of a thought is read by the first answer step.
All attempts share one slot counter; an attempt whose thought has ended is idle (its slots stay
empty) until the answer phase takes all attempts up again.

Axis letters as in `config`; E columns of emitted tokens, M the longest marker, R = B * A rows.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from .kv_cache import EMPTY, KVCache
from .sampling import Sampler
from .transformer import Transformer

NOT_FORCED = -1


class StopReason(IntEnum):
    """What ended a thought."""

    THINKING = 0
    MARKER = 1
    BUDGET = 2
    END_OF_SEQUENCE = 3


@dataclass(frozen=True)
class ThoughtRules:
    """When a thought ends and how its answer begins; token ids, hashable for jit.

    A thought ends when it has just said one of `markers`. Where it runs into `end_tokens` or
    into the budget, `cue` is forced, token by token, and ends it (budget forcing, s1, arXiv
    2501.19393; the cue as a second prompt, Kojima et al. 2022).
    """

    think_budget: int
    answer_budget: int
    markers: tuple[tuple[int, ...], ...]
    cue: tuple[int, ...]
    end_tokens: tuple[int, ...]

    @property
    def longest_thought(self) -> int:
        """Most tokens that a thought can have: the budget and a forced cue."""
        return self.think_budget + len(self.cue)

    @property
    def slots(self) -> int:
        """Cache slots that an attempt can fill: all its tokens but the last one emitted."""
        return self.longest_thought + self.answer_budget - 1

    @property
    def longest_marker(self) -> int:
        """M: tokens that must be remembered to recognise a marker."""
        return max((len(marker) for marker in self.markers), default=1)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DecodeState:
    """Everything that decoding carries from one pass to the next."""

    cache: KVCache
    keys: Array  # [B, A] PRNG keys, one an attempt
    token: Array  # [B, A] int32: emitted, not yet read
    position: Array  # [B, A] int32: the position at which `token` will be read
    recent: Array  # [B, A, M] int32: the last tokens of the thought, newest last
    emitted: Array  # [B, A, E] int32: column 0 from prefill, column s from pass s; -1 for none
    active: Array  # [B, A] bool: still at work in this phase
    forced: Array  # [B, A] int32: next token of the cue to force, or NOT_FORCED
    thought: Array  # [B, A] int32: tokens thought so far, forced ones included
    answered: Array  # [B, A] int32: tokens answered so far
    stop: Array  # [B, A] int32: StopReason
    passes: Array  # [] int32: passes since prefill, the next slot to fill


@partial(jax.jit, static_argnames=("rules", "sampler"))
def prefill(
    model: Transformer,
    prompts: Array,
    lengths: Array,
    keys: Array,
    rules: ThoughtRules,
    sampler: Sampler,
) -> DecodeState:
    """Read `prompts` [B, P] of `lengths` [B], once for all attempts, and begin their thoughts.

    `keys` [B, A] sets the number of attempts. Positions beyond a prompt's length are padding.
    """
    B, P = prompts.shape
    A = keys.shape[1]
    with jax.named_scope("prefill"):
        index = jnp.arange(P)
        positions = jnp.where(index < lengths[:, None], index, EMPTY)[:, None]
        blank = KVCache.empty(model.config, B, 1, P, model.dtype)
        hidden, cache = model.forward(prompts[:, None], positions, blank, 0)
        last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None, None], axis=2)
        logits = jnp.broadcast_to(model.logits(last)[:, :, 0], (B, A, model.config.vocab_size))
        state = DecodeState(
            cache=cache.share(A, rules.slots),
            keys=keys,
            token=jnp.zeros((B, A), jnp.int32),
            position=jnp.broadcast_to(lengths[:, None] - 1, (B, A)).astype(jnp.int32),
            recent=jnp.full((B, A, rules.longest_marker), EMPTY, jnp.int32),
            emitted=jnp.full((B, A, rules.slots + 1), EMPTY, jnp.int32),
            active=jnp.ones((B, A), bool),
            forced=jnp.full((B, A), NOT_FORCED, jnp.int32),
            thought=jnp.zeros((B, A), jnp.int32),
            answered=jnp.zeros((B, A), jnp.int32),
            stop=jnp.full((B, A), StopReason.THINKING, jnp.int32),
            passes=jnp.int32(0),
        )
        return _emit_thought(state, logits, rules, sampler)


@partial(jax.jit, static_argnames=("steps", "rules", "sampler"), donate_argnames="state")
def think(
    model: Transformer, state: DecodeState, steps: int, rules: ThoughtRules, sampler: Sampler
) -> DecodeState:
    """Up to `steps` passes of thinking; stops early once no attempt thinks any more."""
    with jax.named_scope("think"):
        return _loop(
            state,
            steps,
            lambda s: _emit_thought(*_read(model, s), rules, sampler),
        )


@partial(jax.jit, donate_argnames="state")
def begin_answer(state: DecodeState) -> DecodeState:
    """Take all attempts up again, those that were idle included."""
    return replace(state, active=jnp.ones_like(state.active))


@partial(jax.jit, static_argnames=("steps", "rules", "sampler"), donate_argnames="state")
def answer(
    model: Transformer, state: DecodeState, steps: int, rules: ThoughtRules, sampler: Sampler
) -> DecodeState:
    """Up to `steps` passes of answering; stops early once every answer has ended."""
    with jax.named_scope("answer"):
        return _loop(
            state,
            steps,
            lambda s: _emit_answer(*_read(model, s), rules, sampler),
        )


def _loop(state: DecodeState, steps: int, step):  # type: ignore[no-untyped-def]
    def goes_on(carry: tuple[Array, DecodeState]) -> Array:
        done, state = carry
        return (done < steps) & state.active.any()

    def once(carry: tuple[Array, DecodeState]) -> tuple[Array, DecodeState]:
        done, state = carry
        return done + 1, step(state)

    return jax.lax.while_loop(goes_on, once, (jnp.int32(0), state))[1]


def _read(model: Transformer, state: DecodeState) -> tuple[DecodeState, Array]:
    """One pass: read the pending tokens into the next slot; logits [B, A, V] of what follows."""
    position = jnp.where(state.active, state.position, EMPTY)
    hidden, cache = model.forward(
        state.token[..., None], position[..., None], state.cache, state.passes
    )
    state = replace(state, cache=cache, passes=state.passes + 1)
    return state, model.logits(hidden)[:, :, 0]


def _sample(state: DecodeState, logits: Array, sampler: Sampler) -> Array:
    """Tokens [B, A]; an attempt's n-th token depends on its own key and n alone."""
    with jax.named_scope("sampling"):
        keys = jax.vmap(jax.random.fold_in)(
            state.keys.reshape(-1), (state.thought + state.answered).reshape(-1)
        )
        uniform = jax.vmap(jax.random.uniform)(keys)
        rows = logits.reshape(-1, logits.shape[-1])
        return sampler.sample(rows, uniform).reshape(logits.shape[:-1])


def _emit_thought(
    state: DecodeState, logits: Array, rules: ThoughtRules, sampler: Sampler
) -> DecodeState:
    """Emit one token of each thought that goes on, or of the cue that ends it."""
    sampled = _sample(state, logits, sampler)
    ended = _is_any(sampled, rules.end_tokens)
    spent = state.thought >= rules.think_budget
    begins = (ended | spent) & (state.forced == NOT_FORCED)
    forced = jnp.where(begins, 0, state.forced)
    cue = jnp.array(rules.cue, jnp.int32)
    token = jnp.where(forced >= 0, cue[jnp.maximum(forced, 0)], sampled)
    recent = jnp.concatenate((state.recent[..., 1:], token[..., None]), axis=-1)

    said_marker = (forced < 0) & _says_any(recent, rules.markers)
    forced = jnp.where(forced >= 0, forced + 1, forced)
    reason = jnp.where(ended, StopReason.END_OF_SEQUENCE, StopReason.BUDGET)
    stop = jnp.where(begins, reason, jnp.where(said_marker, StopReason.MARKER, state.stop))
    stop = jnp.where(state.active, stop, state.stop)
    still = ~said_marker & (forced < len(rules.cue))
    emitted = _emit(state, token)
    return replace(
        emitted,
        recent=jnp.where(state.active[..., None], recent, state.recent),
        active=state.active & still,
        forced=jnp.where(state.active, forced, state.forced),
        thought=state.thought + state.active,
        stop=stop,
    )


def _emit_answer(
    state: DecodeState, logits: Array, rules: ThoughtRules, sampler: Sampler
) -> DecodeState:
    """Emit one token of each answer that goes on."""
    token = _sample(state, logits, sampler)
    answered = state.answered + state.active
    still = ~_is_any(token, rules.end_tokens) & (answered < rules.answer_budget)
    return replace(_emit(state, token), active=state.active & still, answered=answered)


def _emit(state: DecodeState, token: Array) -> DecodeState:
    """Record `token` [B, A] of the active attempts as emitted and pending."""
    kept = jnp.where(state.active, token, EMPTY)
    return replace(
        state,
        token=jnp.where(state.active, token, state.token),
        position=state.position + state.active,
        emitted=jax.lax.dynamic_update_slice(state.emitted, kept[..., None], (0, 0, state.passes)),
    )


def _is_any(token: Array, choices: tuple[int, ...]) -> Array:
    """Whether each token [B, A] is one of `choices`."""
    found = jnp.zeros(token.shape, bool)
    for choice in choices:
        found |= token == choice
    return found


def _says_any(recent: Array, markers: tuple[tuple[int, ...], ...]) -> Array:
    """Whether the newest tokens of `recent` [B, A, M] spell one of `markers`."""
    found = jnp.zeros(recent.shape[:-1], bool)
    for marker in markers:
        found |= (recent[..., -len(marker) :] == jnp.array(marker, jnp.int32)).all(axis=-1)
    return found
