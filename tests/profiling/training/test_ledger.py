"""The ledger adds up what a loop tells of its work."""

import numpy as np

from rooflink.model.generation.attempt import Attempt
from rooflink.model.generation.stopping import Stop
from rooflink.model.phases import THINK_AND_ANSWER
from rooflink.model.tasks import Problem
from rooflink.model.training.rollout import Rollouts, attempt_rows
from rooflink.model.weights import open_weights
from rooflink.profiling.counted.unit_costs import unit_costs
from rooflink.profiling.errors import Silent
from rooflink.profiling.training_cost import LoopLedger, update_cost

CONFIG = open_weights("reasoner").config


def rollouts() -> Rollouts:
    """Two attempts at a prompt of 4: thoughts of 3 and 1 tokens, answers of 2."""
    attempts = [
        Attempt(0, a, thought, (5, 0), Stop.MARKER) for a, thought in enumerate([(1, 2, 3), (3,)])
    ]
    rows = attempt_rows([[7, 7, 7, 7]] * 2, attempts, 12)
    return Rollouts([Problem("?", "5")], np.array([4]), attempts, rows, np.array([[True, False]]))


def test_a_step_by_hand() -> None:
    """Thoughts of n tokens are n - 1 think passes, prefill emits the first; the update is one."""
    ledger, found = LoopLedger("x", Silent(), CONFIG, CONFIG), rollouts()
    ledger.sampled(found)
    ledger.scored([9, 7], models=2)
    ledger.updated([9, 7])
    for name, time_s in (("prefill", 1.0), ("think", 2.0), ("think", 1.0), ("answer", 1.0),
                         ("reward", 0.5), ("reference", 1.5), ("update", 3.0)):  # fmt: skip
        ledger.phase(name, time_s)
    ledger.advanced({"step": 1.0}, 1)
    cost = ledger.cost()
    assert cost is not None
    assert (cost.steps, cost.attempts) == (1, 2)
    tokens = {phase.name: phase.tokens for phase in cost.phases}
    assert tokens == {
        "prefill": 4, "think": 2, "answer": 4, "reward": 0, "reference": 32, "update": 16
    }  # fmt: skip
    passes = {phase.name: phase.passes for phase in cost.phases}
    assert passes == {
        "prefill": 1, "think": 2, "answer": 2, "reward": 0, "reference": 2, "update": 1
    }  # fmt: skip
    flops = {phase.name: phase.counted.flops for phase in cost.phases}
    unit = unit_costs(CONFIG, "float32")
    think = unit.token * 2 + unit.pair * (5 + 6) + unit.head * 2
    assert flops["think"] == think.matmul_flops
    assert flops["update"] == update_cost(CONFIG, [9, 7]).flops
    assert flops["reference"] * 3 == flops["update"] * 2
    assert cost.share(THINK_AND_ANSWER, "time_s") == 0.5
    shares = [cost.share((name,), "bytes") for name in tokens]
    assert abs(sum(shares) - 1) < 1e-12


def test_nothing_done_is_no_cost() -> None:
    assert LoopLedger("x", Silent(), CONFIG, CONFIG).cost() is None
