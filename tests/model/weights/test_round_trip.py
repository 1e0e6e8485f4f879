"""The same numbers through every format give the same parameters."""

import json
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from gguf import GGMLQuantizationType
from tiny_models import (
    FAMILIES,
    LLAMA,
    as_bfloat16,
    config_json,
    public_tensors,
    split_into_shards,
    write_folder,
    write_gguf,
)

from rooflink.model.config import ModelConfig
from rooflink.model.weights import open_weights, parameters
from rooflink.model.weights.families import hf_config
from rooflink.model.weights.hf_config import fields_of

every_family = pytest.mark.parametrize("config", FAMILIES.values(), ids=FAMILIES.keys())


@every_family
def test_folder_states_the_configuration(tmp_path: Path, config: ModelConfig) -> None:
    folder = write_folder(tmp_path / "tiny", config, public_tensors(config))
    assert open_weights(str(folder)).config == config


@every_family
def test_gguf_states_the_configuration(tmp_path: Path, config: ModelConfig) -> None:
    source = open_weights(str(write_gguf(tmp_path / "m.gguf", config, public_tensors(config))))
    family = "llama" if config.family == "mistral" else config.family
    assert source.config == replace(config, family=family)


@every_family
def test_folder_and_gguf_give_the_same_parameters(tmp_path: Path, config: ModelConfig) -> None:
    tensors = public_tensors(config)
    folder = _parameters(write_folder(tmp_path / "folder", config, tensors))
    file = _parameters(write_gguf(tmp_path / "m.gguf", config, tensors))
    assert {name: array.shape for name, array in folder.items()} == config.parameter_shapes
    assert sum(array.size for array in folder.values()) == config.parameters
    for name, array in folder.items():
        np.testing.assert_array_equal(array, file[name], err_msg=name)


@every_family
def test_layout_computes_what_the_public_projections_do(config: ModelConfig) -> None:
    tensors = public_tensors(config)
    ours = parameters(config, tensors.items(), "float32")
    layer = "model.layers.1"
    x = np.linspace(-1, 1, config.embed_dim, dtype=np.float32)
    heads = np.linspace(-1, 1, config.query_heads * config.head_dim, dtype=np.float32)
    mlp = np.linspace(-1, 1, config.mlp_dim, dtype=np.float32)

    def public(name: str, vector: np.ndarray) -> np.ndarray:
        return tensors[f"{layer}.{name}.weight"] @ vector

    def close(actual: np.ndarray, desired: np.ndarray) -> None:
        np.testing.assert_allclose(actual, desired, rtol=1e-4, atol=1e-4)

    close(x @ ours["blocks.query"][1], public("self_attn.q_proj", x))
    close(x @ ours["blocks.key"][1], public("self_attn.k_proj", x))
    close(x @ ours["blocks.value"][1], public("self_attn.v_proj", x))
    close(heads @ ours["blocks.output"][1], public("self_attn.o_proj", heads))
    close(x @ ours["blocks.gate"][1], public("mlp.gate_proj", x))
    close(x @ ours["blocks.up"][1], public("mlp.up_proj", x))
    close(mlp @ ours["blocks.down"][1], public("mlp.down_proj", mlp))
    np.testing.assert_array_equal(
        ours["blocks.mlp_norm"][1], tensors[f"{layer}.post_attention_layernorm.weight"]
    )
    if config.qkv_bias:
        bias = tensors[f"{layer}.self_attn.v_proj.bias"]
        np.testing.assert_array_equal(ours["blocks.value_bias"][1], bias)
    if not config.tied_embeddings:
        close(x @ ours["head"], tensors["lm_head.weight"] @ x)


# Largest error of a standard normal value: half a step of the type's grid over a block.
SIMPLE_TYPES = {"F16": 2e-3, "BF16": 2e-2, "Q8_0": 2e-2, "Q5_0": 0.2, "Q5_1": 0.2, "Q4_0": 0.4}


@pytest.mark.parametrize(("kind", "tolerance"), [*SIMPLE_TYPES.items(), ("Q4_1", 0.4)])
def test_quantised_gguf_is_near_the_numbers(tmp_path: Path, kind: str, tolerance: float) -> None:
    tensors = public_tensors(LLAMA)
    exact = parameters(LLAMA, tensors.items(), "float32")
    path = write_gguf(tmp_path / "m.gguf", LLAMA, tensors, GGMLQuantizationType[kind])
    source = open_weights(str(path))
    read = parameters(source.config, source.tensors(), "float32")
    assert kind in source.description
    for name, array in exact.items():
        np.testing.assert_allclose(read[name], array, atol=tolerance, err_msg=name)
    np.testing.assert_array_equal(read["final_norm"], exact["final_norm"])
    assert (read["blocks.query"] != exact["blocks.query"]).any()


def test_sharded_folder_equals_a_single_file(tmp_path: Path) -> None:
    tensors = public_tensors(LLAMA)
    single = write_folder(tmp_path / "single", LLAMA, tensors)
    sharded = write_folder(tmp_path / "sharded", LLAMA, tensors)
    split_into_shards(sharded, tensors)
    expected = _parameters(single)
    for name, array in _parameters(sharded).items():
        np.testing.assert_array_equal(array, expected[name])


def test_bfloat16_stays_bfloat16(tmp_path: Path) -> None:
    tensors = as_bfloat16(public_tensors(LLAMA))
    source = open_weights(str(write_folder(tmp_path / "f", LLAMA, tensors)))
    assert {tensor.dtype for _, tensor in source.tensors()} == {np.dtype(ml_dtypes.bfloat16)}
    read = parameters(source.config, source.tensors(), "bfloat16")
    assert {array.dtype for array in read.values()} == {np.dtype(ml_dtypes.bfloat16)}
    np.testing.assert_array_equal(read["embedding"], tensors["model.embed_tokens.weight"])


