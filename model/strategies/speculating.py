"""Speculative: a thought in fewer passes of the model, each of which checks several drafts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..config import ModelConfig
from ..generation.acceptance import Acceptance
from ..generation.attempt import Answered, answered
from ..generation.decode_loop import Endings
from ..generation.drafters import (
    Drafter,
    DraftModel,
    DraftRows,
    LookUp,
    early_exit,
    exit_config,
)
from ..generation.engine import Engine, Questions, up_to_step
from ..generation.generate import think_and_answer
from ..generation.session import Session, open_session
from ..generation.speculation import Stand, speculate
from ..kv_cache import EMPTY
from ..phases import ANSWER, CHECK, DRAFT, PREFILL, THINK
from ..sampling import Sampler
from ..transformer import Transformer
from .base import MOST_ATTEMPTS, Sampling, require

LOOK_UP, EARLY_EXIT = "ngram", "early-exit"
MOST_DRAFTS = 16
"""Of a round: acceptance of later ones is too rare to pay for their place in the check."""


@dataclass(frozen=True)
class Speculative(Sampling):
    """Up to `n` drafts a round for each of `attempts` (Leviathan et al. 2023, arXiv 2211.17192):
    the same tokens as plain decoding where it is greedy, else tokens of the same distribution.

    `draft` is 'ngram', which looks up what followed the newest tokens before; 'early-exit', the
    first `layers` of the model with its own head; or a model, as --model takes it. Answers are
    short and decoded plainly.
    """

    name: ClassVar[str] = "speculative"
    summary: ClassVar[str] = "drafts that the model checks in one pass; draft= may be a folder"
    temperature: float = 0.0
    draft: str = LOOK_UP
    n: int = 4
    attempts: int = 1
    layers: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        most = f"from 1 to {MOST_DRAFTS}"
        require(1 <= self.n <= MOST_DRAFTS, self.name, "n, drafts of a round,", self.n, most)
        within = 1 <= self.attempts <= MOST_ATTEMPTS
        require(within, self.name, "attempts", self.attempts, f"from 1 to {MOST_ATTEMPTS}")
        choice = f"{LOOK_UP}, {EARLY_EXIT} or a model's folder"
        require(bool(self.draft), self.name, "draft", "nothing", choice)
        if self.layers is not None:
            of_exit = self.draft == EARLY_EXIT
            require(of_exit, self.name, "draft", self.draft, f"{EARLY_EXIT} where layers is given")

    @property
    def phases(self) -> tuple[str, ...]:
        drafting = () if self.draft == LOOK_UP else (DRAFT,)
        return (PREFILL, CHECK, *drafting, THINK, ANSWER)

    @property
    def rows(self) -> int:
        return self.attempts

    @property
    def draft_model(self) -> str | None:
        return None if self.draft in (LOOK_UP, EARLY_EXIT) else self.draft

    def draft_config(
        self, model: ModelConfig, drafts: Mapping[str, Transformer]
    ) -> tuple[str, ModelConfig] | None:
        if self.draft == LOOK_UP:
            return None
        if self.draft == EARLY_EXIT:
            config = exit_config(model, self.layers)
            return f"draft {EARLY_EXIT} {config.layers}", config
        return f"draft {self.draft}", drafts[self.draft].config

    def run(self, engine: Engine, questions: Questions) -> list[Answered]:
        session = open_session(engine, questions, self.attempts)
        loop = DraftLoop(self.n, LookUp(), None)
        named = self.draft_config(engine.model.config, engine.drafts)
        if named is not None:
            model = (
                early_exit(engine.model, self.layers)
                if self.draft == EARLY_EXIT
                else engine.drafts[self.draft]
            )
            reader = _reader(replace(engine, model=model, name=named[0]), session)
            loop = DraftLoop(self.n, DraftModel(model), reader)
        tried = think_and_answer(session, self.sampler, loop=loop, looped=CHECK)
        return [answered(attempts, 0, session.log) for attempts in tried]


def _reader(engine: Engine, session: Session) -> Session:
    """The prompts of `session` read by the draft, in its log."""
    return open_session(
        engine, session.batch, session.alive.shape[1], session.log,
        present=session.present, roots=session.roots, scored=False,
    )  # fmt: skip


@dataclass
class DraftLoop:
    """A `Loop` of rounds: `n` drafts of each row, and one pass of the model that checks them.

    `reader` is the draft model's session, which has read the prompts and nothing else.
    """

    n: int
    drafter: Drafter[Array] | Drafter[DraftRows]
    reader: Session | None
    behind: np.ndarray = field(default_factory=lambda: np.zeros((1, 1), bool))  # [B, A] the draft's

    def __call__(
        self, session: Session, endings: Endings, sampler: Sampler, heeds_limit: bool
    ) -> None:
        engine, positions = session.engine, self.n + 1
        most = engine.rules.longest + positions
        sessions = [session] if self.reader is None else [session, self.reader]
        for one in sessions:
            one.room(most)
        state, cursor = self._state(session), session.cursor
        while session.cursor.active.any():
            rounds = engine.passes_per_call
            limit = min(rounds, *(one.room(positions) // positions for one in sessions))
            if self.reader is not None and isinstance(state, DraftRows):
                state = replace(state, rows=self.reader.rows)
            before = session.own
            stand, made, done = speculate(
                engine.model, self.drafter, Stand(session.rows, state, cursor), limit, endings,
                sampler, self.n, rounds, session.figures,
            )  # fmt: skip
            session.rows, state, cursor = stand.rows, stand.drafts, stand.cursor
            if self.reader is not None and isinstance(state, DraftRows):
                self.reader.rows = state.rows
            for one in sessions:
                one.filled = int(one.rows.slot)
            session.cursor, made, done = jax.device_get((cursor, made, done))
            said = made.emitted
            passes = jax.tree.map(lambda column: column.reshape(-1, *column.shape[2:]), said)
            session.trace.add_passes(passes.token, passes.logprob, passes.margin)
            counts = (made.proposed[:done], (said.token[:done] != EMPTY).sum(axis=1))
            self._note(session, before, *(count.astype(np.int64) for count in counts))
            found = Acceptance.of(self.n, *counts, made.kept[:done])
            earlier = session.log.acceptance
            session.log.acceptance = found if earlier is None else earlier + found
            if heeds_limit and (session.cursor.active & ~session.open).any():
                session.halt(heeds_limit)
                cursor = session.cursor

    def _state(self, session: Session) -> Array | DraftRows:
        """The drafter's, where rows have said at most their first token."""
        if self.reader is not None:
            shape = session.alive.shape
            self.behind = np.zeros(shape, bool)
            return DraftRows(self.reader.rows, jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool))
        longest = int(session.prompt_lengths.max()) + session.engine.rules.longest
        text = np.full((*session.alive.shape, up_to_step(longest + self.n + 1)), EMPTY, np.int32)
        for b, prompt in enumerate(session.batch.prompts):
            for a in range(text.shape[1]):
                row = [*prompt, *session.trace.emitted(b, a)]
                text[b, a, : len(row)] = row
        return jnp.asarray(text)

    def _note(
        self, session: Session, before: np.ndarray, proposed: np.ndarray, taken: np.ndarray
    ) -> None:
        """Note the rounds [N, B, A]: first the checks, at which the clock is read, then the passes
        that drafted in the same program."""
        at_work = (taken > 0).astype(np.int64)
        own = before + np.cumsum(taken, axis=0) - taken
        read, none = at_work + proposed, np.zeros_like(taken)
        session.note_rows(CHECK, read, own, heads=read, forced=none, slots=self.n + 1)
        if self.reader is None:
            return
        name = self.reader.engine.name
        behind = np.concatenate((self.behind[None], taken[:-1] > self.n)) * at_work
        self.behind = np.where(at_work[-1] > 0, taken[-1] > self.n, self.behind)
        session.note_rows(DRAFT, at_work + behind, own - behind, at_work, none, slots=2, model=name)
        if self.n > 1:
            ahead = np.arange(1, self.n)[:, None, None, None]
            wide = (self.n - 1, *taken.shape)
            each, held = (
                np.broadcast_to(x, wide).reshape(-1, *taken.shape[1:])
                for x in (at_work, own + ahead)
            )
            session.note_rows(DRAFT, each, held, each, np.zeros_like(each), slots=1, model=name)
