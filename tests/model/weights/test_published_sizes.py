"""What a model costs, from its config.json or a GGUF's header alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
from gguf import GGMLQuantizationType
from tiny_models import FAMILIES, LLAMA, config_json, public_tensors, write_folder, write_gguf

from rooflink.model.architecture import SIZES
from rooflink.model.config import PRESETS, ModelConfig, ModelInputError
from rooflink.model.weights import open_weights, sizes_of
from rooflink.model.weights.families import FAMILIES as RUNNING
from rooflink.model.weights.hf_config import model_name
from rooflink.profiling.predicted.models.described_models import described_models


def config(layers: int, width: int, heads: int, kv: int, mlp: int, vocab: int, **more: Any) -> Any:
    return {
        "num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads,
        "num_key_value_heads": kv, "intermediate_size": mlp, "vocab_size": vocab,
        "max_position_embeddings": 131072, **more,
    }  # fmt: skip


# Fields of published config.json files that say something about sizes.
DEEPSEEK = {
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
    "v_head_dim": 128, "n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1,
    "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "moe_layer_freq": 1,
    "num_nextn_predict_layers": 1,
}  # fmt: skip
QWEN3_MOE = {
    "model_type": "qwen3_moe", "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8,
    "decoder_sparse_step": 1, "mlp_only_layers": [], "sliding_window": None,
    "use_sliding_window": False, "max_window_layers": 48,
}  # fmt: skip
DESCRIBED = {
    "mixtral-8x7b": config(
        32, 4096, 32, 8, 14336, 32000, model_type="mixtral", num_local_experts=8,
        num_experts_per_tok=2, sliding_window=None,
    ),
    "qwen3-30b-a3b": config(48, 2048, 32, 4, 6144, 151936, moe_intermediate_size=768, **QWEN3_MOE),
    "qwen3-235b-a22b": config(
        94, 4096, 64, 4, 12288, 151936, moe_intermediate_size=1536, **QWEN3_MOE
    ),
    "gpt-oss-120b": config(
        36, 2880, 64, 8, 2880, 201088, model_type="gpt_oss", head_dim=64, num_local_experts=128,
        num_experts_per_tok=4, experts_per_token=4, sliding_window=128,
        layer_types=["sliding_attention", "full_attention"] * 18,
        quantization_config={"quant_method": "mxfp4"}, attention_bias=True,
    ),
    "deepseek-r1": config(
        61, 7168, 128, 128, 18432, 129280, model_type="deepseek_v3",
        quantization_config={"quant_method": "fp8"},
        rope_scaling={"type": "yarn", "factor": 40, "mscale": 1.0}, **DEEPSEEK,
    ),
}  # fmt: skip


LINEAR_3_OF_4 = ["linear_attention"] * 3 + ["full_attention"]
DELTA_NET = {
    "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4, "head_dim": 256,
}  # fmt: skip
LLAMA_4 = {
    "model_type": "llama4_text", "attention_chunk_size": 8192, "intermediate_size_mlp": 16384,
    "head_dim": 128, "num_experts_per_tok": 1,
}  # fmt: skip
MAMBA = {
    "model_type": "nemotron_h", "n_groups": 8, "conv_kernel": 4, "mlp_hidden_act": "relu2",
    "head_dim": 128,
}  # fmt: skip
GLM_5 = config(
    78, 6144, 64, 64, 12288, 154880, model_type="glm_moe_dsa", head_dim=64, n_routed_experts=256,
    num_experts_per_tok=8, n_shared_experts=1, moe_intermediate_size=2048, moe_layer_freq=1,
    first_k_dense_replace=3, kv_lora_rank=512, q_lora_rank=2048, qk_nope_head_dim=192,
    qk_rope_head_dim=64, v_head_dim=256, num_nextn_predict_layers=1, index_n_heads=32,
    index_head_dim=128, index_topk=2048,
)  # fmt: skip
SHARED_INDEX = ["full"] * 3 + ["shared", "shared", "shared", "full"] * 18 + ["shared"] * 3
OF_OTHER_LAYERS = {
    "glm-5": GLM_5,
    "glm-5.2": GLM_5 | {"indexer_types": SHARED_INDEX, "max_position_embeddings": 1048576},
    "deepseek-v3.2": config(
        61, 7168, 128, 128, 18432, 129280, model_type="deepseek_v32", index_n_heads=64,
        index_head_dim=128, index_topk=2048, **DEEPSEEK,
    ),
    "qwen3-next-80b-a3b": config(
        48, 2048, 16, 2, 5120, 151936, model_type="qwen3_next", full_attention_interval=4,
        linear_num_value_heads=32, num_experts=512, num_experts_per_tok=10,
        moe_intermediate_size=512, shared_expert_intermediate_size=512, decoder_sparse_step=1,
        mlp_only_layers=[], mtp_num_hidden_layers=1, **DELTA_NET,
    ),
    "qwen3.5-27b": config(
        64, 5120, 24, 4, 17408, 248320, model_type="qwen3_5_text", layer_types=LINEAR_3_OF_4 * 16,
        linear_num_value_heads=48, attn_output_gate=True, mtp_num_hidden_layers=1, **DELTA_NET,
    ),
    "qwen3.5-397b-a17b": config(
        60, 4096, 32, 2, 1, 248320, model_type="qwen3_5_moe_text", layer_types=LINEAR_3_OF_4 * 15,
        linear_num_value_heads=64, num_experts=512, num_experts_per_tok=10,
        moe_intermediate_size=1024, shared_expert_intermediate_size=1024, mtp_num_hidden_layers=1,
        **DELTA_NET,
    ),
    "gemma-4-31b": config(
        60, 5376, 32, 16, 21504, 262144, model_type="gemma4_text", head_dim=256,
        layer_types=(["sliding_attention"] * 5 + ["full_attention"]) * 10, global_head_dim=512,
        num_global_key_value_heads=4, attention_k_eq_v=True, sliding_window=1024,
        num_kv_shared_layers=0, hidden_size_per_layer_input=0, enable_moe_block=False,
    ),
    "gemma-4-26b-a4b": config(
        30, 2816, 16, 8, 2112, 262144, model_type="gemma4_text", head_dim=256,
        layer_types=(["sliding_attention"] * 5 + ["full_attention"]) * 5, global_head_dim=512,
        num_global_key_value_heads=2, attention_k_eq_v=True, sliding_window=1024,
        hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=128, top_k_experts=8,
        moe_intermediate_size=704,
    ),
    "llama-4-scout-17b-16e": config(
        48, 5120, 40, 8, 8192, 202048, num_local_experts=16, interleave_moe_layer_step=1,
        no_rope_layers=[], **LLAMA_4,
    ),
    "llama-4-maverick-17b-128e": config(
        48, 5120, 40, 8, 8192, 202048, num_local_experts=128, interleave_moe_layer_step=2,
        no_rope_layers=[1, 1, 1, 0] * 12, **LLAMA_4,
    ),
    "minimax-m2": config(
        62, 3072, 48, 8, 1536, 200064, model_type="minimax_m2", head_dim=128,
        num_local_experts=256, num_experts_per_tok=8, shared_intermediate_size=0, use_mtp=True,
        num_mtp_modules=3, mtp_transformer_layers=1,
    ),
    "nemotron-h-56b": config(
        118, 8192, 64, 8, 32768, 131072, hybrid_override_pattern="M-" * 54 + "*" * 10,
        mamba_num_heads=256, mamba_head_dim=64, ssm_state_size=256, **MAMBA,
    ),
    "nemotron-3-super-120b-a12b": config(
        88, 4096, 32, 2, 2688, 131072, mamba_num_heads=128, mamba_head_dim=64, ssm_state_size=128,
        layers_block_type=["mamba", "moe"] * 40 + ["attention"] * 8, n_routed_experts=512,
        num_experts_per_tok=22, moe_intermediate_size=2688, n_shared_experts=1,
        moe_shared_expert_intermediate_size=5376, moe_latent_size=1024,
        num_nextn_predict_layers=1, **MAMBA,
    ),
}  # fmt: skip
del OF_OTHER_LAYERS["qwen3.5-397b-a17b"]["intermediate_size"]  # its file has none


def folder_of(tmp_path: Path, fields: dict[str, Any]) -> str:
    """A folder with a config.json and nothing else."""
    (tmp_path / "config.json").write_text(json.dumps(fields))
    return str(tmp_path)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_config_has_the_sizes_of_the_described_model(tmp_path: Path, name: str) -> None:
    """The committed descriptions were written by hand, from the papers too."""
    described = PRESETS.get(name) or described_models()[name]
    sizes = sizes_of(folder_of(tmp_path, DESCRIBED[name]))
    read = {size: getattr(sizes.architecture, size) for size in SIZES}
    assert read == {size: getattr(described, size) for size in SIZES}
    assert (sizes.config is None) == (DESCRIBED[name]["model_type"] not in RUNNING)


@pytest.mark.parametrize("name", OF_OTHER_LAYERS)
def test_layers_of_other_kinds_are_read(tmp_path: Path, name: str) -> None:
    """The table's sizes are from files as these, and their sums fit the names."""
    described, sizes = (
        described_models()[name],
        sizes_of(folder_of(tmp_path, OF_OTHER_LAYERS[name])),
    )
    read = {size: getattr(sizes.architecture, size) for size in SIZES}
    table = {size: getattr(described, size) for size in SIZES}
    assert read == pytest.approx(table)


