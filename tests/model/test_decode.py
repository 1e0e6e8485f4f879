"""Decoding in phases, against a decoder that shares nothing, caches nothing and loops in Python."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from rooflink.model.config import ModelInputError
from rooflink.model.generation.attempt import Attempt
from rooflink.model.generation.stopping import Stop, ThoughtRules, require_context
from rooflink.model.sampling import Greedy, Sampler, Temperature
from rooflink.model.tasks.answers import final_answer

from ..support.generation import attempts_at
from .references.families import VOCAB, token_sequence
from .references.models import family_model, last_logits

ROOM = 64
"""Positions of the reference decoder's passes: prompt, thought and answer fit."""

MODEL = family_model("llama3-scaled")
PROMPTS = [token_sequence(length, seed=length).tolist() for length in (9, 4, 1)]
CUE = (11, 12)
NEVER = ((VOCAB,),)
FREE = ThoughtRules(think_budget=24, answer_budget=5, markers=NEVER, cue=CUE, end_tokens=())
NUCLEUS = Temperature(0.9, top_k=40, top_p=0.95)


@partial(jax.jit, static_argnames="sampler")
def draw_token(key: Array, n: int, logits: Array, sampler: Sampler) -> Array:
    uniform = jax.random.uniform(jax.random.fold_in(key, n))
    return sampler.sample(logits[None], uniform[None])[0]


