"""Strategies on models whose every probability is written down, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from generation import answer_all, tokens_read

from rooflink.model.config import ModelInputError
from rooflink.model.generation.attempt import Answered, Fate
from rooflink.model.generation.pass_log import PassRecord, token_limit
from rooflink.model.generation.stopping import Stop
from rooflink.model.strategies.beam_search import BeamSearch
from rooflink.model.strategies.parallel import BestOfN, leads
from rooflink.model.strategies.registry import parse_strategy

from .languages import LETTERS, Script, TokenVerifier, ids, letters, scripted_engine


def ask(strategy: str, script: Script, prompt: str = "a", **settings: int) -> Answered:
    engine = scripted_engine(script, **settings)
    (found,) = answer_all(parse_strategy(strategy), engine, [ids(prompt)])
    return found


PATHS: Script = {
    # First tokens: 5 (answers at once), then b and c, which lead to 12, then d.
    "a": {"5": 0.40, "b": 0.30, "c": 0.20, "d": 0.10},
    # 5 ends; the cue asks, the path holds the answer: delta is of the 5 itself, 0.40 - 0.30.
    "a5": {"E": 0.99, "e": 0.01},
    "a5A": {"5": 1.0},
    # b thinks 12 (0.9 - 0.1, then 0.7 - 0.3) and never says A.
    "ab": {"1": 0.9, "2": 0.1},
    "ab1": {"2": 0.7, "3": 0.3},
    "ab12": {"E": 1.0},
    "ab12A": {"1": 1.0},
    "ab12A1": {"2": 1.0},
    # c says A by itself: the span is in the answer, (0.6 - 0.4 and 0.8 - 0.2) / 2.
    "ac": {"A": 1.0},
    "acA": {"1": 0.6, "7": 0.4},
    "acA1": {"2": 0.8, "0": 0.2},
    # d is surest by itself: 7 with 0.95 - 0.05.
    "ad": {"A": 0.55, "e": 0.45},
    "adA": {"7": 0.95, "8": 0.05},
}
DELTAS = [0.40 - 0.30, (0.8 + 0.4) / 2, (0.2 + 0.6) / 2, 0.90]


def test_cot_decoding_by_hand() -> None:
    """Deltas are means over answer tokens alone; 12 wins by their sum over two paths (1.0), 7 by
    the one largest (0.9). Means over all tokens would have put 5's path first."""
    by_sum = ask("cot-decoding:k=4", PATHS)
    assert [a.extracted for a in by_sum.attempts] == ["5", "12", "12", "7"]
    np.testing.assert_allclose([a.answer_margin for a in by_sum.attempts], DELTAS, atol=1e-5)
    assert by_sum.answer == "12"
    assert by_sum.votes == pytest.approx({"5": 0.1, "12": 1.0, "7": 0.9}, abs=1e-5)
    assert by_sum.chosen == 1, "the surer of the paths to 12"
    by_largest = ask("cot-decoding:k=4,aggregate=false", PATHS)
    assert (by_largest.answer, by_largest.chosen) == ("7", 3)


def test_cot_decoding_counts_its_paths() -> None:
    """One prefill of one token; each path reads all it said but its last token."""
    found = ask("cot-decoding:k=4", PATHS)
    assert [letters(a.emitted) for a in found.attempts] == ["5A5E", "b12A12E", "cA12E", "dA7E"]
    assert tokens_read(found.log, "prefill") == 1
    assert tokens_read(found.log) - 1 == 3 + 6 + 4 + 3


WAITING: Script = {
    "a": {"b": 1.0},
    "ab": {"A": 0.9, "c": 0.1},
    "abA": {"1": 1.0},
    "abW": {"c": 1.0},
    "abWc": {"A": 1.0},
    "abWcA": {"2": 1.0},
    "abWcW": {"d": 1.0},
    "abWcWd": {"A": 1.0},
    "abWcWdA": {"3": 1.0},
}


@pytest.mark.parametrize(
    ("extend", "said"), [(0, "bA1E"), (1, "bWcA2E"), (2, "bWcWdA3E"), (3, "bWcWdWA")]
)
def test_budget_forcing_takes_the_end_back(extend: int, said: str) -> None:
    """The marker is as if never said: a model that saw it would have ended the sequence."""
    found = ask(f"budget-forcing:extend={extend}", WAITING)
    (attempt,) = found.attempts
    assert letters(attempt.emitted).startswith(said)
    assert attempt.forced_tokens == min(extend, 3) + (extend == 3)
    assert sum(int(r.forced.sum()) for r in found.log.records) == attempt.forced_tokens


def test_budget_forcing_stops_at_the_budget() -> None:
    """A budget of 3 leaves no room for 'Wait' and a token after it: b A, then b W c."""
    found = ask("budget-forcing:extend=2", WAITING, think_budget=3)
    assert letters(found.attempts[0].emitted) == "bWcA2E"
    assert found.attempts[0].stop is Stop.BUDGET


