"""Engine: a model with its answer format, and what bounds a run on it; the questions it gets."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import jax
import jax.numpy as jnp
from jax import Array

from ..transformer import Transformer
from .decode_loop import PASSES_PER_CALL
from .pass_log import REASONER, Limit
from .stopping import AnswerFormat, ThoughtRules


class Observer(Protocol):
    """Hears where phases begin and end. Nothing is pending on the device at each call."""

    def begins(self, phase: str) -> None:
        """A phase is about to run."""

    def advanced(self, phase: str, passes: int, active: int) -> None:
        """`passes` more passes are done; `active` attempts still go on."""

    def ends(self, phase: str) -> None:
        """The phase is over."""


@dataclass(frozen=True)
class Questions:
    """Prompts that run together, each with its number in the workload, which decides its keys."""

    prompts: Sequence[Sequence[int]]
    numbers: Sequence[int] = field(default=())

    def __post_init__(self) -> None:
        if not self.numbers:
            object.__setattr__(self, "numbers", range(len(self.prompts)))


@dataclass(frozen=True, eq=False)
class Engine:
    """What strategies run on. `name` says in pass records whose weights a pass read.

    A `lean` engine is for attempts that only think and answer: caches are as long as the rules
    allow and no longer, and a cue is said inside the loop, a pass a token, while other attempts
    still think. Else lengths are rounded up, so that sessions of many shapes share programs, and
    a cue is read in one pass.
    """

    model: Transformer
    answer_format: AnswerFormat
    seed: int = 0
    prompt_slots: int = 0  # pads shorter prompts, so that batches share compiled programs
    limit: Limit | None = None
    name: str = REASONER
    observer: Observer | None = None
    lean: bool = False
    figures: bool = False  # find each token's log-probability and margin, whoever wants them
    drafts: Mapping[str, Transformer] = field(
        default_factory=dict
    )  # by the name that was asked for

    @property
    def rules(self) -> ThoughtRules:
        """When thoughts and answers end."""
        return self.answer_format.rules

    @property
    def passes_per_call(self) -> int:
        """Decode passes in one call; a limit is asked after each single one."""
        return PASSES_PER_CALL if self.limit is None else 1

    @property
    def own_slots(self) -> int:
        """Cache slots of an attempt when a session opens."""
        return self.rules.slots if self.lean else up_to_step(self.rules.longest)

    def padded(self, prompt_tokens: int, forced_tokens: int = 0) -> int:
        """Slots of prompts of which the longest has so many tokens, with what is forced on them."""
        slots = max(prompt_tokens, self.prompt_slots) + forced_tokens
        return slots if self.lean else up_to_step(slots)

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Tell the observer, if there is one, that `phase` begins and ends."""
        if self.observer is None:
            yield
            return
        self.observer.begins(phase)
        yield
        self.observer.ends(phase)

    def fits(self, prompt_tokens: int) -> bool:
        """Whether a thought and an answer after so long a prompt fit the model's context."""
        return prompt_tokens + self.rules.longest <= self.model.config.context_length

    def keys(self, numbers: Sequence[int], attempts: int, first_attempt: int = 0) -> Array:
        """PRNG keys [B, A] of attempts at the questions with these numbers."""
        return attempt_keys(self.seed, jnp.asarray(numbers), attempts, first_attempt)


LEAST_SLOTS = 16
"""The fewest slots that a cache is compiled for."""


def up_to_step(slots: int) -> int:
    """`slots` rounded up to 16, 24, 32, 48, 64, 96 ...: few shapes are compiled."""
    size = LEAST_SLOTS
    while size < slots:
        size *= 2
    return size * 3 // 4 if LEAST_SLOTS < size * 3 // 4 >= slots else size


def attempt_keys(seed: int, numbers: Array, attempts: int, first_attempt: int = 0) -> Array:
    """PRNG keys [B, A] that depend on the seed, a question's number and an attempt's alone."""
    return _keys(jax.random.key(seed), numbers, first_attempt, attempts)


@partial(jax.jit, static_argnames="attempts")
def _keys(root: Array, numbers: Array, first_attempt: int, attempts: int) -> Array:
    indices = first_attempt + jnp.arange(attempts)

    def of_question(number: Array) -> Array:
        key = jax.random.fold_in(root, number)
        return jax.vmap(lambda attempt: jax.random.fold_in(key, attempt))(indices)

    return jax.vmap(of_question)(numbers)
