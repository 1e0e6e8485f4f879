"""The ledger of a training loop: work counted and time measured, phase by phase, as it goes on."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...model.config import ModelConfig
from ...model.training.rollout import Rollouts
from ..counted.passes import Passes, decode_passes, prefill_passes
from ..counted.unit import unit_costs
from ..record import CountedCost, HbmBytes
from ..record.training import LoopCost, LoopPhase
from ..total import sum_costs
from .update_cost import row_passes, update_cost

PHASES = ("prefill", "think", "answer", "reward", "reference", "update")
NOTHING = CountedCost(
    flops=0, vector_flops=0, hbm_bytes=HbmBytes(weights=0, kv_read=0, kv_write=0, activations=0)
)


class LoopLedger:
    """Adds up what a training loop tells of its work (`model.training.loop.LoopWatcher`).

    `speaker` samples and scores attempts; `learner` is updated (a student may be another model).
    The checker runs on the host: the phase reward has a time and no counted cost. Nor have the
    updates of a verifier's head alone: below 1 % of reading the attempt with its trunk.
    """

    def __init__(self, speaker: ModelConfig, learner: ModelConfig) -> None:
        self._speaker, self._learner = speaker, learner
        self._unit = unit_costs(speaker, "float32")
        self._time_s: dict[str, float] = defaultdict(float)
        self._tokens: dict[str, int] = defaultdict(int)
        self._passes: dict[str, int] = defaultdict(int)
        self._counted: dict[str, CountedCost] = defaultdict(lambda: NOTHING)
        self._attempts = self._steps = 0

    def advanced(self) -> None:
        """A step is done."""
        self._steps += 1

    def phase(self, name: str, time_s: float) -> None:
        """A phase took so long."""
        self._time_s[name] += time_s

    def sampled(self, rollouts: Rollouts) -> None:
        """Count the generation of these attempts; see `lengths.batch_passes` for the passes."""
        shape = rollouts.right.shape
        think = np.array([len(one.thought) - 1 for one in rollouts.said]).reshape(shape)
        answer = np.array([len(one.answer) for one in rollouts.said]).reshape(shape)
        prompts = rollouts.prompt_lengths.tolist()
        self._read("prefill", prefill_passes(prompts))
        self._read("think", decode_passes(prompts, np.zeros(shape, np.int64), think))
        self._read("answer", decode_passes(prompts, think, answer))
        self._attempts += rollouts.right.size

    def scored(self, lengths: Sequence[int], models: int) -> None:
        """Count one pass over rows of `lengths` under each of `models`."""
        for _ in range(models):
            self._read("reference", row_passes(lengths))

    def updated(self, lengths: Sequence[int]) -> None:
        """Count one update on rows of `lengths`."""
        self._add("update", sum(lengths), 1, update_cost(self._learner, lengths))

    def cost(self) -> LoopCost | None:
        """All of it; None where nothing was done."""
        phases = [
            LoopPhase(
                name=name,
                tokens=self._tokens[name],
                passes=self._passes[name],
                counted=self._counted[name],
                time_s=self._time_s[name],
            )
            for name in PHASES
            if name in self._time_s
        ]
        if not phases:
            return None
        return LoopCost(steps=self._steps, attempts=self._attempts, phases=phases)

    def _read(self, name: str, passes: Passes) -> None:
        tokens = int(passes.tokens.sum())
        self._add(name, tokens, len(passes.tokens), passes.total(self._unit))

    def _add(self, name: str, tokens: int, passes: int, cost: CountedCost) -> None:
        self._tokens[name] += tokens
        self._passes[name] += passes
        self._counted[name] = sum_costs([self._counted[name], cost])