def decode_plainly(
    prompt: Sequence[int],
    index: int,
    attempt: int,
    rules: ThoughtRules,
    sampler: Sampler,
    seed: int = 0,
) -> Attempt:
    """What generation promises for one attempt, every token from a pass over all before it."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), index), attempt)

    def following(said: list[int]) -> int:
        logits = jnp.asarray(last_logits(MODEL, [*prompt, *said], ROOM))
        return int(draw_token(key, len(said), logits, sampler))

    thought: list[int] = []
    while True:
        token = following(thought)
        if token in rules.end_tokens or len(thought) == rules.think_budget:
            ended = token in rules.end_tokens
            stop = Stop.END_OF_SEQUENCE if ended else Stop.BUDGET
            forced = len(rules.cue)
            thought += rules.cue
            break
        thought.append(token)
        if any(tuple(thought[-len(marker) :]) == marker for marker in rules.markers):
            stop, forced = Stop.MARKER, 0
            break

    answer: list[int] = []
    while len(answer) < rules.answer_budget:
        answer.append(following(thought + answer))
        if answer[-1] in rules.end_tokens:
            break
    said = tuple(thought), tuple(answer)
    marks = np.arange(len(thought) + len(answer))
    marks = (marks < len(thought)) & (marks >= len(thought) - forced)
    text = " ".join(str(token) for token in answer if token not in rules.end_tokens)
    found = final_answer(text)
    extracted = found.answer if found else None
    return Attempt(index, attempt, *said, stop, text=text, extracted=extracted, forced=marks)


def plainly(rules: ThoughtRules, sampler: Sampler, attempts: int, seed: int = 0) -> list[Attempt]:
    return [
        decode_plainly(prompt, index, attempt, rules, sampler, seed)
        for index, prompt in enumerate(PROMPTS)
        for attempt in range(attempts)
    ]


@pytest.fixture(scope="module")
def mixed_rules() -> ThoughtRules:
    """Rules under which some sampled attempts end by each reason, at different times."""
    free = [attempt.thought for attempt in plainly(FREE, NUCLEUS, attempts=4)]
    return replace(FREE, markers=((free[2][7],), free[3][3:6]), end_tokens=(free[8][7], VOCAB + 1))


def test_attempts_equal_separate_plain_runs(mixed_rules: ThoughtRules) -> None:
    """Four attempts over one shared prompt cache, for three prompts of unequal lengths, say token
    for token what each says by itself: thoughts by marker, end of sequence and budget, answers
    after idle gaps included."""
    attempts = attempts_at(MODEL, PROMPTS, mixed_rules, NUCLEUS, attempts=4)
    expected = plainly(mixed_rules, NUCLEUS, attempts=4)
    assert attempts == expected
    assert [a.forced_tokens for a in attempts] == [a.forced_tokens for a in expected]

    assert {attempt.stop for attempt in attempts} == {
        Stop.MARKER,
        Stop.BUDGET,
        Stop.END_OF_SEQUENCE,
    }
    for first in (0, 4, 8):
        lengths = [len(attempt.thought) for attempt in attempts[first : first + 4]]
        assert max(lengths) - min(lengths) > 20, "no idle gap to speak of"
    assert mixed_rules.markers[1] in {attempt.thought[-3:] for attempt in attempts}
    assert len({attempt.thought for attempt in attempts}) == len(attempts)
    assert len({len(attempt.answer) for attempt in attempts}) > 1


@pytest.mark.parametrize("index", range(3))
def test_batch_equals_its_rows(mixed_rules: ThoughtRules, index: int) -> None:
    """A prompt gives the same attempts alone as in a batch, told its index in the workload."""
    batch = attempts_at(MODEL, PROMPTS, mixed_rules, NUCLEUS, attempts=4)
    alone = attempts_at(
        MODEL,
        [PROMPTS[index]],
        mixed_rules,
        NUCLEUS,
        attempts=4,
        first_index=index,
        prompt_slots=9,
    )
    assert alone == batch[4 * index : 4 * index + 4]


def test_seed_decides(mixed_rules: ThoughtRules) -> None:
    """The same seed says the same again; another says what the plain decoder says with it."""
    run = partial(attempts_at, MODEL, PROMPTS, mixed_rules, NUCLEUS, attempts=4)
    assert run(seed=0) == run(seed=0)
    other = run(seed=1)
    assert other == plainly(mixed_rules, NUCLEUS, attempts=4, seed=1)
    assert all(a.thought != b.thought for a, b in zip(run(seed=0), other, strict=True))


def greedy_tokens(said: Sequence[int], count: int) -> tuple[int, ...]:
    """The `count` likeliest tokens after the first prompt and `said`."""
    tokens = list(said)
    for _ in range(count):
        tokens.append(int(last_logits(MODEL, [*PROMPTS[0], *tokens], ROOM).argmax()))
    return tuple(tokens[len(said) :])


SAID = greedy_tokens((), 30)
"""What the model says greedily after the first prompt; tests take marker and end ids from it."""


def once(rules: ThoughtRules) -> Attempt:
    """One greedy attempt at the first prompt, also checked against the plain decoder."""
    (attempt,) = attempts_at(MODEL, PROMPTS[:1], rules, Greedy(), attempts=1)
    assert attempt == decode_plainly(PROMPTS[0], 0, 0, rules, Greedy())
    return attempt


@pytest.mark.parametrize(
    ("start", "length"),
    [(7, 1), (7, 3), (0, 1), (0, 2)],
    ids=["one token", "three tokens", "the first token", "the first two tokens"],
)
def test_marker_ends_the_thought(start: int, length: int) -> None:
    """The thought ends with the marker, nothing is forced, and the answer goes on from there."""
    marker, end = SAID[start : start + length], start + length
    assert all(SAID[i : i + length] != marker for i in range(start)), "said before"
    attempt = once(replace(FREE, markers=((VOCAB, 1, 2, 3), marker)))
    assert attempt.thought == SAID[:end]
    assert attempt.answer == SAID[end : end + FREE.answer_budget]
    assert (attempt.stop, attempt.forced_tokens) == (Stop.MARKER, 0)


@pytest.mark.parametrize("at", [0, 6])
def test_end_of_sequence_forces_the_cue(at: int) -> None:
    """The end token is replaced by the cue, the answer follows the cue."""
    assert SAID[at] not in SAID[:at]
    attempt = once(replace(FREE, end_tokens=(SAID[at],)))
    assert attempt.thought == SAID[:at] + CUE
    assert (attempt.stop, attempt.forced_tokens) == (Stop.END_OF_SEQUENCE, 2)
    assert attempt.answer[0] == greedy_tokens(SAID[:at] + CUE, 1)[0]


@pytest.mark.parametrize("budget", [1, 17])
def test_budget_forces_the_cue(budget: int) -> None:
    """So many tokens are thought, then the cue is forced; 17 takes a second call of the loop."""
    attempt = once(replace(FREE, think_budget=budget))
    assert attempt.thought == SAID[:budget] + CUE
    assert (attempt.stop, attempt.forced_tokens) == (Stop.BUDGET, 2)
    assert attempt.answer == greedy_tokens(SAID[:budget] + CUE, FREE.answer_budget)


def test_marker_at_the_budget_counts_as_a_marker() -> None:
    """A thought whose last affordable token completes a marker needs no cue."""
    attempt = once(replace(FREE, think_budget=8, markers=(SAID[6:8],)))
    assert (attempt.thought, attempt.stop) == (SAID[:8], Stop.MARKER)


def test_marker_inside_the_cue_forces_on() -> None:
    """A cue that spells a marker is still forced to its end, and is not counted as said."""
    attempt = once(replace(FREE, think_budget=5, markers=(CUE[:1],)))
    assert attempt.thought == SAID[:5] + CUE
    assert (attempt.stop, attempt.forced_tokens) == (Stop.BUDGET, 2)


def test_answer_ends_at_an_end_token() -> None:
    """The end token closes the answer and is part of it."""
    said = greedy_tokens(SAID[:2] + CUE, FREE.answer_budget)
    at = next(i for i, t in enumerate(said) if i and t not in (*SAID[:3], *said[:i]))
    assert at < FREE.answer_budget - 1, "no different from the budget"
    attempt = once(replace(FREE, think_budget=2, end_tokens=(said[at],)))
    assert attempt.answer == said[: at + 1]
    assert attempt.stop is Stop.BUDGET


def test_answer_of_one_token() -> None:
    """An answer budget of 1 gives one token: the pass that reads the thought's last token."""
    attempt = once(replace(FREE, think_budget=3, answer_budget=1))
    assert attempt.answer == greedy_tokens(SAID[:3] + CUE, 1)


