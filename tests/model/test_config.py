"""Sizes that follow from a configuration, against what publishers state."""

import math

import jax
import pytest

from rooflink.model.config import PRESETS, ModelConfig, ModelInputError, preset
from rooflink.model.transformer import abstract_transformer

PUBLISHED_PARAMETERS = {
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "llama2-7b": 6_738_415_616,
    "llama2-13b": 13_015_864_320,
    "llama2-70b": 68_976_648_192,
    "llama3-8b": 8_030_261_248,
    "llama3-70b": 70_553_706_496,
    "qwen3-0.6b": 596_049_920,
    "qwen3-8b": 8_190_735_360,
    "qwen3-32b": 32_762_123_264,
    "mistral-7b": 7_248_023_552,
}

QWEN2_0_5B = ModelConfig(
    name="qwen2-0.5b", family="qwen2", layers=24, embed_dim=896, query_heads=14, kv_heads=2,
    head_dim=64, mlp_dim=4864, vocab_size=151936, context_length=32768, rope_theta=1e6,
    norm_eps=1e-6, tied_embeddings=True, qkv_bias=True,
)  # fmt: skip


def leaf_sizes(config: ModelConfig) -> int:
    leaves = jax.tree.leaves(abstract_transformer(config, "bfloat16"))
    return sum(math.prod(leaf.shape) for leaf in leaves)


def test_every_preset_has_a_published_count() -> None:
    """No preset goes untested, under the name it is asked for by."""
    assert PUBLISHED_PARAMETERS.keys() == PRESETS.keys()
    assert all(name == config.name for name, config in PRESETS.items())


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS)
def test_parameters_are_the_published_ones(name: str) -> None:
    """The closed form gives the number of parameters in the published checkpoint."""
    assert preset(name).parameters == PUBLISHED_PARAMETERS[name]


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS)
def test_parameters_are_what_the_model_holds(name: str) -> None:
    """The closed form counts the arrays of the module, to the last scalar."""
    assert leaf_sizes(preset(name)) == PUBLISHED_PARAMETERS[name]


def test_biases_are_counted() -> None:
    """Qwen2-0.5B, the one family with biases: 494,032,768 parameters as published."""
    assert QWEN2_0_5B.parameters == 494_032_768
    assert leaf_sizes(QWEN2_0_5B) == 494_032_768


@pytest.mark.parametrize(
    ("name", "bytes_per_token"),
    [
        ("llama3-8b", 131_072),  # 2 x 32 layers x 8 heads x 128 x 2 bytes
        ("llama2-7b", 524_288),  # 2 x 32 x 32 x 128 x 2: no grouped heads
        ("llama2-70b", 327_680),  # 2 x 80 x 8 x 128 x 2
        ("smollm2-135m", 23_040),  # 2 x 30 x 3 x 64 x 2
    ],
)
def test_kv_bytes_per_token(name: str, bytes_per_token: int) -> None:
    """Worked by hand in bfloat16; float32 takes twice as much."""
    assert preset(name).kv_bytes_per_token("bfloat16") == bytes_per_token
    assert preset(name).kv_bytes_per_token("float32") == 2 * bytes_per_token


def test_weight_bytes() -> None:
    """Llama-3-8B is 16.06 GB in bfloat16 and twice that in float32."""
    assert preset("llama3-8b").weight_bytes("bfloat16") == 16_060_522_496
    assert preset("llama3-8b").weight_bytes("float32") == 32_121_044_992


def test_preset_in_any_case() -> None:
    """Names are found however they are capitalised."""
    assert preset("LLaMA3-8B") is PRESETS["llama3-8b"]


def test_unknown_preset_names_near_ones() -> None:
    """A misspelt name is answered by the names it may have meant, not by all."""
    with pytest.raises(ModelInputError, match=r"'lama3-8b'.*llama3-8b") as caught:
        preset("lama3-8b")
    assert "mistral-7b" not in str(caught.value)


def test_hopeless_preset_name_lists_all() -> None:
    """A name like no other is answered by every preset."""
    with pytest.raises(ModelInputError) as caught:
        preset("??")
    assert all(name in str(caught.value) for name in PRESETS)
