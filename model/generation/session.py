"""Session: the rows of a batch, taken further by whatever a strategy asks for.

Every method that runs the model notes its passes in the log. Masks `rows` are [B, A] bool.
Axis letters as in `config`; N passes of one call, T positions of one pass.

Opening a session: the prompts of a batch are read, once for all attempts at each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..config import ModelInputError
from ..kv_cache import EMPTY
from ..sampling import Sampler
from .attempt import Stop, Trace
from .decode_loop import (
    Cursor,
    Endings,
    Rows,
    Said,
    begin,
    decode,
    forget,
    grow,
    read_prompts,
    share,
    up_to_step,
)
from .engine import Engine, Questions
from .pass_log import ROOT, PassLog, PassRecord


@dataclass
class Session:
    """Attempts at a batch of prompts that are read already. Opened by `open_session`."""

    engine: Engine
    log: PassLog
    asked: Questions
    first_attempt: int
    present: np.ndarray  # [B] bool: questions that take part
    prompt_lengths: np.ndarray  # [B] tokens in the shared cache, `forced` included
    forced: tuple[int, ...]  # said by every attempt in the prompt's own pass
    prompt_logits: Array  # [B, 1, V] of what follows the prompt
    roots: np.ndarray  # [B, 1] the branch that prefill worked on
    rows: Rows
    cursor: Cursor = field(init=False)
    trace: Trace = field(init=False)
    logits: Array = field(init=False)  # [B, A or 1, V], meaningful where `fresh`
    fresh: np.ndarray = field(init=False)  # [B, A] bool: the next token's logits are at hand
    branches: np.ndarray = field(init=False)  # [B, A]
    alive: np.ndarray = field(init=False)  # [B, A] bool: not pruned

    def __post_init__(self) -> None:
        self._start(self.rows.keys.shape[1])

    def _start(self, attempts: int) -> None:
        B, shape = len(self.prompt_lengths), (len(self.prompt_lengths), attempts)
        self.trace = Trace.empty(*shape)
        unknown, everyone = np.full(shape, np.nan, np.float32), np.ones(shape, bool)
        for token in self.forced:
            self.trace.add(everyone, np.full(shape, token), unknown, unknown, forced=True)
        self.cursor = Cursor(
            token=np.zeros(shape, np.int32),
            pending=np.zeros(shape, bool),
            position=np.broadcast_to(self.prompt_lengths[:, None], shape).astype(np.int32),
            said=self.trace.length.astype(np.int32),
            left=np.zeros(shape, np.int32),
            recent=self.trace.recent(self.engine.wording.longest_ending),
            active=np.zeros(shape, bool),
            stop=np.zeros(shape, np.int32),
        )
        self.logits = self.prompt_logits
        self.fresh = everyone.copy()
        self.alive = np.broadcast_to(self.present[:, None], shape).copy()
        self.branches = self.log.new_branches(np.broadcast_to(self.roots, (B, attempts)))

    @property
    def questions(self) -> np.ndarray:
        """[B] the index of each prompt in the workload."""
        return np.array(self.asked.numbers)

    @property
    def open(self) -> np.ndarray:
        """[B, A] rows that may go on thinking: not pruned, and their question hit no limit."""
        hit = np.isin(self.questions, list(self.log.hits))
        found: np.ndarray = self.alive & ~hit[:, None]
        return found

    @property
    def own(self) -> np.ndarray:
        """[B, A] cached positions of each row's own."""
        return (self.cursor.position - self.prompt_lengths[:, None]).astype(np.int64)

    def restart(self, first_attempt: int, rows: np.ndarray) -> None:
        """New attempts at the same prompts, whose cache is kept: of `rows` alone."""
        attempts = self.alive.shape[1]
        self.first_attempt = first_attempt
        keys = self.engine.keys(self.asked.numbers, attempts, first_attempt)
        nothing = jnp.zeros(self.alive.shape, jnp.int32)
        self.rows = forget(replace(self.rows, keys=keys), nothing, jnp.int32(0))
        self._start(attempts)
        self.alive &= rows

    def stretch(
        self,
        phase: str,
        budget: int | np.ndarray,
        endings: Endings,
        sampler: Sampler,
        rows: np.ndarray,
        given: np.ndarray | None = None,
        heeds_limit: bool = True,
    ) -> np.ndarray:
        """Let `rows` speak until something ends each: at most `budget` (or [B, A]) tokens more.

        `given` [B, A] are the first tokens to say where logits are at hand. Returns what stopped
        each row, [B, A] Stop (THINKING for rows that had no part).
        """
        engine = self.engine
        left = np.broadcast_to(budget, rows.shape).astype(np.int32)
        self.cursor = replace(
            self.cursor,
            left=left,
            recent=self.trace.recent(engine.wording.longest_ending),
            active=rows & (left > 0),
            stop=np.where(rows & (left <= 0), Stop.BUDGET, Stop.THINKING).astype(np.int32),
        )
        self._halt(heeds_limit)
        with self.during(phase):
            self._begin(endings, sampler, given)
            while self.cursor.active.any():
                passes = min(engine.passes_per_call, self.room(1))
                before = self.own
                self.rows, cursor, said, done = decode(
                    engine.model, self.rows, self.cursor, jnp.int32(passes), endings, sampler,
                    engine.passes_per_call,
                )  # fmt: skip
                self.cursor = jax.tree.map(np.array, cursor)
                self._add(said)
                read = np.asarray(said.read)[: int(done)].astype(np.int64)
                own = before + np.cumsum(read, axis=0) - read
                self.note_rows(phase, read, own, heads=read, forced=np.zeros_like(read), slots=1)
                self._halt(heeds_limit)
        found: np.ndarray = self.cursor.stop
        return found

    @contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """As the engine's; what the rows still wait for when it begins is not the phase's."""
        if self.engine.observer is not None:
            jax.block_until_ready((self.rows, self.logits))
        with self.engine.during(phase):
            yield

    def room(self, needed: int) -> int:
        """Slots that are free, after making room for at least `needed`."""
        slots = self.rows.cache.positions.shape[2]
        free = slots - int(self.rows.slot)
        if free >= needed:
            return free
        wider = up_to_step(max(slots + needed - free, slots * 5 // 4))
        self.rows = grow(self.rows, wider - slots)
        return free + wider - slots

    def note(self, record: PassRecord) -> None:
        """Put `record` in the log, and tell the observer and the limit."""
        self.log.records.append(record)
        if self.engine.observer is not None:
            jax.block_until_ready((self.rows, self.logits))
            at_work = int(self.cursor.active.sum())
            self.engine.observer.advanced(record.phase, record.passes, at_work)
        if self.engine.limit is not None:
            names = self.engine.limit(record)
            for question, name in zip(record.questions, names, strict=True):
                if name is not None:
                    self.log.hits.setdefault(int(question), name)

    def note_rows(
        self, phase: str, tokens: np.ndarray, own: np.ndarray, heads: np.ndarray,
        forced: np.ndarray, slots: int, copied: np.ndarray | None = None, model: str | None = None,
    ) -> None:  # fmt: skip
        """Note passes over the rows; arrays are [N, B, A]. `model` is the engine's by default."""
        record = PassRecord(
            phase=phase,
            model=model or self.engine.name,
            questions=self.questions,
            prompt=self.prompt_lengths.astype(np.int64),
            own=own,
            tokens=tokens,
            heads=heads,
            forced=forced,
            copied=np.zeros_like(tokens) if copied is None else copied,
            branches=self.branches.copy(),
            slots=slots,
        )
        self.note(record)

    def _begin(self, endings: Endings, sampler: Sampler, given: np.ndarray | None) -> None:
        """Say the first token of active rows whose logits are at hand."""
        now = self.cursor.active & self.fresh
        if not now.any():
            return
        waiting = self.cursor.active & ~now
        first = np.full(now.shape, EMPTY, np.int32) if given is None else given
        cursor, said = begin(
            self.rows.keys, replace(self.cursor, active=now), self.logits, first, endings, sampler
        )
        cursor = jax.tree.map(np.array, cursor)
        self.cursor = replace(cursor, active=cursor.active | waiting)
        self.fresh &= ~now
        self._add(said)

    def _add(self, said: Said) -> None:
        token, logprob, margin = map(np.asarray, (said.token, said.logprob, said.margin))
        for column in zip(token, logprob, margin, strict=True):
            self.trace.add(column[0] != EMPTY, *column)

    def _halt(self, heeds_limit: bool) -> None:
        """End the stretch of rows whose question has hit a limit."""
        halted = self.cursor.active & ~self.open
        if heeds_limit and halted.any():
            stop = np.where(halted, np.int32(Stop.LIMIT), self.cursor.stop)
            self.cursor = replace(self.cursor, active=self.cursor.active & ~halted, stop=stop)


def open_session(
    engine: Engine,
    questions: Questions,
    attempts: int,
    log: PassLog | None = None,
    first_attempt: int = 0,
    phase: str = "prefill",
    forced: tuple[int, ...] = (),
    present: np.ndarray | None = None,
    roots: np.ndarray | None = None,
    scored: bool = True,
) -> Session:
    """Read the prompts of `questions`, once for all `attempts` at each, in one pass of `phase`.

    `forced` tokens follow every prompt in the same pass and are said by every attempt. Questions
    that are not `present` [B] have idle rows. `first_attempt` numbers the attempts. `roots` [B, 1]
    are the branches that this pass works for, new ones by default. Where the prompts are read for
    their cache alone, and not for what follows them, they are not `scored`.

    Raises ModelInputError for an empty prompt or one that does not fit the model's context.
    """
    lengths = np.array([len(prompt) for prompt in questions.prompts])
    _require(engine, lengths)
    B = len(lengths)
    log = PassLog() if log is None else log
    taking_part = np.ones(B, bool) if present is None else present
    slots = up_to_step(max(int(lengths.max()), engine.prompt_slots) + len(forced))
    padded = np.zeros((B, slots), np.int32)
    for row, prompt in zip(padded, questions.prompts, strict=True):
        row[: len(prompt) + len(forced)] = [*prompt, *forced]
    read = lengths + len(forced)
    roots = log.new_branches(np.full((B, 1), ROOT)) if roots is None else roots
    keys = engine.keys(questions.numbers, attempts, first_attempt)
    with engine.during(phase):
        cache, logits = read_prompts(engine.model, jnp.asarray(padded), jnp.asarray(read))
        session = Session(
            engine=engine,
            log=log,
            asked=questions,
            first_attempt=first_attempt,
            present=taking_part,
            prompt_lengths=read,
            forced=forced,
            prompt_logits=logits,
            roots=roots,
            rows=Rows(
                cache=share(cache, attempts, up_to_step(engine.longest)),
                keys=keys,
                slot=jnp.int32(0),
            ),
        )
        tokens = np.where(taking_part, read, 0)[None, :, None]
        session.note(_record(session, phase, tokens, scored, slots))
    return session


def _record(
    session: Session, phase: str, tokens: np.ndarray, scored: bool, slots: int
) -> PassRecord:
    none, read = np.zeros_like(tokens), tokens > 0
    return PassRecord(
        phase=phase,
        model=session.engine.name,
        questions=session.questions,
        prompt=np.zeros(tokens.shape[1], np.int64),
        own=none,
        tokens=tokens,
        heads=(read & scored).astype(np.int64),
        forced=np.where(read, len(session.forced), 0),
        copied=none,
        branches=session.roots,
        slots=slots,
    )


def _require(engine: Engine, lengths: np.ndarray) -> None:
    if not lengths.size or lengths.min() == 0:
        raise ModelInputError("a prompt has no tokens: give each prompt at least one word")
    if not engine.fits(int(lengths.max())):
        raise ModelInputError(
            f"a prompt of {lengths.max()} tokens with a thought and an answer of up to "
            f"{engine.longest} does not fit {engine.model.config.name}'s context of "
            f"{engine.model.config.context_length}: shorten the prompt or lower the budget"
        )
