"""Speculative decoding: the same tokens where it is greedy, the same distribution where it samples,
and drafts, passes and acceptance counted as worked by hand."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from generation import answer_all, tokens_read
from scipy.stats import chisquare

from rooflink.model.config import ModelInputError
from rooflink.model.generation.acceptance import Acceptance
from rooflink.model.generation.attempt import Answered
from rooflink.model.generation.decode_loop import fresh_cursor
from rooflink.model.generation.drafters import LookUp, early_exit
from rooflink.model.generation.engine import Engine
from rooflink.model.generation.pass_log import token_limit
from rooflink.model.generation.stopping import Stop
from rooflink.model.kv_cache import EMPTY
from rooflink.model.sampling import Greedy
from rooflink.model.strategies.registry import parse_strategy
from rooflink.model.tasks import parse_task
from rooflink.model.weights import parameters
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.workload import prompted

from ..references.families import FAMILIES, tensors
from ..references.models import family_model
from .languages import LETTERS, PROMPTS, Script, ids, letters, random_engine, scripted_engine


@cache
def reasoner(problems: int = 200) -> tuple[Engine, list[list[int]]]:
    """The embedded reasoner on mixed problems, with a draft that is right now and then."""
    subject = resolve_subject("reasoner", "own", "float32")
    assert subject.tokenizer is not None
    asked = prompted(
        subject.tokenizer, parse_task("chain:k=2-12").problems("test", problems, 0), 24, 6
    )
    model = subject.load(0, 0)
    drafts = {"exit": early_exit(model, 2), "same": model}
    slots = max(map(len, asked.prompts))
    return Engine(model, asked.answer_format, 0, slots, drafts=drafts), asked.prompts


def said(found: list[Answered]) -> list[tuple[object, ...]]:
    return [(a.thought, a.answer, a.stop, a.forced_tokens) for one in found for a in one.attempts]


@cache
def plain() -> list[Answered]:
    return answer_all(parse_strategy("greedy"), *reasoner())


@pytest.mark.parametrize(
    "settings",
    [
        "draft=ngram,n=4",
        pytest.param("draft=early-exit,layers=2,n=2", marks=pytest.mark.slow),
        pytest.param("draft=exit,n=3", marks=pytest.mark.slow),
        pytest.param("draft=same", marks=pytest.mark.slow),
    ],
)
def test_greedy_tokens_are_those_of_plain_decoding(settings: str) -> None:
    """Over 200 problems, thoughts that end at markers and at the budget."""
    found = answer_all(parse_strategy(f"speculative:{settings}"), *reasoner())
    assert said(found) == said(plain())
    acceptance = found[0].log.acceptance
    assert acceptance is not None
    thought = sum(len(a.thought) - a.forced_tokens for one in found for a in one.attempts)
    assert acceptance.tokens == thought - len(found), "the first of each comes out of prefill"
    assert acceptance.checks == sum(
        int((record.tokens > 0).sum()) for record in found[0].log.of_phase("check drafts")
    )


@pytest.mark.slow
def test_a_perfect_draft_is_always_kept() -> None:
    found = answer_all(parse_strategy("speculative:draft=same,n=4"), *reasoner())
    acceptance = found[0].log.acceptance
    assert acceptance is not None
    assert acceptance.kept.tolist() == acceptance.judged.tolist()
    assert acceptance.tokens / acceptance.checks > 3


TARGET: Script = {
    "a": {"b": 0.5, "c": 0.3, "d": 0.2},
    **{f"a{x}": {"b": 0.6, "c": 0.1, "d": 0.3} for x in "bcd"},
    **{f"a{x}{y}": {"b": 0.2, "c": 0.35, "d": 0.45} for x in "bcd" for y in "bcd"},
}
PROPOSAL: Script = {
    "a": {"b": 1.0},
    **{f"a{x}": {"b": 0.1, "c": 0.6, "d": 0.3} for x in "bcd"},
    **{f"a{x}{y}": {"b": 0.4, "c": 0.3, "e": 0.3} for x in "bcd" for y in "bcd"},
}


def expected(top_k: int | None) -> dict[str, float]:
    """Chance of each thought of three letters."""

    def cut(following: dict[str, float]) -> dict[str, float]:
        best = sorted(following.values(), reverse=True)[: top_k or len(following)]
        kept = {letter: p for letter, p in following.items() if p >= best[-1]}
        return {letter: p / sum(kept.values()) for letter, p in kept.items()}

    chances = {}
    for word in map("".join, product("bcd", repeat=3)):
        steps = [cut(dict(TARGET["a" + word[:place]])).get(word[place], 0.0) for place in range(3)]
        chances[word] = float(np.prod(steps))
    return {word: chance for word, chance in chances.items() if chance > 0}


@cache
def sampled(draft: str, top_k: int | None) -> list[Answered]:
    """Two answers, each of 10,000 thoughts of three letters."""
    other = scripted_engine(PROPOSAL).model
    engine = scripted_engine(TARGET, think_budget=3, answer_budget=1, drafts={"other": other})
    words = f"speculative:draft={draft},n=2,attempts=10000,temperature=1,top_k={top_k}".lower()
    return answer_all(parse_strategy(words), engine, [ids("a"), ids("a")])


@pytest.mark.parametrize(
    ("draft", "top_k"),
    [
        ("other", None),
        pytest.param("other", 2, marks=pytest.mark.slow),
        pytest.param("ngram", 2, marks=pytest.mark.slow),
        pytest.param("ngram", None, marks=pytest.mark.slow),
    ],
)
def test_sampled_thoughts_have_the_distribution_of_plain_sampling(
    draft: str, top_k: int | None
) -> None:
    """20,000 thoughts of three letters, the draft's chances far from the model's: a chi-square test
    over all of them. Drafts of 'e', which the model never says, are never kept."""
    found = sampled(draft, top_k)
    counts = Counter(letters(a.thought[:3]) for one in found for a in one.attempts)
    chances = expected(top_k)
    assert set(counts) <= set(chances)
    observed = [counts[word] for word in chances]
    assert sum(observed) == 20_000
    assert chisquare(observed, [20_000 * chance for chance in chances.values()]).pvalue > 1e-3


def test_the_share_kept_is_one_less_the_distance_of_the_chances() -> None:
    """Of drafts after 'a' and one letter: 1 - (|.6 - .1| + |.1 - .6|) / 2 = 0.5 (Leviathan et al.,
    theorem 3.5)."""
    log = sampled("other", None)[0].log
    assert log.acceptance is not None
    first = log.of_phase("check drafts")[0]
    assert int(first.tokens[0].sum()) == 3 * 20_000
    kept = int((first.own[1] >= 2).sum())  # the first of two drafts, which the second may follow
    assert kept / 20_000 == pytest.approx(0.5, abs=0.02)


def looked_up(text: str, n: int = 3) -> str:
    state = jnp.asarray([[[*ids(text), *[EMPTY] * 4]]])
    cursor = fresh_cursor(np.array([len(text) - 1], np.int32), 1, 1)
    _, drafts, odds = LookUp().propose(state, cursor, jnp.zeros((n, 1, 1)), Greedy())
    assert odds is None
    return "".join("." if token == EMPTY else LETTERS[token] for token in np.asarray(drafts)[0, 0])


@pytest.mark.parametrize(
    ("text", "drafts"),
    [
        ("abcdeab", "cde"),
        ("abc1bc2abc", "1bc"),  # three tokens agree there, two at the later place
        ("dbc1ebc2bc", "2bc"),  # two places alike: the later
        ("abcabcab", "cab"),
        ("abab", "aba"),
        ("aa", "aaa"),  # what lies between repeats
        ("abcd", "..."),
        ("a", "..."),
    ],
)
def test_look_up_by_hand(text: str, drafts: str) -> None:
    assert looked_up(text) == drafts


REPEATS: Script = {
    f"abcabc{'abcabcabc'[:length]}": {"abcabcabc"[length]: 1.0} for length in range(9)
} | {"abcabcabcabcabc": {"A": 1.0}, "abcabcabcabcabcA": {"1": 1.0}}


def test_rounds_by_hand() -> None:
    """The first token, a, comes out of prefill. The first check reads it and the drafts b c a b,
    keeps all and adds c. The second has drafts a b c a: it keeps a b c and says A for the draft a,
    which ends the thought."""
    engine = scripted_engine(REPEATS, think_budget=14)
    (found,) = answer_all(parse_strategy("speculative:n=4"), engine, [ids("abcabc")])
    (attempt,) = found.attempts
    assert (letters(attempt.thought), attempt.stop) == ("abcabcabcA", Stop.MARKER)
    (check,) = found.log.of_phase("check drafts")
    assert check.tokens.ravel().tolist() == [5, 5]
    assert check.own.ravel().tolist() == [0, 5]
    assert tokens_read(found.log, "prefill") == 6
    assert found.log.of_phase("draft") == []
    acceptance = found.log.acceptance
    assert acceptance is not None
    assert acceptance.kept.tolist() == [2, 2, 2, 1]
    assert acceptance.judged.tolist() == [2, 2, 2, 2]


def test_a_thought_may_end_in_a_draft() -> None:
    """'A' is drafted and right: it ends the thought, as the check's own token."""
    script: Script = {"abAab": {"A": 1.0}, "abAa": {"b": 1.0}, "abA": {"a": 1.0}}
    engine = scripted_engine({**script, "abAabA": {"7": 1.0}})
    (found,) = answer_all(parse_strategy("speculative:n=4"), engine, [ids("abA")])
    assert letters(found.attempts[0].emitted) == "abA7E"
    acceptance = found.log.acceptance
    assert acceptance is not None
    assert (acceptance.checks, acceptance.kept.tolist()) == (1, [1, 0, 0, 0])
    assert acceptance.judged.tolist() == [1, 0, 0, 0]


