"""Generation of a batch: the host's side of decoding, with an observer at every border.

Axis letters as in `config`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .config import ModelConfig, ModelInputError
from .decode import DecodeState, StopReason, ThoughtRules, answer, begin_answer, prefill, think
from .sampling import Sampler
from .transformer import Transformer

STEPS_PER_CALL = 16
"""Decode passes in one call of a jitted loop: how often the observer hears of progress."""


class Observer(Protocol):
    """Hears where phases begin and end. The state is ready (nothing pending) at each call."""

    def begins(self, phase: str) -> None:
        """A phase is about to run."""

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """`passes` more passes are done; `active` attempts still go on."""

    def ends(self, phase: str) -> None:
        """The phase is over."""


class NoObserver:
    """Hears nothing."""

    def begins(self, phase: str) -> None: ...

    def advanced(self, phase: str, passes: int, active: int) -> None: ...

    def ends(self, phase: str) -> None: ...


@dataclass(frozen=True)
class Attempt:
    """What one attempt said, and why its thought ended."""

    prompt: int
    attempt: int
    thought: tuple[int, ...]  # token ids, the marker or forced cue last
    answer: tuple[int, ...]  # token ids, an end token included
    forced_tokens: int
    stop_reason: StopReason


@dataclass(frozen=True)
class Batch:
    """Prompts that run together, and the place of the first of them in the whole workload."""

    prompts: Sequence[Sequence[int]]
    first_index: int = 0


def require_context(config: ModelConfig, longest_prompt: int, rules: ThoughtRules) -> None:
    """Raise ModelInputError where prompt, thought and answer do not fit the model's context."""
    needed = longest_prompt + rules.slots + 1
    if needed > config.context_length:
        raise ModelInputError(
            f"a prompt of {longest_prompt} tokens, a thought of up to {rules.longest_thought} and "
            f"an answer of up to {rules.answer_budget} need {needed} positions, but "
            f"{config.name} has a context of {config.context_length}: shorten the prompt or "
            "lower --think-budget"
        )


def attempt_keys(seed: int, first_prompt: int, prompts: int, attempts: int) -> Array:
    """PRNG keys [B, A] that depend on the seed, the prompt's index and the attempt's alone."""
    root = jax.random.key(seed)

    def of_prompt(prompt: Array) -> Array:
        key = jax.random.fold_in(root, prompt)
        return jax.vmap(lambda attempt: jax.random.fold_in(key, attempt))(jnp.arange(attempts))

    return jax.vmap(of_prompt)(first_prompt + jnp.arange(prompts))


def generate(
    model: Transformer,
    batch: Batch,
    rules: ThoughtRules,
    sampler: Sampler,
    attempts: int,
    seed: int = 0,
    prompt_slots: int | None = None,
    observer: Observer | None = None,
) -> list[Attempt]:
    """Think and answer `attempts` times on each prompt of `batch`.

    `prompt_slots` pads all prompts to one length, so that several batches share one compiled
    program; it defaults to the batch's longest prompt. Attempts come ordered by prompt.

    Raises ModelInputError for an empty prompt or one that does not fit the model's context.
    """
    inputs = _inputs(model, batch, rules, attempts, seed, prompt_slots)
    watch = observer or NoObserver()

    watch.begins("prefill")
    state = prefill(model, *inputs, rules, sampler)
    watch.advanced("prefill", 1, _active(state))
    watch.ends("prefill")

    state = _run("think", think, model, state, rules, sampler, watch)
    think_passes = int(state.passes)
    state = _run("answer", answer, model, begin_answer(state), rules, sampler, watch)
    return _attempts(state, think_passes, batch.first_index)


def warm_up(
    model: Transformer,
    batch: Batch,
    rules: ThoughtRules,
    sampler: Sampler,
    attempts: int,
    prompt_slots: int | None = None,
) -> None:
    """Compile and run once each program that `generate` will use for a batch of this size."""
    state = prefill(model, *_inputs(model, batch, rules, attempts, 0, prompt_slots), rules, sampler)
    state = think(model, state, STEPS_PER_CALL, rules, sampler)
    state = answer(model, begin_answer(state), STEPS_PER_CALL, rules, sampler)
    _active(state)


def _inputs(
    model: Transformer,
    batch: Batch,
    rules: ThoughtRules,
    attempts: int,
    seed: int,
    prompt_slots: int | None,
) -> tuple[Array, Array, Array]:
    """Padded prompts [B, P], their lengths [B] and the attempts' keys [B, A]."""
    lengths = [len(prompt) for prompt in batch.prompts]
    if not lengths or min(lengths) == 0:
        raise ModelInputError("a prompt has no tokens: give each prompt at least one word")
    require_context(model.config, max(lengths), rules)
    padded = np.zeros((len(lengths), max(max(lengths), prompt_slots or 0)), np.int32)
    for row, prompt in zip(padded, batch.prompts, strict=True):
        row[: len(prompt)] = prompt
    keys = attempt_keys(seed, batch.first_index, len(lengths), attempts)
    return jnp.asarray(padded), jnp.asarray(lengths), keys


def _run(phase, loop, model, state, rules, sampler, watch):  # type: ignore[no-untyped-def]
    """Call a jitted loop until no attempt is active."""
    watch.begins(phase)
    passes, active = int(state.passes), _active(state)
    while active:
        state = loop(model, state, STEPS_PER_CALL, rules, sampler)
        active = _active(state)
        now = int(state.passes)
        watch.advanced(phase, now - passes, active)
        passes = now
    watch.ends(phase)
    return state


def _active(state: DecodeState) -> int:
    """Attempts still at work; reading it waits until the device has finished."""
    return int(jax.block_until_ready(state).active.sum())


def _attempts(state: DecodeState, think_passes: int, first_prompt: int) -> list[Attempt]:
    emitted = np.asarray(state.emitted)
    forced, stop = np.asarray(state.forced), np.asarray(state.stop)

    def said(row: np.ndarray) -> tuple[int, ...]:
        return tuple(int(token) for token in row if token >= 0)

    return [
        Attempt(
            prompt=first_prompt + b,
            attempt=a,
            thought=said(emitted[b, a, : think_passes + 1]),
            answer=said(emitted[b, a, think_passes + 1 :]),
            forced_tokens=max(int(forced[b, a]), 0),
            stop_reason=StopReason(int(stop[b, a])),
        )
        for b in range(emitted.shape[0])
        for a in range(emitted.shape[1])
    ]
