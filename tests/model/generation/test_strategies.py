"""What every strategy promises, on a model of random weights: greedy at one attempt, the same
answers whatever the batches, caches that hold what was said, passes that are all in the log."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import jax
import numpy as np
import pytest
from generation import answer_all, tokens_read

from rooflink.model.generation.attempt import Answered, Attempt, Fate
from rooflink.model.generation.decode_loop import decode
from rooflink.model.generation.stopping import Stop, ThoughtRules
from rooflink.model.sampling import Greedy, Temperature
from rooflink.model.strategies.registry import STRATEGIES, parse_strategy
from rooflink.model.strategies.verifiers import MeanLogprob, TrunkVerifier

from ...support.generation import attempts_at
from ..references.families import VOCAB
from ..references.models import all_logits
from .languages import FREE, MODEL, PROMPTS, TokenVerifier, random_engine

NUCLEUS = Temperature(0.9, top_k=40, top_p=0.95)
NUCLEUS_WORDS = "temperature=0.9,top_k=40,top_p=0.95"
PLAIN = "temperature=0.9"

ROOM = 128
"""Positions of the plain passes that strategies are checked against."""


@cache
def mixed() -> ThoughtRules:
    """Rules under which sampled attempts end by each reason, at different times."""
    free = [a.thought for a in attempts_at(MODEL, PROMPTS, FREE, NUCLEUS, attempts=4)]
    return replace(FREE, markers=((free[2][7],), free[3][3:6]), end_tokens=(free[8][7], VOCAB + 1))


VERIFIERS = {
    "confidence": MeanLogprob(),
    "token": TokenVerifier((51, 52), 53),
    "other": TrunkVerifier(MODEL, lambda hidden: jax.nn.sigmoid(hidden.mean(-1)), "other"),
}
BUSY = {
    "direct": "direct",
    "greedy": "greedy",
    "sample": f"sample:n=4,{NUCLEUS_WORDS}",
    "cot-decoding": "cot-decoding:k=4",
    "self-consistency": f"self-consistency:n=4,{PLAIN},weighted=true",
    "best-of-n": f"best-of-n:n=4,verifier=other,{PLAIN}",
    "beam": f"beam:n=4,width=2,step=5,verifier=token,{PLAIN}",
    "revision": f"revision:revisions=2,{PLAIN}",
    "budget-forcing": f"budget-forcing:extend=2,{PLAIN}",
    "adaptive-consistency": f"adaptive-consistency:n=8,round=4,sure=0.8,{PLAIN}",
    "early-stop": f"early-stop:every=5,sure=0.25,{PLAIN}",
    "speculative": f"speculative:draft=early-exit,n=3,attempts=4,{PLAIN}",
}
"""Every strategy, set so that all of its machinery moves."""

ONE_ATTEMPT = {
    "greedy": "greedy",
    "sample": "sample:n=1,temperature=0",
    "cot-decoding": "cot-decoding:k=1",
    "self-consistency": "self-consistency:n=1,temperature=0",
    "best-of-n": "best-of-n:n=1,temperature=0,verifier=other",
    "beam": "beam:n=1,temperature=0,step=5,verifier=token",
    "revision": "revision:revisions=0",
    "budget-forcing": "budget-forcing:extend=0",
    "adaptive-consistency": "adaptive-consistency:n=1,temperature=0",
    "early-stop": "early-stop:every=5,sure=2",
    "speculative": "speculative:draft=ngram,n=3",
}
NAMES = [kind.name for kind in STRATEGIES]


@cache
def run(text: str) -> list[Answered]:
    return answer_all(parse_strategy(text, VERIFIERS), random_engine(mixed()), PROMPTS)


def words(attempts: list[Attempt]) -> list[tuple[object, ...]]:
    return [(a.question, a.index, a.thought, a.answer, a.forced_tokens) for a in attempts]


def generated(rules: ThoughtRules, sampler: Greedy | Temperature, attempts: int) -> list[object]:
    found = attempts_at(MODEL, PROMPTS, rules, sampler, attempts)
    return words(found)


def following_logits(prompt: Sequence[int], said: Sequence[int]) -> np.ndarray:
    """Logits [n, V] that a plain pass over prompt and attempt gives for each token said."""
    padded = np.zeros(ROOM, np.int64)
    padded[: len(prompt) + len(said)] = [*prompt, *said]
    return all_logits(MODEL, padded)[len(prompt) - 1 : len(prompt) + len(said) - 1]


def test_every_strategy_is_tested() -> None:
    assert set(NAMES) == set(BUSY) == {*ONE_ATTEMPT, "direct"}


def test_sampling_is_generate() -> None:
    """The same seed says the same tokens: three prompts, four attempts, endings of each kind."""
    got = [attempt for one in run(BUSY["sample"]) for attempt in one.attempts]
    assert words(got) == generated(mixed(), NUCLEUS, 4)
    assert {a.stop for a in got} == {Stop.MARKER, Stop.BUDGET, Stop.END_OF_SEQUENCE}


@pytest.mark.parametrize("name", ONE_ATTEMPT)
def test_one_attempt_without_temperature_is_greedy(name: str) -> None:
    """Stepwise thoughts, probes that are put back and verifiers leave no mark on the tokens."""
    got = [one.attempts[one.chosen] for one in run(ONE_ATTEMPT[name])]
    assert words(got) == generated(mixed(), Greedy(), 1)
    assert all(len(one.attempts) == 1 for one in run(ONE_ATTEMPT[name]))


def test_direct_is_greedy_after_the_cue() -> None:
    """What `generate` says after prompts that end in the cue, which is read in prefill."""
    found = run("direct")
    said = MODEL, [[*prompt, *FREE.cue] for prompt in PROMPTS]
    longer = attempts_at(*said, replace(mixed(), markers=(), end_tokens=()), Greedy(), 1)
    for one, reference in zip(found, longer, strict=True):
        (attempt,) = one.attempts
        assert attempt.thought == FREE.cue
        assert attempt.answer == reference.thought[: len(attempt.answer)]
        assert attempt.forced_tokens == len(FREE.cue)
    assert found[0].log.phases == ["prefill", "answer"]


SLOW = [name for name in NAMES if name != "sample"]


@pytest.mark.parametrize(
    "name", ["sample", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_answers_do_not_depend_on_batches(name: str) -> None:
    """One prompt at a time, with its own number, gives what all together give."""
    strategy = parse_strategy(BUSY[name], VERIFIERS)
    engine = random_engine(mixed(), prompt_slots=16)
    alone = answer_all(strategy, engine, PROMPTS, batch=1)
    for one, together in zip(alone, run(BUSY[name]), strict=True):
        assert words([*one.attempts]) == words([*together.attempts])
        assert (one.question, one.answer, one.chosen) == (
            together.question, together.answer, together.chosen,
        )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_caches_hold_what_was_said(name: str) -> None:
    """The log-probability and margin of each token equal those of one plain pass over prompt and
    attempt: whatever was copied, put back, dropped or shared, each row read its own past."""
    engine = random_engine(mixed())
    for one in run(BUSY[name]):
        earlier: list[tuple[int, ...]] = []
        for attempt in one.attempts:
            prompt = PROMPTS[attempt.question]
            if name == "revision":
                prompt = engine.answer_format.revision(prompt, earlier)
                earlier.append(attempt.emitted)
            logits = following_logits(prompt, attempt.emitted)
            chances = np.exp(logits - logits.max(-1, keepdims=True))
            chances /= chances.sum(-1, keepdims=True)
            top = np.sort(chances, axis=-1)
            own = ~attempt.forced
            expected = np.log(chances[np.arange(len(attempt.emitted)), attempt.emitted])
            np.testing.assert_allclose(attempt.logprobs[own], expected[own], atol=2e-3)
            np.testing.assert_allclose(
                attempt.margins[own], (top[:, -1] - top[:, -2])[own], atol=2e-3
            )
            assert own.sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_declared_phases_are_those_of_the_passes(name: str) -> None:
    phases = parse_strategy(BUSY[name], VERIFIERS).phases
    found = run(BUSY[name])[0].log.phases
    assert [phase for phase in phases if phase in found] == found
    assert set(found) == set(phases)


@pytest.mark.parametrize("name", ["greedy", "sample", "self-consistency", "cot-decoding"])
def test_every_token_but_the_last_is_read_once(name: str) -> None:
    """Tokens, pairs and heads of the log against sums over the attempts, one token at a time."""
    found = run(BUSY[name])
    log = found[0].log
    attempts = [attempt for one in found for attempt in one.attempts]
    assert tokens_read(log, "prefill") == sum(map(len, PROMPTS))
    assert tokens_read(log, "think") + tokens_read(log, "answer") == sum(
        len(a.emitted) - 1 for a in attempts
    )
    read = [record for record in log.records if record.phase != "prefill"]
    assert sum(int(record.pairs.sum()) for record in read) == sum(
        len(PROMPTS[a.question]) + i + 1 for a in attempts for i in range(len(a.emitted) - 1)
    )
    assert sum(int(r.forced.sum()) for r in read) == sum(a.forced_tokens for a in attempts)
    assert sum(int(r.heads.sum()) for r in read if r.slots == 1) == sum(
        int(r.tokens.sum()) for r in read if r.slots == 1
    )
    assert tokens_read(log, discarded=True) == 0


def test_shared_prompts_are_read_once_a_pass() -> None:
    """Of four rows at work at one prompt, three do not read it again; idle slots add up."""
    (record,) = run(f"sample:n=4,{NUCLEUS_WORDS}")[0].log.of_phase("think")[:1]
    at_work = (record.tokens > 0).sum(axis=2)
    lengths = np.array(list(map(len, PROMPTS)))
    np.testing.assert_array_equal(record.prompt_read, (at_work > 0) * lengths)
    np.testing.assert_array_equal(record.prompt_saved, (at_work - 1).clip(min=0) * lengths)
    assert record.idle_slots == record.tokens.size - record.tokens.sum()


def test_another_model_pays_for_its_judgement() -> None:
    """It reads each prompt once and each attempt whole; the records say whose weights were read."""
    found = run(BUSY["best-of-n"])
    verify = found[0].log.of_phase("verify")
    attempts = [attempt for one in found for attempt in one.attempts]
    assert {record.model for record in verify} == {"other"}
    assert sum(int(r.tokens.sum()) for r in verify) == sum(map(len, PROMPTS)) + sum(
        len(a.emitted) for a in attempts
    )
    assert sum(int(r.heads.sum()) for r in verify) == len(attempts)
    for one in found:
        assert one.attempts[one.chosen].score == max(a.score or 0.0 for a in one.attempts)


def test_pruned_branches_are_marked_and_counted() -> None:
    """What beams cost is in the log twice apart: what led to a finished attempt, and what did not;
    copied positions are noted with the passes."""
    found = run(BUSY["beam"])
    log = found[0].log
    kept, discarded = tokens_read(log, discarded=False), tokens_read(log, discarded=True)
    assert discarded > 0
    assert kept + discarded == tokens_read(log)
    assert sum(int(record.copied.sum()) for record in log.of_phase("branch")) > 0
    given_up = [a for one in found for a in one.attempts if a.fate is Fate.DISCARDED]
    assert given_up
    assert {a.stop for a in given_up} == {Stop.PRUNED}
    assert all(not a.answer for a in given_up)
    assert all(one.attempts[one.chosen].fate is Fate.CHOSEN for one in found)


def test_probes_that_are_not_taken_are_discarded() -> None:
    found = run(ONE_ATTEMPT["early-stop"])
    log = found[0].log
    assert tokens_read(log, "probe") == tokens_read(log, discarded=True) > 0


def test_batches_share_compiled_programs() -> None:
    """Other prompts of the same number compile nothing new."""
    strategy = parse_strategy(BUSY["adaptive-consistency"])
    engine = random_engine(mixed())
    answer_all(strategy, engine, PROMPTS)
    compiled = decode._cache_size()
    answer_all(strategy, engine, [[3, 5, 8], [9] * 12, [2]])
    assert decode._cache_size() == compiled
