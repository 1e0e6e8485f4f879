"""Thinking and answering: the parts of every strategy's run, and the attempts that result."""

from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from ..phases import ANSWER, THINK
from ..sampling import Sampler
from .attempt import Attempt, Fate
from .decode_loop import ANY, NEVER, NOT_FORCED, Endings
from .engine import Engine, Questions
from .session import Loop, Session, open_session
from .stopping import AnswerFormat, Stop


def think(
    session: Session,
    sampler: Sampler,
    rows: np.ndarray | None = None,
    budget: int | np.ndarray | None = None,
    steps: bool = False,
    given: np.ndarray | None = None,
    phase: str = THINK,
    loop: Loop | None = None,
) -> np.ndarray:
    """Let `rows` (default: all that are open) think on; returns Stop [B, A].

    A thought ends at a marker, at an end token (which is not said), at the think budget over all
    its stretches, or after `budget` tokens more; with `steps`, at the end of a step as well,
    which stops it like a budget. On a lean engine a whole thought's cue is said as it ends.
    """
    engine = session.engine
    taking_part = session.open if rows is None else rows & session.open
    left = engine.rules.think_budget - session.trace.length
    allowed = left if budget is None else np.minimum(left, budget)
    cued = engine.lean and budget is None and not steps and loop is None
    endings = endings_of(engine.answer_format, thinking=True, steps=steps, cued=cued)
    stop = session.decode_until(phase, allowed, endings, sampler, taking_part, given, loop=loop)
    if steps:
        ended = emitted_ending(session, engine.rules.markers) > 0
        stop = np.where((stop == Stop.MARKER) & ~ended, Stop.BUDGET, stop)
    return stop


def conclude(session: Session, stop: np.ndarray, phase: str = THINK) -> None:
    """Force the cue on thoughts that ended neither in a marker nor in the cue."""
    cued = session.cursor.forced != NOT_FORCED
    open_ended = session.alive & (stop != Stop.MARKER) & ~cued
    if open_ended.any():
        from .session_edits import feed  # which a lean engine's attempts do not need

        feed(session, session.engine.rules.cue, phase, open_ended)


def answer(
    session: Session, sampler: Sampler, rows: np.ndarray | None = None, phase: str = ANSWER
) -> None:
    """Let `rows` (default: all that are not pruned) answer. No limit cuts an answer short."""
    engine = session.engine
    endings = endings_of(engine.answer_format, thinking=False)
    taking_part = session.alive if rows is None else rows
    session.decode_until(
        phase, engine.rules.answer_budget, endings, sampler, taking_part, heeds_limit=False
    )


def think_and_answer(
    session: Session, sampler: Sampler, given: np.ndarray | None = None, phase: str = THINK,
    loop: Loop | None = None, looped: str | None = None,
) -> list[list[Attempt]]:  # fmt: skip
    """A whole thought, its cue where needed, and an answer, in every row that is not pruned; what
    a `loop` thinks is of the phase `looped`."""
    stop = think(session, sampler, given=given, phase=looped or phase, loop=loop)
    stop = np.where(stop == Stop.THINKING, Stop.LIMIT, stop)  # hit before the first token
    conclude(session, stop, phase)
    thought = session.trace.length.copy()
    answer(session, sampler)
    return attempts_of(session, thought, stop)


def generate(
    engine: Engine, questions: Questions, sampler: Sampler, attempts: int
) -> list[Attempt]:
    """Think and answer `attempts` times on each of `questions`; attempts come ordered by question.
    Raises ModelInputError for an empty prompt or one that does not fit the model's context."""
    session = open_session(engine, questions, attempts)
    return [attempt for row in think_and_answer(session, sampler) for attempt in row]


def warm_up(
    engine: Engine, questions: Questions, sampler: Sampler, attempts: int, figures: bool = False
) -> None:
    """Compile and run once each program that `generate` uses for questions of this size."""
    session = open_session(engine, questions, attempts, figures=figures)
    endings = endings_of(engine.answer_format, thinking=True)
    endless = replace(
        endings,
        markers=np.full_like(endings.markers, NEVER),
        end_tokens=np.full_like(endings.end_tokens, NEVER),
    )
    session.decode_until(THINK, 2, endless, sampler, session.alive)
    jax.block_until_ready(session.rows)


def endings_of(
    answer_format: AnswerFormat, thinking: bool, steps: bool = False, cued: bool = False
) -> Endings:
    """What ends a thought, with its cue or without, or an answer, or a step: all of one shape."""
    rules = answer_format.rules
    M, endings = answer_format.longest_ending, rules.markers + answer_format.steps
    markers = np.full((len(endings), M), NEVER, np.int32)
    ends = rules.markers * thinking + answer_format.steps * steps
    for row, marker in zip(markers, ends, strict=False):
        row[:] = (*[ANY] * (M - len(marker)), *marker)
    return Endings(
        markers=markers,
        end_tokens=np.array(rules.end_tokens, np.int32),
        keeps_end=np.array(not thinking),
        cue=np.array(rules.cue, np.int32),
        cue_tokens=np.array(len(rules.cue) * cued, np.int32),
    )


def emitted_ending(session: Session, endings: Sequence[Sequence[int]]) -> np.ndarray:
    """[B, A] length of the longest of `endings` that each row's last tokens spell; 0 for none."""
    longest = np.zeros(session.alive.shape, np.int64)
    for ending in endings:
        last = session.trace.recent(len(ending))
        longest = np.where(
            (last == np.array(ending)).all(axis=-1), np.maximum(longest, len(ending)), longest
        )
    return longest


def attempts_of(session: Session, thought: np.ndarray, stop: np.ndarray) -> list[list[Attempt]]:
    """The attempts of rows that are not pruned, question by question; their branches are kept.

    `thought` [B, A] is the number of tokens before the answer.
    """
    session.log.keep(session.branches[session.alive])
    return [
        [
            attempt_of(session, b, int(a), int(thought[b, a]), Stop(int(stop[b, a])))
            for a in np.flatnonzero(session.alive[b])
        ]
        for b in range(len(session.alive))
    ]


def attempt_of(session: Session, b: int, a: int, thought: int, stop: Stop) -> Attempt:
    """One row as an attempt; one without an answer is a discarded one. Where the answer's tokens
    lie is looked for only where their figures are known."""
    form, trace = session.engine.answer_format, session.trace
    emitted = trace.emitted(b, a)
    answered = [t for t in emitted[thought:] if t not in form.rules.end_tokens]
    span = form.span(answered) if session.figures else None
    n = len(emitted)
    return Attempt(
        question=int(session.questions[b]),
        index=session.first_attempt + int(a),
        thought=tuple(emitted[:thought]),
        answer=tuple(emitted[thought:]),
        text=form.decode(answered),
        extracted=form.extract(answered),
        span=None if span is None else (thought + span[0], thought + span[1]),
        stop=stop,
        logprobs=trace.logprobs[b, a, :n].copy(),
        margins=trace.margins[b, a, :n].copy(),
        forced=trace.forced[b, a, :n].copy(),
        fate=Fate.DISCARDED if n == thought else Fate.KEPT,
        after_cue=form.after_cue,
    )
