"""Tiny models of every family against values that torch and transformers gave.

`references/make_references.py` wrote the values; both sides make the same weights from seeds.
"""

from pathlib import Path

import numpy as np
import pytest

from rooflink.model.generation.stopping import ThoughtRules
from rooflink.model.sampling import Greedy

from ..support.generation import attempts_at
from .references.families import FAMILIES, GREEDY_TOKENS, TOKENS, VOCAB, token_sequence
from .references.models import all_logits, family_model

VALUES = np.load(Path(__file__).parent / "references" / "families.npz")


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_at_every_position(family: str) -> None:
    """float32 logits of all 48 positions and all 97 tokens; they deviate by 1.5 or so."""
    logits = all_logits(family_model(family), token_sequence(TOKENS))
    np.testing.assert_allclose(logits, VALUES[f"{family}/logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_tokens(family: str) -> None:
    """64 greedy tokens through prefill and cached decoding, where the reference caches nothing."""
    never = ((VOCAB,),)
    rules = ThoughtRules(GREEDY_TOKENS, 1, markers=never, cue=(0,), end_tokens=())
    prompt = token_sequence(TOKENS)[:8].tolist()
    (attempt,) = attempts_at(family_model(family), [prompt], rules, Greedy(), attempts=1)
    assert list(attempt.thought[:GREEDY_TOKENS]) == VALUES[f"{family}/greedy"].tolist()
