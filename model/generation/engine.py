"""Engine: a model with its wording, and what bounds a run on it; the questions it is asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import Array

from ..generate import STEPS_PER_CALL, Observer, attempt_keys
from ..transformer import Transformer
from .pass_log import Limit
from .stopping import Wording


@dataclass(frozen=True)
class Questions:
    """Prompts that run together, each with its number in the workload, which decides its keys."""

    prompts: Sequence[Sequence[int]]
    numbers: Sequence[int]


@dataclass(frozen=True, eq=False)
class Engine:
    """What strategies run on. `name` says in pass records whose weights a pass read."""

    model: Transformer
    wording: Wording
    seed: int = 0
    prompt_slots: int = 0  # pads shorter prompts, so that batches share compiled programs
    limit: Limit | None = None
    name: str = "model"
    observer: Observer | None = None  # nothing is pending on the device when it hears anything

    @property
    def passes_per_call(self) -> int:
        """Decode passes in one call; a limit is asked after each single one."""
        return STEPS_PER_CALL if self.limit is None else 1

    @property
    def longest(self) -> int:
        """Most tokens that an attempt of one thought and one answer says."""
        return self.wording.rules.longest_thought + self.wording.rules.answer_budget

    def with_budget(self, think_budget: int) -> "Engine":
        """The same engine with another budget of thought tokens."""
        rules = replace(self.wording.rules, think_budget=think_budget)
        return replace(self, wording=replace(self.wording, rules=rules))

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
        return prompt_tokens + self.longest <= self.model.config.context_length

    def keys(self, numbers: Sequence[int], attempts: int, first_attempt: int) -> Array:
        """PRNG keys [B, A] that depend on the seed, a question's number and an attempt's alone."""

        def of_question(number: Array) -> Array:
            last = first_attempt + attempts
            return attempt_keys(self.seed, number, 1, last)[0]  # type: ignore[arg-type]

        return jax.vmap(of_question)(jnp.asarray(numbers))[:, first_attempt:]
