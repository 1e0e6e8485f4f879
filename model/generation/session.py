"""Session: the rows of a batch, whose prompts are read once for all attempts at each, taken further
by whatever a strategy asks for.

Every method that runs the model notes its passes in the log. Masks `rows` are [B, A] bool.
Axis letters as in `config`; N passes of one call, T positions of one pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ..config import ModelInputError
from ..kv_cache import EMPTY
from ..phases import PREFILL
from ..sampling import Sampler
from .attempt import Trace
from .decode_loop import (
    NOT_FORCED,
    Cursor,
    Endings,
    Rows,
    begin,
    decode,
    fresh_cursor,
    grow,
    read_prompts,
    truncate,
)
from .engine import Engine, Questions, up_to_step
from .pass_log import ROOT, PassLog, PassRecord
from .stopping import Stop, require_context


@dataclass
class Session:
    """Attempts at a batch of prompts that are read already. Opened by `open_session`."""

    engine: Engine
    log: PassLog
    batch: Questions
    first_attempt: int
    present: np.ndarray  # [B] bool: questions that take part
    prompt_lengths: np.ndarray  # [B] tokens in the shared cache, `forced` included
    forced: tuple[int, ...]  # said by every attempt in the prompt's own pass
    prompt_logits: Array  # [B, 1, V] of what follows the prompt
    roots: np.ndarray  # [B, 1] the branch that prefill worked on
    rows: Rows
    figures: bool  # whether each token's log-probability and margin are found
    filled: int = 0  # slots of the rows in use, as `rows.slot`
    questions: np.ndarray = field(init=False)  # [B] the number of each in the workload
    cursor: Cursor = field(init=False)
    trace: Trace = field(init=False)
    logits: Array = field(init=False)  # [B, A or 1, V], meaningful where `fresh`
    fresh: np.ndarray = field(init=False)  # [B, A] bool: the next token's logits are at hand
    branches: np.ndarray = field(init=False)  # [B, A]
    alive: np.ndarray = field(init=False)  # [B, A] bool: not pruned

    def __post_init__(self) -> None:
        self.questions = np.array(self.batch.numbers)
        self._start(self.rows.keys.shape[1])

    def _start(self, attempts: int) -> None:
        B, shape = len(self.prompt_lengths), (len(self.prompt_lengths), attempts)
        self.trace = Trace.empty(*shape, room=max(16, self.engine.rules.longest))
        said = np.array(self.forced, np.int32)[:, None, None]
        self.trace.add_passes(np.broadcast_to(said, (len(self.forced), *shape)), None, None)
        self.trace.mark_forced(self.trace.length)
        looks_back = self.engine.answer_format.longest_ending
        cursor = fresh_cursor(self.prompt_lengths.astype(np.int32), attempts, looks_back)
        self.cursor = replace(cursor, emitted=self.trace.length.astype(np.int32))
        self.logits = self.prompt_logits
        self.fresh = np.ones(shape, bool)
        self.alive = np.broadcast_to(self.present[:, None], shape).copy()
        self.branches = self.log.new_branches(np.broadcast_to(self.roots, (B, attempts)))

    @property
    def open(self) -> np.ndarray:
        """[B, A] rows that may go on thinking: not pruned, and their question hit no limit."""
        if not self.log.hits:
            return self.alive.copy()
        hit = np.isin(self.questions, list(self.log.hits))
        still: np.ndarray = self.alive & ~hit[:, None]
        return still

    @property
    def own(self) -> np.ndarray:
        """[B, A] cached positions of each row's own."""
        return (np.asarray(self.cursor.position) - self.prompt_lengths[:, None]).astype(np.int64)

    def restart(self, first_attempt: int, rows: np.ndarray) -> None:
        """New attempts at the same prompts, whose cache is kept: of `rows` alone."""
        attempts = self.alive.shape[1]
        self.first_attempt = first_attempt
        self.rows = replace(
            self.rows, keys=self.engine.keys(self.batch.numbers, attempts, first_attempt)
        )
        self.truncate(np.zeros(self.alive.shape, np.int32), 0)
        self._start(attempts)
        self.alive &= rows

    def truncate(self, keep: np.ndarray, slot: int | None = None) -> None:
        """Empty the slots that hold positions from `keep` [B, A] on; `slot` is filled next, by
        default the one that is next now."""
        self.filled = self.filled if slot is None else slot
        self.rows = truncate(self.rows, jnp.asarray(keep, jnp.int32), jnp.int32(self.filled))

    def decode_until(
        self,
        phase: str,
        budget: int | np.ndarray,
        endings: Endings,
        sampler: Sampler,
        rows: np.ndarray,
        given: np.ndarray | None = None,
        heeds_limit: bool = True,
        loop: "Loop | None" = None,
    ) -> np.ndarray:
        """Let `rows` speak until something ends each: at most `budget` (or [B, A]) tokens more.

        `given` [B, A] are the first tokens to say where logits are at hand; `loop` says the others
        by another loop than a token a pass. Returns what stopped each row, [B, A] Stop (THINKING
        for rows that had no part).
        """
        left = np.broadcast_to(budget, rows.shape).astype(np.int32)
        goes = rows & ((left > 0) | (endings.cue_tokens > 0))
        self.cursor = replace(
            self.cursor,
            left=left,
            recent=self.trace.recent(self.engine.answer_format.longest_ending),
            active=goes,
            forced=np.full(rows.shape, NOT_FORCED, np.int32),
            stop=np.where(rows & ~goes, Stop.BUDGET, Stop.THINKING).astype(np.int32),
        )
        self.halt(heeds_limit)
        with self.during(phase):
            self._begin(endings, sampler, given)
            if loop is None:
                self._decode(phase, endings, sampler, heeds_limit)
            else:
                loop(self, endings, sampler, heeds_limit)
        return np.asarray(self.cursor.stop)

    def _begin(self, endings: Endings, sampler: Sampler, given: np.ndarray | None) -> None:
        """Say the first token of active rows whose logits are at hand."""
        now = self.cursor.active & self.fresh
        if not now.any():
            return
        waiting = self.cursor.active & ~now
        first = np.full(now.shape, EMPTY, np.int32) if given is None else given
        cursor, emitted = begin(
            self.rows.keys, replace(self.cursor, active=now), self.logits, first, endings,
            sampler, self.figures,
        )  # fmt: skip
        cursor, emitted = jax.device_get((cursor, emitted))
        self.cursor = replace(cursor, active=cursor.active | waiting)
        self.fresh &= ~now
        self.trace.add_passes(emitted.token, emitted.logprob, emitted.margin)

    def _decode(self, phase: str, endings: Endings, sampler: Sampler, heeds_limit: bool) -> None:
        """Call the loop until no row is active. The cursor stays on the device between calls; what
        the host needs of it follows from the tokens."""
        engine, cursor = self.engine, self.cursor
        forced = np.maximum(cursor.forced, 0)  # [B, A] tokens of the cue that are said
        uncounted = forced  # said in no pass
        while self.cursor.active.any():
            passes = engine.passes_per_call
            limit = min(passes, self.room(1))
            before = self.own
            self.rows, cursor, emitted, done = decode(
                engine.model, self.rows, cursor, limit, endings, sampler, passes, self.figures
            )
            active, cued, emitted, made = jax.device_get(
                (cursor.active, cursor.forced, emitted, done)
            )
            self.filled += int(made)
            self.trace.add_passes(
                emitted.token, emitted.logprob, emitted.margin
            )  # EMPTY beyond `made`
            read = (emitted.token[:done] != EMPTY).astype(np.int64)
            cued = np.maximum(cued, 0)
            given = _last(read, cued - forced)
            given[0] += uncounted
            forced, uncounted = cued, np.zeros_like(cued)
            position = (self.cursor.position + read.sum(axis=0)).astype(np.int32)
            self.cursor = replace(self.cursor, active=active, position=position)
            own = before + np.cumsum(read, axis=0) - read
            self.note_rows(phase, read, own, heads=read, forced=given, slots=1)
            if heeds_limit and (self.cursor.active & ~self.open).any():
                self.cursor = jax.device_get(cursor)
                self.halt(heeds_limit)
                cursor = self.cursor
        self.cursor = jax.device_get(cursor)
        self.trace.mark_forced(forced)
        if np.any(uncounted):
            none = np.zeros((1, *forced.shape), np.int64)
            self.note_rows(phase, none, none, none, forced=none + uncounted, slots=0)

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
        free = slots - self.filled
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
        record = PassRecord.of(
            phase, self.prompt_lengths.astype(np.int64), own, tokens, heads, forced, copied,
            self.questions, self.branches, slots, model or self.engine.name,
        )  # fmt: skip
        self.note(record)

    def halt(self, heeds_limit: bool) -> None:
        """End the stretch of rows whose question has hit a limit."""
        halted = self.cursor.active & ~self.open
        if heeds_limit and halted.any():
            stop = np.where(halted, np.int32(Stop.LIMIT), self.cursor.stop)
            self.cursor = replace(self.cursor, active=self.cursor.active & ~halted, stop=stop)


