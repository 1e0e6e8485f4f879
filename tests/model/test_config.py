"""Sizes that follow from a configuration, against what publishers state."""

import math
from dataclasses import replace
from itertools import chain

import jax
import pytest

from rooflink.model.config import PRESETS, ModelConfig, ModelInputError, preset
from rooflink.model.styles import LayerKind
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
    "mistral-nemo-12b": 12_247_782_400,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-32b": 32_763_876_352,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-1b": 999_885_952,
    "gemma-3-4b": 3_880_263_168,  # 4,300,079,472 less what sees: 416,866,032 and 2,950,272
    "gemma-3-12b": 11_766_034_176,
    "gemma-3-27b": 27_009_346_304,
    "phi-3-mini-3.8b": 3_821_079_552,
    "phi-4-14b": 14_659_507_200,
    "olmo-2-1b": 1_484_916_736,
    "olmo-2-7b": 7_298_617_344,
    "smollm3-3b": 3_075_098_624,
    "mixtral-8x7b": 46_702_792_704,
    "qwen3-30b-a3b": 30_532_122_624,
    "gpt-oss-20b": 20_914_757_184,
    "glm-4.5-air": 106_852_251_264,  # without the layer that predicts later tokens
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-r1": 671_026_419_200,  # without that layer too
    "kimi-k2": 1_026_408_232_448,
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


def test_hopeless_preset_name_says_where_the_names_are() -> None:
    """A name like no other is answered by the command that lists them."""
    with pytest.raises(ModelInputError) as caught:
        preset("??")
    assert "did you mean" not in str(caught.value)
    assert "`rooflink models` lists the presets" in str(caught.value)


GEMMA_3 = preset("gemma-3-1b")
"""Layers of five windows and one full one, again and again: 26, of which the last two remain."""


def test_layers_run_in_segments_of_their_pattern() -> None:
    """Four whole periods under one scan, what remains under another; each layer in one stack."""
    assert [(len(one.kinds), one.first, one.repeats) for one in GEMMA_3.segments] == [
        (6, 0, 4), (2, 24, 1),
    ]  # fmt: skip
    assert GEMMA_3.stacks["blocks.5"] == range(5, 24, 6)
    assert sorted(chain.from_iterable(GEMMA_3.stacks.values())) == list(range(26))
    for layers in GEMMA_3.stacks.values():
        assert len({GEMMA_3.kind(layer) for layer in layers}) == 1


def test_a_prefix_of_like_layers_is_one_stack() -> None:
    """Seven layers: three full ones, then windows; the share follows from the pattern."""
    full, near = LayerKind(), LayerKind(windowed=True)
    config = replace(
        QWEN2_0_5B, layers=7, prefix=(full,) * 3, pattern=(near,), window=64, windowed_share=0.0
    )
    assert [list(layers) for layers in config.stacks.values()] == [[0, 1, 2], [3, 4, 5, 6]]
    assert config.windowed_share == 4 / 7
    assert leaf_sizes(config) == config.parameters


def test_layers_with_a_window_need_its_size() -> None:
    with pytest.raises(ModelInputError, match="a window of no size"):
        replace(QWEN2_0_5B, pattern=(LayerKind(windowed=True),))
