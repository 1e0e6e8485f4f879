"""Thinking and answering: the stretches that every strategy is made of, and what came of them."""

from collections.abc import Sequence

import numpy as np

from ..sampling import Sampler
from .attempt import Attempt, Fate, Stop
from .decode_loop import ANY, NEVER, Endings
from .session import Session
from .session_edits import force
from .stopping import Wording


def think(
    session: Session,
    sampler: Sampler,
    rows: np.ndarray | None = None,
    budget: int | np.ndarray | None = None,
    steps: bool = False,
    given: np.ndarray | None = None,
    phase: str = "think",
) -> np.ndarray:
    """Let `rows` (default: all that are open) think on; returns Stop [B, A].

    A thought ends at a marker, at an end token (which is not said), at the think budget over all
    its stretches, or after `budget` tokens more; with `steps`, at the end of a step as well,
    which stops it like a budget.
    """
    wording = session.engine.wording
    taking_part = session.open if rows is None else rows & session.open
    left = wording.rules.think_budget - session.trace.length
    allowed = left if budget is None else np.minimum(left, budget)
    endings = endings_of(wording, thinking=True, steps=steps)
    stop = session.stretch(phase, allowed, endings, sampler, taking_part, given)
    if steps:
        ended = said_ending(session, wording.rules.markers) > 0
        stop = np.where((stop == Stop.MARKER) & ~ended, Stop.BUDGET, stop)
    return stop


def conclude(session: Session, stop: np.ndarray, phase: str = "think") -> None:
    """Force the cue on thoughts that did not end by themselves in a marker."""
    open_ended = session.alive & (stop != Stop.MARKER)
    force(session, session.engine.wording.rules.cue, phase, open_ended)


def answer(
    session: Session, sampler: Sampler, rows: np.ndarray | None = None, phase: str = "answer"
) -> None:
    """Let `rows` (default: all that are not pruned) answer. No limit cuts an answer short."""
    wording = session.engine.wording
    endings = endings_of(wording, thinking=False)
    taking_part = session.alive if rows is None else rows
    session.stretch(
        phase, wording.rules.answer_budget, endings, sampler, taking_part, heeds_limit=False
    )


def think_and_answer(
    session: Session,
    sampler: Sampler,
    given: np.ndarray | None = None,
    phase: str = "think",
) -> list[list[Attempt]]:
    """A whole thought, its cue where needed, and an answer, in every row that is not pruned."""
    stop = think(session, sampler, given=given, phase=phase)
    stop = np.where(stop == Stop.THINKING, Stop.LIMIT, stop)  # hit before the first token
    conclude(session, stop, phase)
    thought = session.trace.length.copy()
    answer(session, sampler)
    return attempts_of(session, thought, stop)


def endings_of(wording: Wording, thinking: bool, steps: bool = False) -> Endings:
    """What ends a thought, or an answer, or a step; always of one shape."""
    M, known = wording.longest_ending, wording.rules.markers + wording.steps
    markers = np.full((len(known), M), NEVER, np.int32)
    ends = wording.rules.markers * thinking + wording.steps * steps
    for row, marker in zip(markers, ends, strict=False):
        row[:] = (*[ANY] * (M - len(marker)), *marker)
    end_tokens = np.array(wording.rules.end_tokens, np.int32)
    return Endings(markers, end_tokens, keeps_end=np.array(not thinking))


def said_ending(session: Session, endings: Sequence[Sequence[int]]) -> np.ndarray:
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
    """One row as an attempt; one without an answer is a discarded one."""
    wording, trace = session.engine.wording, session.trace
    said = trace.said(b, a)
    answered = [t for t in said[thought:] if t not in wording.rules.end_tokens]
    span = wording.span(answered)
    n = len(said)
    return Attempt(
        question=int(session.questions[b]),
        index=session.first_attempt + int(a),
        thought=tuple(said[:thought]),
        answer=tuple(said[thought:]),
        text=wording.decode(answered),
        extracted=wording.extract(answered),
        span=None if span is None else (thought + span[0], thought + span[1]),
        stop=stop,
        logprobs=trace.logprobs[b, a, :n].copy(),
        margins=trace.margins[b, a, :n].copy(),
        forced=trace.forced[b, a, :n].copy(),
        fate=Fate.DISCARDED if n == thought else Fate.KEPT,
    )
