"""Training: the record of one `rooflink train` run. Data only."""

from typing import Literal

from pydantic import Field

from .base import Amount, Count, Record
from .lenses import CountedCost
from .profile import Provenance


class LoopPhase(Record):
    """One kind of work of a training loop, summed over the steps that this process made."""

    name: str = Field(description="prefill, think, answer, reward, reference, update")
    tokens: Count = Field(description="positions worked on, padding left out")
    passes: Count = Field(description="passes through the model; an update is one")
    counted: CountedCost
    time_s: Amount = Field(description="wall time here, compilation in the first step included")


class LoopCost(Record):
    """What a training loop spends, phase by phase: generation against update."""

    steps: Count = Field(
        description="steps of the loop that this process made, a resumed run's earlier ones not "
        "in: a rollout with its updates, a round, or 50 updates of a verifier or student"
    )
    attempts: Count = Field(description="attempts sampled in them")
    phases: list[LoopPhase]

    def share(self, names: tuple[str, ...], figure: str) -> float:
        """The share of phases `names` in all phases' flops, bytes or time_s."""
        amounts = {phase.name: _amount(phase, figure) for phase in self.phases}
        total = sum(amounts.values())
        return sum(amounts.get(name, 0.0) for name in names) / total if total else 0.0


class TestShare(Record):
    """Right answers on problems of the test split, with a Wilson 95 % interval."""

    __test__ = False  # not for pytest

    what: str
    right: Count
    problems: Count
    low: Amount
    high: Amount


class Training(Record):
    """One training: what it was, its curve, what it changed on test problems, what it cost."""

    schema_version: Literal["rooflink.training/2"] = "rooflink.training/2"
    provenance: Provenance
    method: str
    recipe: str = Field(description="name of the recipe")
    recipe_fingerprint: str = Field(description="hash of every field of the recipe")
    task: str | None = Field(description="None where the recipe mixes tasks")
    start: str | None = Field(description="the model that it started from; None from scratch")
    steps: Count
    train_s: Amount = Field(description="seconds of all steps, those before a resume included")
    curve: list[dict[str, float]]
    before: list[TestShare]
    after: list[TestShare]
    cost: LoopCost | None = Field(description="None: supervised, or nothing was left to do")


def _amount(phase: LoopPhase, figure: str) -> float:
    if figure == "flops":
        return phase.counted.flops
    return phase.counted.hbm_bytes.total if figure == "bytes" else phase.time_s
