"""Engines for tests: a model with random weights, and one whose every probability is written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rooflink.model.config import ModelConfig
from rooflink.model.generation.engine import Engine
from rooflink.model.generation.session import Session
from rooflink.model.generation.session_edits import score_continuation
from rooflink.model.generation.stopping import AnswerFormat, ThoughtRules
from rooflink.model.kv_cache import KVCache
from rooflink.model.tasks.answers import Found

from ..references.families import VOCAB, token_sequence
from ..references.models import family_model

MODEL = family_model("llama3-scaled")
PROMPTS = [token_sequence(length, seed=length).tolist() for length in (9, 4, 1)]
FREE = ThoughtRules(
    think_budget=24, answer_budget=5, markers=((VOCAB,),), cue=(11, 12), end_tokens=()
)


@dataclass(frozen=True)
class TokenVerifier:
    """A generative verifier: the probability of the token `yes` after `cue` is read behind the
    attempt, against `no` alone where that is given."""

    cue: tuple[int, ...]
    yes: int
    no: int | None = None
    phases: tuple[str, ...] = ("verify",)
    reads_figures: bool = False

    def scores(self, session: Session, rows: np.ndarray) -> np.ndarray:
        _, logits = score_continuation(session, self.cue, "verify", rows)
        if self.no is None:
            return np.asarray(jax.nn.softmax(logits)[..., self.yes])
        return np.asarray(jax.nn.sigmoid(logits[..., self.yes] - logits[..., self.no]))


def numerals(tokens: Sequence[int]) -> str:
    """Each token as a number of its own, so that every token is an answer."""
    return " ".join(str(token) for token in tokens)


def random_engine(rules: ThoughtRules = FREE, **settings: Any) -> Engine:
    """An engine of random weights; a step of thought ends at tokens 31 and 32."""
    answer_format = AnswerFormat(
        rules, numerals, in_notation=digits, wait=(21, 22), steps=((31,), (32,)), revise=(41, 42)
    )
    return Engine(MODEL, answer_format, **{"figures": True, **settings})


LETTERS = "_abcdefgWAE0123456789+"
"""Token t of a scripted model is LETTERS[t]. W waits, A ends a thought, E ends a sequence."""

PLACES = 64
"""Positions of a scripted model."""

LINES = 32
"""Most lines of a script: all scripts share programs."""


def ids(text: str) -> list[int]:
    return [LETTERS.index(letter) for letter in text]


def letters(tokens: Sequence[int]) -> str:
    return "".join(LETTERS[token] for token in tokens)


def digits(text: str) -> list[Found]:
    """Answers in a text of letters and digits."""
    return [Found(*match.span(), match[0]) for match in re.finditer(r"\d+", text)]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Scripted:
    """A model that follows a script: what comes next by all that it can see before.

    It keeps tokens in its cache where another keeps keys, and reads them by position, so caches
    that are shared, copied or rolled back wrongly lead it astray. Hidden states are the text.
    """

    texts: Array  # [script, position] token of each scripted text, 0 beyond its end
    next_logits: Array  # [script, V]

    @property
    def config(self) -> ModelConfig:
        return ModelConfig(
            name="scripted",
            family="llama",
            layers=1,
            embed_dim=PLACES,
            query_heads=1,
            kv_heads=1,
            head_dim=1,
            mlp_dim=1,
            vocab_size=len(LETTERS),
            context_length=PLACES,
            rope_theta=1e4,
            norm_eps=1e-5,
            tied_embeddings=True,
        )

    @property
    def dtype(self) -> jnp.dtype:
        return jnp.dtype("float32")

    def forward(
        self, tokens: Array, positions: Array, cache: KVCache, slot: Array | int
    ) -> tuple[Array, KVCache]:
        new = tokens.astype(jnp.float32)[None, :, :, None, :, None]
        (stack,) = cache.stacks
        keys = jax.lax.dynamic_update_slice(stack.keys, new, (0, 0, 0, 0, slot, 0))
        slots = jax.lax.dynamic_update_slice(cache.positions, positions, (0, 0, slot))
        own = jax.nn.one_hot(slots, PLACES) * keys[0, :, :, 0]
        of_prompt = jax.nn.one_hot(cache.prompt_positions, PLACES) * stack.prompt_keys[0, :, 0]
        text = own.sum(axis=2) + of_prompt.sum(axis=1)[:, None]
        seen = jnp.arange(PLACES) <= positions[..., None]
        return text[:, :, None] * seen, replace(
            cache, stacks=(stack._replace(keys=keys),), positions=slots
        )

    def logits(self, hidden: Array) -> Array:
        same = (hidden[..., None, :] == self.texts).all(axis=-1)
        return jnp.where(
            same.any(axis=-1)[..., None],
            self.next_logits[same.argmax(axis=-1)],
            jax.nn.one_hot(LETTERS.index("E"), len(LETTERS)) * 50,
        )


Script = Mapping[str, Mapping[str, float]]


def scripted_engine(
    script: Script, think_budget: int = 12, answer_budget: int = 4, **settings: Any
) -> Engine:
    """After a text of `script`, its letters have the written probabilities; after any other, E.

    A thought ends at A; 'E' ends a sequence; steps end at '+'; answers are digits.
    """
    texts = np.zeros((LINES, PLACES), np.float32)
    logits = np.full((LINES, len(LETTERS)), -50.0, np.float32)
    for row, (text, following) in enumerate(script.items()):
        texts[row, : len(text)] = ids(text)
        for letter, probability in following.items():
            logits[row, LETTERS.index(letter)] = np.log(probability)
    rules = ThoughtRules(
        think_budget, answer_budget, (tuple(ids("A")),), tuple(ids("A")), tuple(ids("E"))
    )
    answer_format = AnswerFormat(
        rules, letters, in_notation=digits, wait=tuple(ids("W")), steps=(tuple(ids("+")),),
        revise=tuple(ids("g")),
    )  # fmt: skip
    model: Any = Scripted(jnp.asarray(texts), jnp.asarray(logits))
    return Engine(model, answer_format, **settings)
