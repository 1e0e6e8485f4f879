"""Folders of models with latent attention: in blocks of fp8 as DeepSeek publishes them, and what
their published config.json files say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quantised_models import fp8
from safetensors.numpy import save_file
from tiny_models import write_tokenizer

from rooflink.model.config import preset
from rooflink.model.weights import open_weights, parameters
from rooflink.model.weights.families import hf_config
from rooflink.model.weights.hf_config import fields_of

from ..references.families import FAMILIES, tensors

FIELDS = FAMILIES["deepseek-v3"] | {"vocab_size": 288, "num_nextn_predict_layers": 1}
BLOCKS = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [16, 8]}


def test_blocks_of_fp8_mean_what_they_say(tmp_path: Path) -> None:
    """Projections as codes and a scale for each block, split where two matrices are one tensor and
    halves of heads put in order; the layer that predicts later tokens is left out."""
    stored, meant, rng = {}, {}, np.random.default_rng(0)
    for name, tensor in tensors(FIELDS).items():
        whole = tensor.ndim == 2 and "_proj." in name
        parts, values = (
            fp8(rng, tensor.shape, (16, 8), ".weight_scale_inv")
            if whole
            else ({"": tensor}, tensor)
        )
        stem = name.removesuffix(".weight") if whole else name
        stored |= {f"{stem}{end}": part for end, part in parts.items()}
        meant[name] = values
    stored["model.layers.4.eh_proj.weight"] = np.ones((2, 2), np.float32)
    (tmp_path / "config.json").write_text(json.dumps(FIELDS | {"quantization_config": BLOCKS}))
    save_file(stored, tmp_path / "model.safetensors")
    write_tokenizer(tmp_path)
    source = open_weights(str(tmp_path))
    assert source.stored is not None
    assert source.stored.words == "fp8 in blocks of 16 x 8 (fp8)"
    read = parameters(source.config, source.tensors(), "float32")
    expected = parameters(source.config, meant.items(), "float32")
    assert read.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(read[name], array, err_msg=name)


_SHARED = {
    "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "moe_layer_freq": 1, "rope_theta": 10000, "rms_norm_eps": 1e-6, "hidden_act": "silu",
    "max_position_embeddings": 163840, "attention_bias": False, "tie_word_embeddings": False,
}  # fmt: skip
_YARN = {"type": "yarn", "beta_fast": 32, "beta_slow": 1, "factor": 40,
         "original_max_position_embeddings": 4096}  # fmt: skip
_V3 = _SHARED | {
    "hidden_size": 7168, "num_hidden_layers": 61, "intermediate_size": 18432, "q_lora_rank": 1536,
    "moe_intermediate_size": 2048, "n_shared_experts": 1, "num_experts_per_tok": 8,
    "norm_topk_prob": True, "scoring_func": "sigmoid", "topk_method": "noaux_tc",
}  # fmt: skip
PUBLISHED: dict[str, dict[str, Any]] = {
    "deepseek-v2-lite": _SHARED | {
        "model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27,
        "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "vocab_size": 102400, "q_lora_rank": None,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6,
        "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "norm_topk_prob": False,
        "routed_scaling_factor": 1.0, "scoring_func": "softmax", "topk_method": "greedy",
        "rope_scaling": _YARN | {"mscale": 0.707, "mscale_all_dim": 0.707},
    },
    "deepseek-r1": _V3 | {
        "model_type": "deepseek_v3", "num_attention_heads": 128, "num_key_value_heads": 128,
        "vocab_size": 129280, "n_routed_experts": 256, "first_k_dense_replace": 3, "n_group": 8,
        "topk_group": 4, "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 1,
        "rope_scaling": _YARN | {"mscale": 1.0, "mscale_all_dim": 1.0},
    },
    "kimi-k2": _V3 | {
        "model_type": "kimi_k2", "num_attention_heads": 64, "num_key_value_heads": 64,
        "vocab_size": 163840, "n_routed_experts": 384, "first_k_dense_replace": 1, "n_group": 1,
        "topk_group": 1, "routed_scaling_factor": 2.827, "num_nextn_predict_layers": 0,
        "max_position_embeddings": 131072, "rope_theta": 50000.0,
        "rope_scaling": _YARN | {"beta_fast": 1.0, "factor": 32.0, "mscale": 1.0,
                                 "mscale_all_dim": 1.0},
    },
}  # fmt: skip
"""Fields of the config.json files on the hub that say something of what runs."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_is_the_preset(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(PUBLISHED[name]))
    ours, theirs = preset(name), hf_config(fields_of(folder / "config.json"))
    found, expected = (
        {key: value for key, value in vars(config).items() if key in type(config).__match_args__
         or key in config.__dataclass_fields__} for config in (theirs, ours)
    )  # fmt: skip
    assert found.pop("attention_scale") == pytest.approx(expected.pop("attention_scale"), rel=1e-12)
    for published_elsewhere in ("stored_dtype", "value_head_dim"):
        del found[published_elsewhere], expected[published_elsewhere]
    assert found == expected