def test_rules_without_markers() -> None:
    """Markers may be none: budget and end tokens alone end a thought."""
    attempt = once(replace(FREE, think_budget=4, markers=()))
    assert attempt.thought == SAID[:4] + CUE


class Recorder:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.passes: dict[str, list[int]] = {"prefill": [], "think": [], "answer": []}
        self.active: dict[str, list[int]] = {"prefill": [], "think": [], "answer": []}

    def begins(self, phase: str) -> None:
        self.heard.append(("begins", phase))

    def advanced(self, phase: str, passes: int, active: int) -> None:
        assert self.heard[-1] == ("begins", phase)
        self.passes[phase].append(passes)
        self.active[phase].append(active)

    def ends(self, phase: str) -> None:
        self.heard.append(("ends", phase))


PHASES_IN_ORDER = [
    (event, phase) for phase in ("prefill", "think", "answer") for event in ("begins", "ends")
]


def test_observer_hears_phases_and_changes_nothing(mixed_rules: ThoughtRules) -> None:
    """Phases in order; as many passes as the longest thought and answer need; the same tokens.

    Prefill emits a thought's first token, so thoughts take one pass fewer than they have tokens.
    """
    recorder = Recorder()
    run = partial(attempts_at, MODEL, PROMPTS, mixed_rules, NUCLEUS, attempts=4)
    attempts = run(observer=recorder)
    assert attempts == run()

    assert recorder.heard == PHASES_IN_ORDER
    assert recorder.passes["prefill"] == [1]
    thoughts = [len(attempt.thought) for attempt in attempts]
    assert recorder.passes["think"] == [16, max(thoughts) - 1 - 16]
    assert recorder.passes["answer"] == [max(len(attempt.answer) for attempt in attempts)]
    assert recorder.active["think"] == [sum(length > 17 for length in thoughts), 0]
    assert recorder.active["answer"] == [0]


def test_observer_hears_of_a_thought_that_prefill_ends() -> None:
    """A thought of one token leaves no pass to the think phase, which still begins and ends."""
    recorder = Recorder()
    rules = replace(FREE, markers=((VOCAB, 1, 2, 3), SAID[:1]))
    attempts_at(MODEL, PROMPTS[:1], rules, Greedy(), attempts=1, observer=recorder)
    assert recorder.heard == PHASES_IN_ORDER
    assert recorder.passes == {"prefill": [1], "think": [], "answer": [FREE.answer_budget]}


@pytest.mark.parametrize("prompts", [[], [[]], [[5], []]])
def test_empty_prompt_is_refused(prompts: list[list[int]]) -> None:
    """No prompts, or one without tokens, is the user's mistake and said to be."""
    with pytest.raises(ModelInputError, match="no tokens"):
        attempts_at(MODEL, prompts, FREE, Greedy(), attempts=1)


def test_prompt_beyond_the_context_is_refused() -> None:
    """The longest prompt that fits passes; one token more is refused with both numbers."""
    context = MODEL.config.context_length
    fits = context - FREE.think_budget - len(CUE) - FREE.answer_budget
    require_context(MODEL.config, fits, FREE)
    with pytest.raises(
        ModelInputError, match=f"need {context + 1} positions.*context of {context}"
    ):
        attempts_at(MODEL, [[1], [1] * (fits + 1)], FREE, Greedy(), attempts=1)


def test_slots_hold_the_longest_attempt() -> None:
    """An attempt that uses every budget fills the last slot: all its tokens but the last."""
    rules = replace(FREE, think_budget=3, answer_budget=4)
    attempt = once(rules)
    assert len(attempt.thought) + len(attempt.answer) - 1 == rules.slots == 8
