"""From what attempts said to the passes each phase made: the bridge to the counted lens."""

from dataclasses import dataclass

import numpy as np

from ..model.decode import StopReason
from ..model.generate import Attempt
from .counted.phase_costs import Passes, decode_passes, prefill_passes
from .workload import Plan


@dataclass(frozen=True)
class BatchPasses:
    """The passes of one batch, phase by phase, and its largest KV cache in positions."""

    prefill: Passes
    think: Passes
    answer: Passes
    cached_positions: int


def assumed_attempts(plan: Plan) -> list[Attempt]:
    """Attempts that use their whole budgets, for a workload that is costed and not run."""
    rules = plan.rules
    return [
        Attempt(
            prompt=prompt,
            attempt=attempt,
            thought=(0,) * rules.longest_thought,
            answer=(0,) * rules.answer_budget,
            forced_tokens=len(rules.cue),
            stop_reason=StopReason.BUDGET,
        )
        for prompt in range(len(plan.prompts))
        for attempt in range(plan.request.attempts)
    ]


def batch_passes(plan: Plan, attempts: list[Attempt]) -> list[BatchPasses]:
    """The passes of each batch of `plan`, whose `attempts` come ordered by prompt.

    A thought of n tokens is n - 1 think passes, because prefill emits its first token; an answer
    of m tokens is m passes, the first of which reads the last token of the thought.
    """
    found = []
    for batch in plan.batches:
        shape = (len(batch.prompts), plan.request.attempts)
        start = batch.first_index * plan.request.attempts
        own = attempts[start : start + shape[0] * shape[1]]
        think = np.array([len(a.thought) - 1 for a in own]).reshape(shape)
        answer = np.array([len(a.answer) for a in own]).reshape(shape)
        lengths = [len(prompt) for prompt in batch.prompts]
        found.append(
            BatchPasses(
                prefill=prefill_passes(lengths),
                think=decode_passes(lengths, np.zeros(shape, np.int64), think),
                answer=decode_passes(lengths, think, answer),
                cached_positions=sum(lengths) + int(think.sum() + answer.sum()),
            )
        )
    return found