def test_budgets_cut_within_a_check() -> None:
    """A budget of 3 ends the thought at the second token of the first check."""
    engine = scripted_engine(REPEATS, think_budget=3)
    (found,) = answer_all(parse_strategy("speculative:n=4"), engine, [ids("abcabc")])
    assert letters(found.attempts[0].thought) == "abcA"
    assert found.attempts[0].stop is Stop.BUDGET


def test_a_draft_reads_every_token_once() -> None:
    """Its prompt, and all that was said and drafted: what it is behind is read along."""
    settings = "speculative:draft=early-exit,layers=1,n=3,attempts=2,temperature=1"
    found = answer_all(parse_strategy(settings), random_engine(), PROMPTS)
    log = found[0].log
    assert tokens_read(log, "prefill") == 2 * sum(map(len, PROMPTS))
    draft = log.of_phase("draft")
    assert {record.model for record in draft} == {"draft early-exit 1"}
    acceptance = log.acceptance
    assert acceptance is not None
    firsts, rest = (sum(int(r.tokens.sum()) for r in draft if r.slots == s) for s in (2, 1))
    assert rest == 2 * acceptance.checks
    assert acceptance.checks <= firsts <= acceptance.checks + int(acceptance.kept[-1])
    assert sum(int(r.heads.sum()) for r in draft) == 3 * acceptance.checks