def test_budget_forcing_needs_a_word() -> None:
    engine = scripted_engine(WAITING)
    mute = replace(engine, answer_format=replace(engine.answer_format, wait=()))
    with pytest.raises(ModelInputError, match="no token for: use extend=0"):
        answer_all(parse_strategy("budget-forcing"), mute, [ids("a")])


PROBED: Script = {
    "a": {"b": 1.0},
    "ab": {"c": 1.0},
    "abc": {"d": 1.0},
    "abcd": {"e": 1.0},
    "abcde": {"f": 1.0},
    "abcdef": {"A": 1.0},
    "abcA": {"1": 0.6, "2": 0.4},
    "abcdeA": {"7": 0.97, "2": 0.03},
    "abcdefA": {"9": 1.0},
}


def test_early_stop_by_hand() -> None:
    """Probes after 2 and 4 tokens; the first is unsure (0.2), the second sure (0.94)."""
    found = ask("early-stop:every=2,sure=0.9", PROBED)
    (attempt,) = found.attempts
    assert letters(attempt.emitted) == "bcdeA7E"
    assert (attempt.stop, found.answer) == (Stop.CONFIDENT, "7")
    assert ask("early-stop:every=2,sure=0.95", PROBED).answer == "9"


def test_early_stop_counts_probes_apart() -> None:
    """A probe reads the last thought token, the cue and the answer, and the thought then reads that
    last token again: b; c A 1; c d; e A 7. The first probe is discarded."""
    log = ask("early-stop:every=2,sure=0.9", PROBED).log
    assert log.phases == ["prefill", "think", "probe"]
    assert tokens_read(log, "think") == 1 + 2
    assert tokens_read(log, "probe") == 3 + 3
    assert tokens_read(log, discarded=True) == 3


STEPS: Script = {
    "a": {"b": 0.5, "c": 0.5},
    "ab": {"+": 1.0},
    "ac": {"+": 1.0},
    "ab+": {"d": 1.0},
    "ac+": {"d": 0.5, "e": 0.5},
    "ab+d": {"A": 1.0},
    "ac+d": {"A": 1.0},
    "ac+e": {"A": 1.0},
    "ab+dA": {"1": 1.0},
    "ac+dA": {"2": 1.0},
    "ac+eA": {"3": 1.0},
    # The verifier asks 'g' and hears 'W' for good, '_' for bad.
    "ab+g": {"W": 0.2, "_": 0.8},
    "ac+g": {"W": 0.7, "_": 0.3},
    "ac+dAg": {"W": 0.9, "_": 0.1},
    "ac+eAg": {"W": 0.6, "_": 0.4},
    "ac+dA2Eg": {"W": 0.9, "_": 0.1},
    "ac+eA3Eg": {"W": 0.6, "_": 0.4},
}
JUDGE = TokenVerifier(tuple(ids("g")), LETTERS.index("W"), LETTERS.index("_"))


def test_beam_search_follows_the_scores() -> None:
    """Rows that began with b are pruned after their first step; c's are copied in their place."""
    engine = scripted_engine(STEPS)
    search = BeamSearch(n=8, width=8, step=16, verifier=JUDGE)
    (found,) = answer_all(search, engine, [ids("a")])
    finished = [a for a in found.attempts if a.fate is not Fate.DISCARDED]
    assert {letters(a.thought) for a in finished} == {"c+dA", "c+eA"}
    assert len(finished) == 8
    assert (found.answer, found.attempts[found.chosen].score) == ("2", pytest.approx(0.9))
    given_up = [letters(a.emitted) for a in found.attempts if a.fate is Fate.DISCARDED]
    assert set(given_up) == {"b+", "c+"}
    assert len(given_up) == 7, "one of eight rows goes on"


def test_best_of_n_with_a_generative_verifier() -> None:
    script = {**STEPS, "ab+dA1Eg": {"W": 0.05, "_": 0.95}}
    (found,) = answer_all(BestOfN(n=8, verifier=JUDGE), scripted_engine(script, seed=1), [ids("a")])
    assert {a.extracted for a in found.attempts} == {"1", "2", "3"}
    assert (found.answer, found.attempts[found.chosen].score) == ("2", pytest.approx(0.9))
    verify = found.log.of_phase("verify")
    assert tokens_read(found.log, "verify") == 2 * 8, (
        "the pending end token and the question, a row"
    )
    assert sum(int(record.forced.sum()) for record in verify) == 8


REVISED: Script = {
    "a": {"b": 1.0},
    "ab": {"A": 1.0},
    "abA": {"1": 1.0},
    "abA1g": {"c": 1.0},
    "abA1gc": {"A": 1.0},
    "abA1gcA": {"2": 1.0},
    "abA1gcA2g": {"A": 1.0},
    "abA1gcA2gA": {"2": 1.0},
}


