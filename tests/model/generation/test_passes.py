"""The pass log against the counted lens, and branches by hand."""

import jax
import numpy as np
from generation import answer_all, tokens_read

from rooflink.model.generation.engine import Questions
from rooflink.model.generation.generate import think_and_answer
from rooflink.model.generation.pass_log import (
    ROOT,
    PassLog,
    PassRecord,
    decode_record,
    prompt_record,
)
from rooflink.model.generation.session import open_session
from rooflink.model.sampling import Greedy
from rooflink.model.strategies.registry import parse_strategy
from rooflink.model.strategies.verifiers import HeadVerifier
from rooflink.profiling.counted.phase_costs import passes_of

from .languages import Script, ids, scripted_engine

UNEVEN: Script = {
    "a": {"b": 0.5, "A": 0.5}, "ab": {"c": 0.5, "A": 0.5}, "abc": {"A": 1.0},
    "aA": {"1": 1.0}, "abA": {"2": 0.5, "E": 0.5}, "abcA": {"3": 1.0},
    "gg": {"d": 1.0}, "ggd": {"e": 0.5, "A": 0.5}, "ggde": {"A": 1.0}, "ggdA": {"4": 1.0},
    "ggdeA": {"5": 1.0},
}  # fmt: skip


def test_records_equal_the_counted_lens() -> None:
    """Six attempts at two prompts, thoughts of their own endings: tokens, pairs, heads, cached
    positions and idle slots of each phase are those that `rooflink profile` counts."""
    prompts = [ids("a"), ids("gg")]
    found = answer_all(parse_strategy("sample:n=6"), scripted_engine(UNEVEN), prompts)
    log = found[0].log
    think = np.array([[len(a.thought) - 1 for a in one.attempts] for one in found])
    answer = np.array([[len(a.answer) for a in one.attempts] for one in found])
    assert think.min() == 0 < think.max()
    none = np.zeros_like(think)
    expected = {
        "prefill": passes_of(prompt_record([1, 2])),
        "think": passes_of(decode_record("think", [1, 2], none, think)),
        "answer": passes_of(decode_record("think", [1, 2], think, answer)),
    }
    assert log.phases == list(expected)
    for phase, passes in expected.items():
        records = log.of_phase(phase)
        prefill = phase == "prefill"

        def total(figure: str, records: list[PassRecord] = records) -> list[int]:
            return np.concatenate([getattr(r, figure).sum(axis=(1, 2)) for r in records]).tolist()

        assert total("tokens") == passes.tokens.tolist()
        assert total("pairs") == passes.pairs.tolist()
        assert total("heads") == passes.heads.tolist()
        cached = np.concatenate([r.own_read.sum((1, 2)) + r.prompt_read.sum(1) for r in records])
        assert (total("tokens") if prefill else cached.tolist()) == passes.cached.tolist()
        if not prefill:
            idle = sum(int((record.branches.size - passes.tokens).sum()) for record in records[:1])
            assert sum(record.idle_slots for record in records) == idle


def record(branches: list[list[int]], tokens: list[list[int]]) -> PassRecord:
    one = np.array([tokens])
    none = np.zeros_like(one)
    prompts = np.arange(len(branches))
    return PassRecord(
        "think", "model", prompts, prompts, none, one, one, none, none, np.array(branches), 4
    )


def test_what_leads_to_a_kept_branch_is_kept() -> None:
    """0 and 1 are prompts; 2 and 3 grow from 0, 4 from 2; 5 from 1. 4 is kept, so 2 and 0 are."""
    log = PassLog()
    assert log.new_branches(np.array([ROOT, ROOT])).tolist() == [0, 1]
    assert log.new_branches(np.array([[0, 0]])).tolist() == [[2, 3]]
    log.new_branches(np.array([2, 1]))
    log.keep([4])
    log.records += [record([[2, 3]], [[1, 2]]), record([[4], [5]], [[4], [8]])]
    assert log.discarded(log.records[0]).tolist() == [[False, True]]
    assert tokens_read(log, discarded=False) == 1 + 4
    assert tokens_read(log, discarded=True) == 2 + 8
    assert log.records[0].idle_slots == 2 * 4 - 3


def test_a_head_reads_what_is_pending_and_leaves_no_mark() -> None:
    """Hidden states of the scripted model are the text: the head sees the end token read."""
    script: Script = {"a": {"A": 1.0}, "aA": {"1": 1.0}}
    session = open_session(scripted_engine(script), Questions([ids("a")], [0]), 1)
    think_and_answer(session, Greedy())
    head = HeadVerifier(lambda hidden: jax.nn.sigmoid(hidden[..., 3]))
    before = session.cursor
    (score,) = head.scores(session, session.alive)[0]
    assert score == np.float32(jax.nn.sigmoid(float(ids("E")[0])))
    np.testing.assert_array_equal(session.cursor.position, before.position)
    np.testing.assert_array_equal(session.cursor.pending, before.pending)
    assert tokens_read(session.log, "verify") == 1