def test_acceptance_adds_up() -> None:
    """Two rows, two drafts: one keeps both, then none; one has none, then ends in its first."""
    proposed = np.array([[[2, 0]], [[2, 2]]])
    taken = np.array([[[3, 1]], [[1, 1]]])
    kept = np.array([[[2, 0]], [[0, 1]]])
    found = Acceptance.of(2, proposed, taken, kept)
    assert found.checks == 4
    assert found.proposed.tolist() == [3, 3]
    assert found.judged.tolist() == [2, 1]
    assert found.kept.tolist() == [1, 1]
    assert (found + found).tokens == 2 * found.tokens == 12


def test_limits_end_thoughts_with_drafts() -> None:
    engine = scripted_engine(REPEATS, think_budget=14, limit=token_limit(8))
    (found,) = answer_all(parse_strategy("speculative:n=4"), engine, [ids("abcabc")])
    assert (found.limit, found.attempts[0].stop) == ("8 tokens", Stop.LIMIT)
    assert letters(found.attempts[0].thought) == "abcabcA"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gemma3", "gpt-oss", "deepseek-v3"])
def test_drafts_change_no_token_of_a_model_with_windows_or_experts(family: str) -> None:
    """Its drafts by its own first layers, which end within its pattern; thoughts longer than the
    window."""
    engine = replace(random_engine(), model=family_model(family))
    plain = answer_all(parse_strategy("greedy"), engine, PROMPTS)
    drafted = answer_all(
        parse_strategy("speculative:draft=early-exit,layers=3,n=3"), engine, PROMPTS
    )
    assert [a.attempts[0].emitted for a in drafted] == [a.attempts[0].emitted for a in plain]


def test_an_early_exit_is_half_by_default_and_less_than_the_whole() -> None:
    model = family_model("qwen2")
    assert early_exit(model, None).config.layers == model.config.layers // 2
    with pytest.raises(ModelInputError, match="must be from 1 to"):
        early_exit(model, model.config.layers)


@pytest.mark.parametrize("family", ["qwen2", "gemma3", "gpt-oss", "glm-4.5", "deepseek-v2"])
def test_an_early_exit_has_the_first_layers_and_the_same_head(family: str) -> None:
    """As a model of the public tensors of these alone, wherever the pattern of layers is cut."""
    model = family_model(family)
    weights = tensors(FAMILIES[family])
    for layers in range(1, model.config.layers):
        cut = early_exit(model, layers)
        behind = [f"model.layers.{i}." for i in range(layers, model.config.layers)]
        kept = {n: w for n, w in weights.items() if not n.startswith(tuple(behind))}
        exact = parameters(cut.config, kept.items(), "float32")
        found = {
            ".".join(map(str, path)): held[...] for path, held in nnx.to_flat_state(nnx.state(cut))
        }
        assert found.keys() == exact.keys()
        for name, values in exact.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{layers} {name}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("n=0", "n, drafts of a round, must be from 1 to 16, got 0"),
        ("n=17", "must be from 1 to 16, got 17"),
        ("attempts=0", "attempts must be from 1 to 10000, got 0"),
        ("draft=", "draft must be ngram, early-exit or a model's folder, got nothing"),
        ("layers=2", "draft must be early-exit where layers is given, got ngram"),
    ],
)
def test_settings_that_cannot_be(settings: str, message: str) -> None:
    with pytest.raises(ModelInputError, match=message):
        parse_strategy(f"speculative:{settings}")