def test_revision_reads_all_earlier_attempts() -> None:
    found = ask("revision:revisions=2", REVISED)
    assert [letters(a.emitted) for a in found.attempts] == ["bA1E", "cA2E", "A2E"]
    assert (found.answer, found.chosen) == ("2", 2)
    assert tokens_read(found.log, "re-prefill") == len("abA1g") + len("abA1gcA2g")
    assert ask("revision:revisions=2,vote=true", REVISED).votes == {"1": 1, "2": 2}


def test_revision_ends_with_the_context() -> None:
    """64 positions hold 45 tokens and an attempt of up to 17, but not 48 and a second one."""
    prompt = "a" * 45
    found = ask("revision:revisions=2", {prompt: {"A": 1.0}, prompt + "A": {"1": 1.0}}, prompt)
    assert found.limit == "context"
    assert len(found.attempts) == 1


def test_adaptive_consistency_stops_when_sure() -> None:
    """Four votes for one answer are enough (31/32 > 0.95), three are not (15/16)."""
    one_way: Script = {"a": {"A": 1.0}, "aA": {"1": 1.0}}
    found = ask("adaptive-consistency:n=10,round=1", one_way)
    assert len(found.attempts) == 4
    assert [a.index for a in found.attempts] == [0, 1, 2, 3]
    assert leads(list(found.attempts)) == pytest.approx(31 / 32)
    assert leads(list(found.attempts[:3])) == pytest.approx(15 / 16)
    assert leads([]) == pytest.approx(0.5)
    assert tokens_read(found.log, "prefill") == 1, "further rounds share the prompt's cache"


def test_adaptive_consistency_goes_on_while_undecided() -> None:
    even: Script = {"a": {"A": 1.0}, "aA": {"1": 0.5, "2": 0.5}}
    engine = scripted_engine({**even, "b": {"A": 1.0}, "bA": {"3": 1.0}})
    strategy = parse_strategy("adaptive-consistency:n=7,round=2")
    torn, decided = answer_all(strategy, engine, [ids("a"), ids("b")])
    assert (len(torn.attempts), len(decided.attempts)) == (7, 4)
    assert {a.extracted for a in torn.attempts} == {"1", "2"}


def test_cached_answers_cost_nothing() -> None:
    strategy = parse_strategy("cached+greedy")
    script: Script = {"a": {"A": 1.0}, "aA": {"1": 1.0}, "b": {"A": 1.0}, "bA": {"2": 1.0}}
    engine = scripted_engine(script)
    first = answer_all(strategy, engine, [ids("a"), ids("b"), ids("a")])
    assert [one.answer for one in first] == ["1", "2", "1"]
    assert [one.cached for one in first] == [False, False, True]
    assert tokens_read(first[0].log, "prefill") == 2
    again = answer_all(strategy, engine, [ids("b"), ids("a")])
    assert [(one.question, one.answer, one.cached) for one in again] == [
        (0, "2", True), (1, "1", True),
    ]  # fmt: skip


def test_token_limit_ends_the_thought() -> None:
    """The prompt's token and four of the thought: then the cue, and the answer all the same."""
    script = {"a" + "b" * n: {"b": 1.0} for n in range(12)}
    script |= {"a" + "b" * n + "A": {str(n % 10): 1.0} for n in range(13)}
    found = ask("greedy", script, limit=token_limit(5))
    (attempt,) = found.attempts
    assert (found.limit, attempt.stop) == ("5 tokens", Stop.LIMIT)
    assert letters(attempt.emitted) == "bbbbbA5E"
    assert ask("greedy", script).limit is None


def test_limits_are_of_questions() -> None:
    """A limit that one question hits leaves the other alone."""

    def limit(record: PassRecord) -> list[str | None]:
        return ["enough" if question == 1 else None for question in record.questions]

    script = {"a" + "b" * n: {"b": 1.0} for n in range(12)}
    engine = scripted_engine(script, limit=limit)
    free, held = answer_all(parse_strategy("greedy"), engine, [ids("a"), ids("a")])
    assert (free.limit, held.limit) == (None, "enough")
    assert letters(held.attempts[0].thought) == "A"
    assert letters(free.attempts[0].thought) == "b" * 12 + "A"


def test_limit_ends_sampling_and_search() -> None:
    """No further rounds, steps or revisions once a limit is hit; there is an answer still."""
    even: Script = {"a": {"A": 1.0}, "aA": {"1": 0.5, "2": 0.5}}
    found = ask("adaptive-consistency:n=8,round=2", even, limit=token_limit(4))
    assert (len(found.attempts), found.limit) == (2, "4 tokens")
    found = ask("revision:revisions=3", REVISED, limit=token_limit(3))
    assert (len(found.attempts), found.limit) == (1, "3 tokens")
    engine = scripted_engine(STEPS, limit=token_limit(5))
    (found,) = answer_all(BeamSearch(n=4, width=4, verifier=JUDGE), engine, [ids("a")])
    assert found.limit == "5 tokens"
