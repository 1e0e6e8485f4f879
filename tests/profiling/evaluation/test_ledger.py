"""Ledgers and phases: the sums of the counted lens, told apart question by question."""

import numpy as np
import pytest
from pass_logs import CONFIG, record, sampled_log

from rooflink.model.generation.pass_log import decode_record, prompt_record
from rooflink.profiling.counted.phase_costs import first_attempts, passes_of, phases_of, row_costs
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.evaluation.ledger import ledgers
from rooflink.profiling.records import CountedCost

UNIT = unit_costs(CONFIG, "float32")
UNITS = {"model": UNIT}
PROMPTS = [5, 3, 7]
THOUGHTS = np.array([[4, 2], [1, 6], [3, 3]])


def test_phases_are_those_that_the_profiler_counts() -> None:
    """The same batch by the rules of a profile, whose passes are built from lengths alone."""
    prefill, think = phases_of([sampled_log(PROMPTS, THOUGHTS)], UNITS)
    assert prefill.counted == passes_of(prompt_record(PROMPTS)).total(UNIT)
    expected = passes_of(decode_record("think", PROMPTS, np.zeros_like(THOUGHTS), THOUGHTS))
    assert think.counted == expected.total(UNIT)
    assert (think.tokens, think.steps, think.idle_slots) == (19, 6, 6 * 6 - 19)
    assert (prefill.sequences, think.sequences, prefill.padded_tokens) == (3, 6, 3 * 7 - 15)


def test_several_batches_add_up() -> None:
    one, other = sampled_log(PROMPTS, THOUGHTS), sampled_log([4], np.array([[2, 2]]))
    both = phases_of([one, other], UNITS)
    apart = [phases_of([log], UNITS) for log in (one, other)]
    assert [phase.counted.flops for phase in both] == [
        sum(phases[i].counted.flops for phases in apart) for i in range(2)
    ]


def test_ledgers_add_up_to_the_phases() -> None:
    log = sampled_log(PROMPTS, THOUGHTS)
    found = ledgers([log], UNITS)
    for phase in phases_of([log], UNITS):
        entries = [e for each in found.values() for e in each.entries if e.phase == phase.name]
        assert sum(entry.tokens for entry in entries) == phase.tokens
        assert sum(entry.flops for entry in entries) == phase.counted.flops
        moved = sum(entry.hbm_bytes for entry in entries)
        assert moved == pytest.approx(phase.counted.hbm_bytes.total, rel=1e-12)


def test_a_question_alone_by_hand() -> None:
    """A prompt of 5, one attempt of 2 passes: 5 + 2 positions, 15 + 6 + 7 pairs, 3 heads; each
    pass's weights once; 5 positions read back, then 5 and 6 cached ones read."""
    (ledger,) = ledgers([sampled_log([5], np.array([[2]]))], UNITS).values()
    flops = 7 * UNIT.token.matmul_flops + 28 * UNIT.pair.matmul_flops + 3 * UNIT.head.matmul_flops
    assert ledger.flops == flops
    moved = 3 * UNIT.pass_weight_bytes + (5 + 5 + 6 + 7) * UNIT.kv_bytes
    moved += 7 * (UNIT.token_weight_bytes + UNIT.token_activation_bytes)
    assert ledger.hbm_bytes == moved + 3 * UNIT.head_activation_bytes
    assert (ledger.saved.tokens, ledger.saved.flops, ledger.saved.hbm_bytes) == (0, 0, 0)


def test_sharing_the_prompt_is_credited() -> None:
    """Three attempts of 2 passes: two more prefills, and 5 cached positions twice more a pass."""
    (ledger,) = ledgers([sampled_log([5], np.array([[2, 2, 2]]))], UNITS).values()
    prefill = passes_of(prompt_record([5])).total(UNIT)
    assert ledger.saved.tokens == 10
    assert ledger.saved.flops == 2 * prefill.flops
    assert ledger.saved.hbm_bytes == (2 * 2 * 5 + 2 * 2 * 5) * UNIT.kv_bytes


def test_discarded_branches_stand_apart() -> None:
    log = sampled_log([5], np.array([[2, 3]]))
    rows = log.records[1].branches
    log.kept.clear()
    log.keep([int(rows[0, 1])])
    (ledger,) = ledgers([log], UNITS).values()
    tokens = {(entry.phase, entry.discarded): entry.tokens for entry in ledger.entries}
    assert tokens == {("prefill", False): 5, ("think", True): 2, ("think", False): 3}


def test_copies_and_passes_over_several_positions() -> None:
    """A branching reads and writes what it copies; a pass over three reads them back."""
    log = sampled_log([5], np.array([[2, 2]]))
    rows = log.records[1].branches
    none = np.zeros((1, 1, 2), np.int64)
    copied, three = np.array([[[0, 2]]]), np.array([[[3, 0]]])
    own = np.array([[[2, 2]]])
    log.records.append(record("branch", none, np.array([5]), none, rows, copied=copied, slots=0))
    log.records.append(record("verify", three, np.array([5]), own, rows, slots=4))
    *_, branch, verify = phases_of([log], UNITS)
    kinds = branch.counted.hbm_bytes
    assert (kinds.kv_read, kinds.kv_write, kinds.total) == (
        2 * UNIT.kv_bytes, 2 * UNIT.kv_bytes, 4 * UNIT.kv_bytes,
    )  # fmt: skip
    assert (branch.steps, verify.steps, verify.padded_tokens) == (0, 1, 1)
    assert verify.counted.hbm_bytes.kv_read == (5 + 2 + 3) * UNIT.kv_bytes
    flops = row_costs(log.records[-1], UNIT).flops
    assert flops.tolist() == [[[verify.counted.flops, 0]]]


def test_the_first_attempts_are_what_fewer_would_have_cost() -> None:
    whole, fewer = sampled_log(PROMPTS, THOUGHTS), sampled_log(PROMPTS, THOUGHTS[:, :1])
    narrowed = phases_of(first_attempts([whole], 1), UNITS)
    assert [phase.counted for phase in narrowed] == [
        phase.counted for phase in phases_of([fewer], UNITS)
    ]
    assert all(isinstance(phase.counted, CountedCost) for phase in narrowed)