def test_float16_folder_is_widened(tmp_path: Path) -> None:
    tensors = {name: t.astype(np.float16) for name, t in public_tensors(LLAMA).items()}
    read = _parameters(write_folder(tmp_path / "f", LLAMA, tensors))
    assert read["embedding"].dtype == np.float32
    np.testing.assert_array_equal(read["embedding"], tensors["model.embed_tokens.weight"])


def test_tensors_come_one_at_a_time(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", LLAMA, public_tensors(LLAMA))
    stream = open_weights(str(path)).tensors()
    assert iter(stream) is stream
    assert next(stream)[0] == "model.embed_tokens.weight"


def test_newer_rope_layout_means_the_same(tmp_path: Path) -> None:
    config = FAMILIES["llama3 scaling"]
    folder = write_folder(tmp_path / "tiny", config, public_tensors(config))
    fields = config_json(config)
    rope = {**fields.pop("rope_scaling"), "rope_theta": fields.pop("rope_theta")}
    (folder / "config.json").write_text(json.dumps({**fields, "rope_parameters": rope}))
    assert open_weights(str(folder)).config == config


WINDOWED: dict[str, object] = {"sliding_window": 32, "use_sliding_window": True}


@pytest.mark.parametrize(
    ("family", "extra", "window"),
    [
        ("mistral", {"sliding_window": 32}, 32),
        ("mistral", {"sliding_window": None}, None),
        ("qwen2", {"sliding_window": 32, "use_sliding_window": False}, None),
        ("mistral", {}, None),  # its window of 4,096 is more than the context
        ("mistral", {"max_position_embeddings": 32768}, 4096),
        ("qwen2", WINDOWED, None),  # from layer 28 on, by default
        ("qwen2", WINDOWED | {"max_window_layers": 1}, 32),
        ("qwen3", WINDOWED | {"max_window_layers": 0}, 32),
        ("qwen2", WINDOWED | {"max_window_layers": 0, "layer_types": 2 * ["full_attention"]}, None),
        ("qwen2", WINDOWED | {"layer_types": ["full_attention", "sliding_attention"]}, 32),
    ],
)
def test_layers_have_the_window_that_the_file_says(
    tmp_path: Path, family: str, extra: dict[str, object], window: int | None
) -> None:
    config = FAMILIES[family]
    folder = write_folder(tmp_path / "tiny", config, public_tensors(config))
    (folder / "config.json").write_text(json.dumps({**config_json(config), **extra}))
    read = open_weights(str(folder)).config
    assert read.window == window
    assert (read.windowed_share > 0) == (window is not None)
    assert read.context_length == extra.get("max_position_embeddings", config.context_length)


DEFAULTS: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "llama without KV heads": ("llama", {"num_key_value_heads": None}, {"kv_heads": 4}),
    "llama without a context": ("llama", {"max_position_embeddings": None},
                                {"context_length": 2048}),
    "null head width": ("llama", {"head_dim": None}, {"head_dim": 16}),
    "qwen2 says attention_bias": ("qwen2", {"attention_bias": True}, {"qkv_bias": True}),
    "qwen2 denies attention_bias": ("qwen2", {"attention_bias": False}, {"qkv_bias": True}),
    "qwen3's head width": ("qwen3", {"head_dim": None}, {"head_dim": 128}),
    "no rope_theta": ("llama", {"rope_theta": None}, {"rope_theta": 10000.0}),
    "no norm_eps": ("llama", {"rms_norm_eps": None}, {"norm_eps": 1e-6}),
    "linear by one": ("llama", {"rope_scaling": {"type": "linear", "factor": 1.0}},
                      {"rope_scaling": None}),
}  # fmt: skip


@pytest.mark.parametrize(("family", "extra", "meant"), DEFAULTS.values(), ids=DEFAULTS.keys())
def test_what_a_family_means_by_a_field(
    tmp_path: Path, family: str, extra: dict[str, object], meant: dict[str, object]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**config_json(FAMILIES[family]), **extra}))
    config = hf_config(fields_of(tmp_path / "config.json"))
    assert {name: getattr(config, name) for name in meant} == meant


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_a_head_of_its_own_is_used_whatever_the_flag_says(
    tmp_path: Path, kind: type, sharded: bool
) -> None:
    """As transformers 5 does; a head that is the embedding again is tied."""
    tied = FAMILIES["llama tied"]
    tensors = {name: t.astype(kind) for name, t in public_tensors(LLAMA).items()}
    for again in (False, True):
        if again:
            tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
        folder = write_folder(tmp_path / str(again), tied, tensors)
        if sharded:
            split_into_shards(folder, tensors)
        source = open_weights(str(folder))
        assert source.config.tied_embeddings == again
        read = parameters(source.config, source.tensors(), "float32")
        if not again:
            assert (read["head"] == tensors["lm_head.weight"].T.astype(np.float32)).all()


def test_harmless_extras_are_passed_over() -> None:
    config = FAMILIES["llama tied"]
    tensors = public_tensors(config)
    extras = {
        "lm_head.weight": tensors["model.embed_tokens.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(8, np.float32),
    }
    read = parameters(config, {**tensors, **extras}.items(), "float32")
    assert read.keys() == config.parameter_shapes.keys()


def _parameters(path: Path) -> dict[str, np.ndarray]:
    source = open_weights(str(path))
    return parameters(source.config, source.tensors(), "float32")