def test_a_nested_model_has_the_head_that_its_outer_fields_say(tmp_path: Path) -> None:
    text = OF_OTHER_LAYERS["qwen3.5-27b"]
    outer = {"model_type": "qwen3_5", "text_config": text, "tie_word_embeddings": True}
    assert sizes_of(folder_of(tmp_path, outer)).architecture.tied_embeddings


# (config.json, billions of parameters, of those that a token visits), from each model card.
CARDS = {
    "gemma-2-9b": (
        config(42, 3584, 16, 8, 14336, 256000, model_type="gemma2", head_dim=256), 9.24, 9.24,
    ),
    "gemma-3-1b": (
        config(26, 1152, 4, 1, 6912, 262144, model_type="gemma3_text", head_dim=256), 1.0, 1.0,
    ),
    "phi-3-mini": (config(32, 3072, 32, 32, 8192, 32064, model_type="phi3"), 3.82, 3.82),
    "smollm3-3b": (config(36, 2048, 16, 4, 11008, 128256, model_type="smollm3"), 3.08, 3.08),
    "starcoder2-3b": (config(30, 3072, 24, 2, 12288, 49152, model_type="starcoder2"), 3.03, 3.03),
    "olmoe-1b-7b": (
        config(16, 2048, 16, 16, 1024, 50304, model_type="olmoe", num_experts=64,
               num_experts_per_tok=8),
        6.92, 1.28,
    ),
    "qwen1.5-moe-a2.7b": (
        config(24, 2048, 16, 16, 5632, 151936, model_type="qwen2_moe", num_experts=60,
               num_experts_per_tok=4, moe_intermediate_size=1408,
               shared_expert_intermediate_size=5632),
        14.3, 2.7,
    ),
    "phi-3.5-moe": (
        config(32, 4096, 32, 8, 6400, 32064, model_type="phimoe", num_local_experts=16,
               num_experts_per_tok=2),
        41.9, 6.6,
    ),
    "deepseek-v2-lite": (
        config(27, 2048, 16, 16, 10944, 102400, model_type="deepseek_v2", **DEEPSEEK | {
            "q_lora_rank": None, "n_routed_experts": 64, "num_experts_per_tok": 6,
            "n_shared_experts": 2, "moe_intermediate_size": 1408, "first_k_dense_replace": 1}),
        15.7, 2.7,
    ),
    "glm-4.5-air": (
        config(46, 4096, 96, 8, 10944, 151552, model_type="glm4_moe", head_dim=128,
               n_routed_experts=128, num_experts_per_tok=8, n_shared_experts=1,
               moe_intermediate_size=1408, first_k_dense_replace=1),
        106, 12,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CARDS)
def test_a_config_has_the_parameters_of_its_card(tmp_path: Path, name: str) -> None:
    fields, billions, active = CARDS[name]
    architecture = sizes_of(folder_of(tmp_path, fields)).architecture
    assert architecture.parameters / 1e9 == pytest.approx(billions, rel=0.02)
    assert architecture.active_parameters / 1e9 == pytest.approx(active, rel=0.12)


WINDOWS: dict[str, tuple[dict[str, Any], int | None, float]] = {
    "mistral, by default": ({"model_type": "mistral"}, 4096, 1.0),
    "mistral, none": ({"model_type": "mistral", "sliding_window": None}, None, 0.0),
    "qwen2, later layers": (
        {"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 3}, 4096, 0.25),
    "qwen2, off": ({"model_type": "qwen2", "sliding_window": 64}, None, 0.0),
    "gemma2": ({"model_type": "gemma2", "sliding_window": 512}, 512, 0.5),
    "gemma3": ({"model_type": "gemma3_text", "sliding_window_pattern": 4}, 4096, 0.75),
    "exaone4": ({"model_type": "exaone4", "sliding_window_pattern": "LLLG"}, 4096, 0.75),
    "exaone4, last": ({"model_type": "exaone4", "sliding_window_pattern": "GL"}, 4096, 0.25),
    "phi3": ({"model_type": "phi3", "sliding_window": 2047}, 2047, 1.0),
    "phi3, none": ({"model_type": "phi3"}, None, 0.0),
    "listed": ({"model_type": "gpt_oss", "layer_types": ["full_attention"] * 3
                + ["sliding_attention"]}, 128, 0.25),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "window", "share"), WINDOWS.values(), ids=WINDOWS.keys())
def test_windows(tmp_path: Path, fields: dict[str, Any], window: int | None, share: float) -> None:
    sizes = sizes_of(folder_of(tmp_path, config(4, 64, 4, 2, 96, 288) | fields))
    assert (sizes.architecture.window, sizes.architecture.windowed_share) == (window, share)


COSTLESS: dict[str, dict[str, Any]] = {
    "yarn": {"rope_scaling": {"type": "yarn", "factor": 4.0}},
    "fp8": {"quantization_config": {"quant_method": "fp8"}},
    "activation": {"hidden_act": "gelu"},
}


@pytest.mark.parametrize("change", COSTLESS.values(), ids=COSTLESS.keys())
def test_what_does_not_change_the_shape(tmp_path: Path, change: dict[str, Any]) -> None:
    plain = sizes_of(folder_of(tmp_path, config_json(LLAMA)))
    assert plain.config == replace(LLAMA, name=tmp_path.name)
    sizes = sizes_of(folder_of(tmp_path, config_json(LLAMA) | change))
    assert (sizes.architecture, sizes.config) == (plain.architecture, plain.config)
    with pytest.raises(ModelInputError):
        open_weights(str(tmp_path))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sizes_of_a_whole_model_are_its_configuration(tmp_path: Path, family: str) -> None:
    tensors = public_tensors(FAMILIES[family])
    folder = str(write_folder(tmp_path / "tiny", FAMILIES[family], tensors))
    file = str(write_gguf(tmp_path / "m.gguf", FAMILIES[family], tensors))
    for model in (folder, file):
        sizes, opened = sizes_of(model), open_weights(model).config
        assert sizes.architecture == sizes.config == replace(opened, rope_scaling=None)
        assert sizes.architecture.parameters == opened.parameters


def test_names_without_a_file() -> None:
    assert sizes_of("llama3-8b").config == PRESETS["llama3-8b"]
    assert sizes_of("smollm2-135m").config == PRESETS["smollm2-135m"]
    assert sizes_of("reasoner").config == open_weights("reasoner").config


def test_the_hub_is_asked_for_config_json_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def snapshot(repo_id: str, **patterns: Any) -> str:
        asked.update(patterns, repo_id=repo_id)
        return folder_of(tmp_path, DESCRIBED["mixtral-8x7b"])

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert sizes_of("owner/Mixtral").architecture.name == "mixtral"
    assert asked["allow_patterns"] == ["config.json"]


def test_a_model_that_also_sees_is_its_reader_of_text(tmp_path: Path) -> None:
    text = config(26, 1152, 4, 1, 6912, 262144, model_type="gemma3_text", head_dim=256)
    nested = folder_of(tmp_path, {"model_type": "gemma3", "vision_config": {}, "text_config": text})
    assert sizes_of(nested).architecture.embed_dim == 1152


def test_what_gemma_3_4b_leaves_out_is_as_its_family_has_it(tmp_path: Path) -> None:
    text = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
            "num_hidden_layers": 34, "sliding_window": 1024}  # fmt: skip
    model = sizes_of(folder_of(tmp_path, {"model_type": "gemma3", "text_config": text}))
    shape = model.architecture
    assert (shape.query_heads, shape.kv_heads, shape.head_dim) == (8, 4, 256)
    assert (shape.vocab_size, shape.context_length) == (262208, 131072)
    assert shape.parameters / 1e9 == pytest.approx(3.88, rel=0.01)  # of its card, without SigLIP


@pytest.mark.parametrize("kind", ["NVFP4", "Q1_0", "I8"])
def test_types_of_a_gguf_that_are_not_read_still_have_a_shape(tmp_path: Path, kind: str) -> None:
    wide = replace(LLAMA, embed_dim=256, mlp_dim=256, head_dim=64)
    block, block_bytes = gguf.GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    path = tmp_path / "m.gguf"
    write_gguf(path, wide, public_tensors(wide), GGMLQuantizationType.Q8_0)
    whole = open_weights(str(path)).config
    retyped = path.read_bytes().replace(  # the first tensor's entry: its type
        _entry("token_embd.weight", 8), _entry("token_embd.weight", GGMLQuantizationType[kind])
    )
    assert retyped != path.read_bytes()
    assert block_bytes / block < 34 / 32
    path.write_bytes(retyped)
    assert sizes_of(str(path)).config == whole
    with pytest.raises(ModelInputError, match=f"'token_embd.weight' as {kind}, which is not read"):
        open_weights(str(path))


def _entry(name: str, kind: int) -> bytes:
    """A tensor table's entry of [288, 256] up to its type."""
    numbers = b"".join(n.to_bytes(8, "little") for n in (256, 288))
    return name.encode() + (2).to_bytes(4, "little") + numbers + kind.to_bytes(4, "little")


def test_a_gguf_of_experts(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "qwen3moe")
    writer.add_name("tiny moe")
    writer.add_block_count(2)
    writer.add_context_length(4096)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_expert_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(16)
    writer.add_expert_count(8)
    writer.add_expert_used_count(2)
    writer.add_tensor("token_embd.weight", public_tensors(LLAMA)["model.embed_tokens.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    moe = sizes_of(str(path)).architecture
    assert (moe.experts, moe.active_experts, moe.mlp_dim, moe.vocab_size) == (8, 2, 32, 288)
    assert moe.tied_embeddings
    # attention 2 * (64 * 64 + 64 * 32), a router of 64 * 8, 8 experts of 3 * 64 * 32, in 2 layers,
    # and 288 * 64; norms besides
    assert (
        moe.parameters - moe.vector_parameters
        == 2 * (2 * (64 * 64 + 64 * 32) + 64 * 8 + 8 * 3 * 64 * 32) + 288 * 64
    )


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"model_type": "mamba2"}, "has model_type 'mamba2'"),
    "heads": ({"num_key_value_heads": 3}, "4 query heads for 3 KV heads"),
    "experts": ({"num_experts_per_tok": 9}, "sends a token to 9 of 8 experts"),
    "layers": ({"layer_types": ["linear_attention"] * 4, "sliding_window": 64},
               "a layer of type 'linear_attention'"),
    "types": ({"layer_types": ["full_attention"], "sliding_window": 64}, "no list of its 4 layers"),
    "lists": ({"mlp_only_layers": "all"}, "'mlp_only_layers' that are no whole"),
    "negative": ({"first_k_dense_replace": -1}, "'first_k_dense_replace' = -1"),
    "dense": ({"first_k_dense_replace": 4}, "4 dense layers of 4, and experts"),
    "text": ({"hidden_size": "64"}, "'hidden_size' = '64'"),
    "float": ({"hidden_size": 1e400}, "finite number"),
    "missing": ({"vocab_size": None}, "lacks the field 'vocab_size'.*: predict its cost from"),
    "state alone": ({"model_type": "qwen3_next", "layer_types": ["linear_attention"] * 4},
                    "4 linear layers of 4"),
    "states": ({"model_type": "qwen3_next", "layer_types": ["mamba"] * 4},
               "a layer of type 'mamba'"),
    "few": ({"model_type": "qwen3_next", "layer_types": LINEAR_3_OF_4[:3]},
            "no list of its layers"),
    "letters": ({"model_type": "nemotron_h", "hybrid_override_pattern": "M*-X"}, "letters M"),
    "parts": ({"model_type": "nemotron_h", "hybrid_override_pattern": "M*-"},
              "describes 3 of 4 layers"),
    "no attention": ({"model_type": "nemotron_h", "hybrid_override_pattern": "MM--"},
                     "lacks a kind of layer"),
    "chunks": ({"model_type": "llama4_text", "no_rope_layers": [1, 0]}, "for fewer than 4"),
    "moe layers": ({"model_type": "llama4_text", "moe_layers": [True]}, "'moe_layers' that are no"),
    "per layer": ({"model_type": "gemma4_text"}, "has 'hidden_size_per_layer_input'"),
    "full heads": ({"model_type": "gemma4_text", "hidden_size_per_layer_input": 0,
                    "attention_k_eq_v": True, "num_global_key_value_heads": 3}, "for 3 KV heads"),
    "pattern": ({"sliding_window": 64, "sliding_window_pattern": "LLX"}, "or letters L and G"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_sizes_that_cannot_be(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    moe = {"model_type": "granitemoe", "num_local_experts": 8, "num_experts_per_tok": 2}
    folder = folder_of(tmp_path, config(4, 64, 4, 2, 96, 288) | moe | change)
    with pytest.raises(ModelInputError, match=sentence):
        sizes_of(folder)


def test_the_most_that_fields_take_is_worked_out_at_once(tmp_path: Path) -> None:
    moe = {"model_type": "qwen3_moe", "decoder_sparse_step": 7, "num_experts": 10**5}
    sizes = sizes_of(folder_of(tmp_path, config(10_000, 64, 4, 2, 10**6, 10**8) | moe))
    assert 10**13 < sizes.architecture.parameters < 10**15
    with pytest.raises(ModelInputError, match=r"describes .* parameters, which is not supported"):
        sizes_of(folder_of(tmp_path, config(10_000, 10**6, 4, 2, 10**6, 10**8) | moe))


def test_a_folder_that_runs_nowhere_still_names_itself(tmp_path: Path) -> None:
    folder = tmp_path / "a\nb [/red] ../c".replace("/", "_")
    folder.mkdir()
    sizes = sizes_of(folder_of(folder, config_json(LLAMA)))
    assert isinstance(sizes.config, ModelConfig)
    assert sizes.config.name == "a-b -_red- .._c"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Meta Llama 3.1 8B", "Meta Llama 3.1 8B"),
        ("/etc/passwd", "etc-passwd"),
        ("../../\x1b[31m[/red]/a\n`x`", "31m-red-a-x"),
        ("..", "stem"),
        ("\0", "stem"),
        ("a" * 300, "a" * 80),
        ("模型", "模型"),
    ],
)
def test_a_files_own_name_leads_nowhere(text: str, name: str) -> None:
    assert model_name(text, "stem") == name