class Loop(Protocol):
    """Lets active rows of a session, whose first tokens are said, speak until none is active."""

    def __call__(
        self, session: Session, endings: Endings, sampler: Sampler, heeds_limit: bool
    ) -> None:
        """Leaves cursor, trace and log as they are then."""


def _last(read: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[N, B, A] 1 in the last `counts` [B, A] of the passes that each row took part in."""
    index = np.cumsum(read, axis=0) - read
    taken: np.ndarray = read * (index >= read.sum(axis=0) - counts)
    return taken


def open_session(
    engine: Engine,
    questions: Questions,
    attempts: int,
    log: PassLog | None = None,
    first_attempt: int = 0,
    phase: str = PREFILL,
    forced: tuple[int, ...] = (),
    present: np.ndarray | None = None,
    roots: np.ndarray | None = None,
    scored: bool = True,
    figures: bool = False,
) -> Session:
    """Read the prompts of `questions`, once for all `attempts` at each, in one pass of `phase`.

    `forced` tokens follow every prompt in the same pass and are said by every attempt. Questions
    that are not `present` [B] have idle rows. `first_attempt` numbers the attempts. `roots` [B, 1]
    are the branches that this pass works for, new ones by default. Where the prompts are read for
    their cache alone, and not for what follows them, they are not `scored`. With `figures` the
    session finds how likely each token was, as it does where the engine wants it.

    Raises ModelInputError for an empty prompt or one that does not fit the model's context.
    """
    lengths = np.array([len(prompt) for prompt in questions.prompts])
    _require(engine, lengths)
    B = len(lengths)
    log = PassLog() if log is None else log
    taking_part = np.ones(B, bool) if present is None else present
    slots = engine.padded(int(lengths.max()), len(forced))
    padded = np.zeros((B, slots), np.int32)
    for row, prompt in zip(padded, questions.prompts, strict=True):
        row[: len(prompt) + len(forced)] = [*prompt, *forced]
    read = lengths + len(forced)
    roots = log.new_branches(np.full((B, 1), ROOT)) if roots is None else roots
    keys = engine.keys(questions.numbers, attempts, first_attempt)
    with engine.during(phase):
        rows, logits = read_prompts(
            engine.model, jnp.asarray(padded), jnp.asarray(read), keys, engine.own_slots
        )
        session = Session(
            engine=engine,
            log=log,
            batch=questions,
            first_attempt=first_attempt,
            present=taking_part,
            prompt_lengths=read,
            forced=forced,
            prompt_logits=logits,
            roots=roots,
            rows=rows,
            figures=figures or engine.figures,
        )
        tokens = np.where(taking_part, read, 0)[None, :, None]
        session.note(_record(session, phase, tokens, scored, slots))
    return session


def _record(
    session: Session, phase: str, tokens: np.ndarray, scored: bool, slots: int
) -> PassRecord:
    read = tokens > 0
    return PassRecord.of(
        phase,
        prompt=np.zeros(tokens.shape[1], np.int64),
        own=np.zeros_like(tokens),
        tokens=tokens,
        heads=(read & scored).astype(np.int64),
        forced=np.where(read, len(session.forced), 0),
        questions=session.questions,
        branches=session.roots,
        slots=slots,
        model=session.engine.name,
    )


def _require(engine: Engine, lengths: np.ndarray) -> None:
    if not lengths.size or lengths.min() == 0:
        raise ModelInputError("a prompt has no tokens: give each prompt at least one word")
    require_context(engine.model.config, int(lengths.max()), engine.rules)
