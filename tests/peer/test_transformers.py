"""Live against torch and transformers: every position, every token of the vocabulary.

Run with `pytest -m peer tests/peer`; reading the GGUF in transformers also needs `accelerate`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rooflink.model.generation.stopping import ThoughtRules
from rooflink.model.sampling import Greedy
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights import open_weights, parameters
from rooflink.model.weights.families import hf_config
from rooflink.model.weights.hf_config import fields_of
from rooflink.model.weights.safetensors import safetensors_files, tensor_table
from rooflink.model.weights.smollm2 import smollm2_file

from ..model.references.families import (
    FAMILIES,
    GREEDY_TOKENS,
    TOKENS,
    Fields,
    tensors,
    token_sequence,
)
from ..model.references.models import all_logits, config_of, model_of
from ..support.generation import attempts_at

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ..model.references import make_references as reference  # noqa: E402

pytestmark = pytest.mark.peer

VARIANTS: dict[str, Fields] = {
    **FAMILIES,
    "one KV head": {**FAMILIES["llama-tied"], "num_key_value_heads": 1},
    "a KV head per query head": {**FAMILIES["qwen3"], "num_key_value_heads": 6},
    "one layer, tied": {
        **FAMILIES["qwen3"],
        "num_hidden_layers": 1,
        "tie_word_embeddings": True,
    },
    "untied, large theta": {
        **FAMILIES["qwen2"],
        "tie_word_embeddings": False,
        "rope_theta": 1e6,
    },
    "small epsilon": {**FAMILIES["mistral"], "rms_norm_eps": 1e-6},
}


def require_greedy(
    ours: Transformer, theirs: Any, prompt: np.ndarray, count: int, tie: float
) -> None:
    """Each of the `count` tokens we say is the one they find likeliest, but for ties."""
    never = ((ours.config.vocab_size,),)
    rules = ThoughtRules(count, 1, markers=never, cue=(0,), end_tokens=())
    (attempt,) = attempts_at(ours, [prompt.tolist()], rules, Greedy(), attempts=1)
    said = np.array(attempt.thought[:count])
    logits = reference.all_logits(theirs, np.concatenate((prompt, said[:-1])))[len(prompt) - 1 :]
    assert (logits[np.arange(count), said] > logits.max(axis=-1) - tie).all()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_and_greedy_tokens(variant: str, seed: int) -> None:
    """All logits of 48 positions, and the 16 greedy tokens after 8 of them."""
    fields = VARIANTS[variant]
    theirs = reference.reference_model(fields, tensors(fields, seed))
    ours = model_of(fields, seed=seed)
    tokens = token_sequence(TOKENS, seed=seed)
    expected = reference.all_logits(theirs, tokens)
    np.testing.assert_allclose(all_logits(ours, tokens), expected, rtol=0, atol=1e-4)

    require_greedy(ours, theirs, tokens[:8], count=16, tie=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_folder_that_transformers_writes(family: str, tmp_path: Path) -> None:
    """What save_pretrained writes opens to the same configuration and the same arrays."""
    theirs = reference.reference_model(FAMILIES[family], tensors(FAMILIES[family]))
    theirs.save_pretrained(tmp_path)
    config = replace(hf_config(fields_of(tmp_path / "config.json")), name="")
    assert config == replace(config_of(FAMILIES[family]), name="")
    table = tensor_table(safetensors_files(tmp_path))
    stored = ((name, tensor.array()) for name, tensor in table.items())
    written = parameters(config, stored, "float32")
    expected = parameters(config, tensors(FAMILIES[family]).items(), "float32")
    for name, array in expected.items():
        np.testing.assert_array_equal(written[name], array)


@pytest.mark.slow
def test_smollm2() -> None:
    """SmolLM2-135M: all 49,152 logits at 200 positions, and 64 greedy tokens."""
    theirs, tokens = reference.reference_smollm2(smollm2_file())
    source = open_weights("smollm2-135m")
    weights = parameters(source.config, source.tensors(), "float32")
    ours = transformer_from(source.config, "float32", weights)
    expected = reference.all_logits(theirs, tokens)
    np.testing.assert_allclose(all_logits(ours, tokens), expected, rtol=0, atol=1e-3)

    question = tokens[: reference.QUESTION_POSITIONS]
    require_greedy(ours, theirs, question, GREEDY_TOKENS, tie=1e-3)
