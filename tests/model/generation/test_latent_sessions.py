"""Strategies over a cache of latents: whatever goes back, copies, drops, re-reads or drafts."""

from dataclasses import replace

import numpy as np
import pytest
from generation import answer_all

from rooflink.model.strategies.registry import parse_strategy

from ..references.models import all_logits, family_model
from .languages import PROMPTS, random_engine
from .test_strategies import BUSY, ROOM, VERIFIERS, mixed

MODEL = family_model("deepseek-v3")


@pytest.mark.parametrize("name", BUSY)
def test_a_latent_cache_holds_what_was_said(name: str) -> None:
    """The log-probability of each token is that of one plain pass over prompt and attempt, which
    makes keys and values of every head instead."""
    engine = replace(random_engine(mixed()), model=MODEL)
    compared = 0
    for one in answer_all(parse_strategy(BUSY[name], VERIFIERS), engine, PROMPTS):
        earlier: list[tuple[int, ...]] = []
        for attempt in one.attempts:
            prompt = PROMPTS[attempt.question]
            if name == "revision":
                prompt = engine.answer_format.revision(prompt, earlier)
                earlier.append(attempt.emitted)
            said = np.array(attempt.emitted)
            padded = np.zeros(ROOM, np.int64)
            padded[: len(prompt) + len(said)] = [*prompt, *said]
            logits = all_logits(MODEL, padded)[len(prompt) - 1 : len(prompt) + len(said) - 1]
            top = logits.max(axis=-1, keepdims=True)
            total = np.log(np.exp(logits - top).sum(axis=-1)) + top[:, 0]
            expected = logits[np.arange(len(said)), said] - total
            own = ~attempt.forced
            np.testing.assert_allclose(attempt.logprobs[own], expected[own], atol=2e-3)
            compared += int(own.sum())
    assert compared > 10
