"""What a user can hand over wrongly: each is one sentence that says what, where and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import (
    FAMILIES,
    LLAMA,
    config_json,
    public_tensors,
    split_into_shards,
    write_folder,
    write_gguf,
)

from rooflink.model.config import ModelInputError
from rooflink.model.weights import open_weights, parameters


def load(path: Path) -> None:
    source = open_weights(str(path))
    parameters(source.config, source.tensors(), "float32")


def refusal(path: Path) -> str:
    """The one sentence that refuses `path`."""
    with pytest.raises(ModelInputError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "tiny", LLAMA, public_tensors(LLAMA))


def test_the_untouched_folder_loads(folder: Path) -> None:
    load(folder)


@pytest.mark.parametrize("field", ["hidden_size", "num_hidden_layers", "vocab_size", "model_type"])
def test_missing_field(folder: Path, field: str) -> None:
    fields = config_json(LLAMA)
    del fields[field]
    (folder / "config.json").write_text(json.dumps(fields))
    assert f"config.json lacks the field '{field}'" in refusal(folder)


CONFIG_CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "architecture": (
        {"model_type": "gpt_neox"},
        "'gpt_neox', which is not supported: llama, qwen2",
    ),
    "latent attention": (
        {"model_type": "deepseek_v32"},
        "'deepseek_v32', which is not supported: the nearest that runs is deepseek_v3;",
    ),
    "choice of experts": (
        {"model_type": "deepseek_v2", "num_experts_per_tok": 2, "topk_method": "best"},
        "chooses experts by the rule 'best', which is not supported: greedy,",
    ),
    "scores of experts": (
        {"model_type": "deepseek_v3", "first_k_dense_replace": 0, "scoring_func": "softmax"},
        "scores experts by 'softmax', which is not supported: sigmoid is",
    ),
    "layers of experts": (
        {"model_type": "deepseek_v3", "moe_layer_freq": 2},
        "has experts in some layers alone, which is not supported",
    ),
    "an index of positions": (
        {"model_type": "deepseek_v3", "first_k_dense_replace": 0, "index_topk": 64},
        "has index_heads 64, which rooflink does not run",
    ),
    "odd rotated part": (
        {"model_type": "deepseek_v3", "first_k_dense_replace": 0, "qk_rope_head_dim": 7},
        "head width 7",
    ),
    "spelt alike": ({"model_type": "olmo"}, "the nearest that runs is olmo2;"),
    "wrong type": ({"hidden_size": "64"}, "'hidden_size' = '64' where a positive integer belongs"),
    "negative": ({"num_hidden_layers": -1}, "'num_hidden_layers' = -1"),
    "heads": ({"num_key_value_heads": 3}, "4 query heads, which 3 KV heads do not divide"),
    "odd head": ({"head_dim": 15}, "head width 15"),
    "bias": ({"attention_bias": True}, "self_attn.q_proj.bias' is missing"),
    "mlp bias": ({"mlp_bias": True}, "sets mlp_bias"),
    "activation": ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
    "scaling": ({"rope_scaling": {"type": "mrope"}}, "by the rule 'mrope', which is not supported"),
    "long": ({"rope_scaling": {"type": "longrope"}}, "'short_factor' that is no list of numbers"),
    "rope": ({"rope_scaling": "linear"}, "'rope_scaling' that is not an object"),
    "partial": ({"partial_rotary_factor": 0.1}, "rotates 1 of a head's 16 dimensions"),
    "more than a head": ({"partial_rotary_factor": 2.0}, "rotates 32 of a head's 16 dimensions"),
    "llama3 factor": ({"rope_scaling": {"rope_type": "llama3"}}, "lacks the field 'factor'"),
    "layers": ({"num_hidden_layers": 3}, "'model.layers.2.input_layernorm.weight' is missing"),
    "fewer layers": ({"num_hidden_layers": 1}, "'model.layers.1."),
    "shape": ({"intermediate_size": 128}, "has shape [64, 96], the configuration says [64, 128]"),
    "tokens": ({"vocab_size": 200}, "has 268 tokens but the model embeds 200"),
    "too large": ({"intermediate_size": 10**8}, "GB of memory but"),
    "larger than any": ({"intermediate_size": 10**8 + 1}, "has mlp_dim 100,000,001, which is not"),
    "no size at all": ({"intermediate_size": 2**31}, "where a positive integer belongs"),
}


@pytest.mark.parametrize(("change", "said"), CONFIG_CHANGES.values(), ids=CONFIG_CHANGES.keys())
def test_config_that_cannot_be(folder: Path, change: dict[str, Any], said: str) -> None:
    (folder / "config.json").write_text(json.dumps({**config_json(LLAMA), **change}))
    assert said in refusal(folder)


FILE_CHANGES: dict[str, tuple[str, Callable[[bytes], bytes | None], str]] = {
    "config gone": ("config.json", lambda _: None, "no config.json"),
    "config text": ("config.json", lambda _: b"{", "config.json is not JSON"),
    "config list": ("config.json", lambda _: b"[]", "config.json is not a JSON object"),
    "config binary": ("config.json", lambda _: b"\xff\xfe\x00", "is not UTF-8"),
    "tokenizer gone": ("tokenizer.json", lambda _: None, "no tokenizer at"),
    "tokenizer cut": ("tokenizer.json", lambda b: b[:99], "tokenizer.json is damaged"),
    "settings": ("tokenizer_config.json", lambda _: b"?", "tokenizer_config.json is not JSON"),
    "weights gone": ("model.safetensors", lambda _: None, "neither model.safetensors nor"),
    "weights cut": ("model.safetensors", lambda b: b[:-8], "model.safetensors is damaged"),
    "weights cut early": ("model.safetensors", lambda b: b[:4], "model.safetensors is damaged"),
    "weights zero": ("model.safetensors", lambda _: b"", "model.safetensors is damaged"),
}


@pytest.mark.parametrize(("name", "change", "said"), FILE_CHANGES.values(), ids=FILE_CHANGES.keys())
def test_damaged_file(
    folder: Path, name: str, change: Callable[[bytes], bytes | None], said: str
) -> None:
    path = folder / name
    changed = change(path.read_bytes())
    path.unlink()
    if changed is not None:
        path.write_bytes(changed)
    message = refusal(folder)
    assert said in message
    assert str(folder) in message


def test_older_tokenizer_only(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "tokenizer.model")
    assert "only a tokenizer.model" in refusal(folder)


def test_missing_shard(folder: Path) -> None:
    split_into_shards(folder, public_tensors(LLAMA))
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors is missing" in refusal(folder)


def test_index_may_not_lead_elsewhere(folder: Path) -> None:
    index = {"weight_map": {"model.norm.weight": "../other.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "only .safetensors files beside it" in refusal(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickles_are_never_opened(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert "convert them to safetensors" in refusal(folder)
    assert "convert the model to safetensors" in refusal(folder / name)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(tmp_path: Path, value: float) -> None:
    tensors = public_tensors(LLAMA)
    tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = value
    said = "'model.layers.1.mlp.up_proj.weight' holds 1 values that are not finite"
    assert said in refusal(write_folder(tmp_path / "tiny", LLAMA, tensors))
    assert said in refusal(write_gguf(tmp_path / "m.gguf", LLAMA, tensors))


def test_integer_tensors_are_refused(tmp_path: Path) -> None:
    tensors = public_tensors(LLAMA)
    tensors["model.norm.weight"] = np.ones(64, np.int8)
    assert "'model.norm.weight' as I8" in refusal(write_folder(tmp_path / "t", LLAMA, tensors))


def test_tensors_of_another_model(tmp_path: Path) -> None:
    tensors = public_tensors(LLAMA)
    tensors["model.layers.0.self_attn.q_proj.bias"] = np.ones(64, np.float32)
    said = "'model.layers.0.self_attn.q_proj.bias' has no place in this model"
    assert said in refusal(write_folder(tmp_path / "t", LLAMA, tensors))


def test_a_tensor_given_twice() -> None:
    tensors = public_tensors(LLAMA)
    twice = [*tensors.items(), next(iter(tensors.items()))]
    with pytest.raises(ModelInputError, match=r"'model.embed_tokens.weight' is given twice"):
        parameters(LLAMA, twice, "float32")


GGUF_CHANGES = {
    "architecture": ({"architecture": "gemma3"}, "the architecture 'gemma3', which is not"),
    "experts": ({"llama__expert_count": "8"}, "mixture of experts"),
    "yarn": ({"llama__rope__scaling__type": "yarn"}, "rotary frequencies (yarn)"),
    "tokenizer": ({"tokenizer__ggml__model": "bert"}, "a tokenizer of kind 'bert'"),
    "splits": ({"tokenizer__ggml__pre": "falcon"}, "the pre-tokenizer 'falcon'"),
    "tokens": ({"tokenizer__ggml__tokens": "x"}, "'tokenizer.ggml.tokens' is missing or not"),
    "merges": ({"tokenizer__ggml__merges": "x"}, "'tokenizer.ggml.merges' is missing or not"),
    "types": ({"tokenizer__ggml__token_type": "x"}, "as many token types"),
    "width": ({"llama__attention__value_length": "x"}, "'llama.attention.value_length' = 'x'"),
}


@pytest.mark.parametrize(("change", "said"), GGUF_CHANGES.values(), ids=GGUF_CHANGES.keys())
def test_gguf_that_cannot_be(tmp_path: Path, change: dict[str, str], said: str) -> None:
    path = write_gguf(tmp_path / "m.gguf", LLAMA, public_tensors(LLAMA), **change)
    message = refusal(path)
    assert said in message
    assert str(path) in message


def test_a_template_that_does_not_parse_stops_prompts_alone(tmp_path: Path) -> None:
    tensors = public_tensors(LLAMA)
    path = write_gguf(tmp_path / "m.gguf", LLAMA, tensors, tokenizer__chat_template="{% for")
    load(path)
    with pytest.raises(ModelInputError, match=rf"of {path} does not parse"):
        open_weights(str(path)).tokenizer.chat_prompt("hi")


def test_gguf_with_other_rotary_scaling(tmp_path: Path) -> None:
    tensors = {**public_tensors(LLAMA), "rope_freqs.weight": np.linspace(1, 3, 8, dtype=np.float32)}
    path = write_gguf(tmp_path / "m.gguf", LLAMA, tensors)
    assert "in another way than Llama 3.1" in refusal(path)


def test_gguf_without_a_tensor(tmp_path: Path) -> None:
    tensors = public_tensors(LLAMA)
    del tensors["model.norm.weight"]
    assert "'model.norm.weight' is missing" in refusal(write_gguf(tmp_path / "m", LLAMA, tensors))
    del tensors["model.embed_tokens.weight"]
    assert "lacks the tensor 'token_embd" in refusal(write_gguf(tmp_path / "n", LLAMA, tensors))


def test_gguf_with_a_foreign_tensor(tmp_path: Path) -> None:
    tensors = {**public_tensors(LLAMA), "blk.0.ffn_gate_inp.weight": np.ones((8, 64), np.float32)}
    assert "no place for" in refusal(write_gguf(tmp_path / "m.gguf", LLAMA, tensors))


def test_names_that_mean_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "no hub id of the form owner/name" in refusal(Path("nosuchmodel"))
    assert "--weights none|random" in refusal(Path("llama3-8b"))
    assert "check the path" in refusal(tmp_path / "none.gguf")
    assert "pass its folder" in refusal(tmp_path / "x.safetensors")
    assert "no config.json" in refusal(tmp_path)


def test_biases_that_the_tensors_lack(tmp_path: Path) -> None:
    config = FAMILIES["qwen3"]
    folder = write_folder(tmp_path / "q", config, public_tensors(config))
    (folder / "config.json").write_text(json.dumps({**config_json(config), "attention_bias": True}))
    assert "self_attn.q_proj.bias' is missing" in refusal(folder)
