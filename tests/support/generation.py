"""Attempts of a plain engine, in one call; answers of a strategy; tokens that a log has read."""

from collections.abc import Sequence

import numpy as np

from rooflink.model.generation.attempt import Answered, Attempt
from rooflink.model.generation.engine import Engine, Observer, Questions
from rooflink.model.generation.generate import generate
from rooflink.model.generation.pass_log import PassLog
from rooflink.model.generation.stopping import AnswerFormat, ThoughtRules
from rooflink.model.sampling import Sampler
from rooflink.model.strategies.base import Strategy
from rooflink.model.transformer import Transformer


def attempts_at(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    rules: ThoughtRules,
    sampler: Sampler,
    attempts: int = 1,
    seed: int = 0,
    first_index: int = 0,
    prompt_slots: int = 0,
    observer: Observer | None = None,
) -> list[Attempt]:
    """`attempts` at each prompt, ordered by prompt; texts are token ids."""
    answer_format = AnswerFormat(rules, lambda tokens: " ".join(map(str, tokens)))
    engine = Engine(model, answer_format, seed, prompt_slots, observer=observer, lean=True)
    questions = Questions(prompts, range(first_index, first_index + len(prompts)))
    return generate(engine, questions, sampler, attempts)


def answer_all(
    strategy: Strategy, engine: Engine, prompts: Sequence[Sequence[int]], batch: int | None = None
) -> list[Answered]:
    """Answers to all `prompts` [token ids], `batch` of them at a time (default: all)."""
    size = batch or max(len(prompts), 1)
    batches = [
        Questions(prompts[first : first + size], range(first, min(first + size, len(prompts))))
        for first in range(0, len(prompts), size)
    ]
    return [answered for batch in batches for answered in strategy.run(engine, batch)]


def tokens_read(log: PassLog, phase: str | None = None, discarded: bool | None = None) -> int:
    """Positions read: of one phase or all, on discarded branches, on others, or on both."""
    total = 0
    for record in log.records if phase is None else log.of_phase(phase):
        rows = np.ones(record.branches.shape, bool)
        if discarded is not None:
            rows = log.discarded(record) == discarded
        total += int((record.tokens * rows).sum())
    return total
