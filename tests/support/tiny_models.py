"""Tiny random models written as a Hugging Face folder and as a GGUF, from the same numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import ml_dtypes
import numpy as np
import tokenizers
from gguf import GGMLQuantizationType
from safetensors.numpy import save_file
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from rooflink.model.config import ModelConfig
from rooflink.model.styles import Llama3Scaling
from rooflink.model.training.model_folder import public_sizes

LLAMA3_SCALING = Llama3Scaling(8.0, 1.0, 4.0, 8192)

# Every width is a multiple of 32, the block of the simple quantisations; K-quants need 256.
LLAMA = ModelConfig(
    name="tiny", family="llama", layers=2, embed_dim=64, query_heads=4, kv_heads=2, head_dim=16,
    mlp_dim=96, vocab_size=288, context_length=128, rope_theta=10000.0, norm_eps=1e-5,
    tied_embeddings=False,
)  # fmt: skip
FAMILIES = {
    "llama": LLAMA,
    "llama tied": replace(LLAMA, tied_embeddings=True),
    "llama3 scaling": replace(LLAMA, rope_theta=5e5, rope_scaling=LLAMA3_SCALING),
    "qwen2": replace(LLAMA, family="qwen2", qkv_bias=True, tied_embeddings=True),
    # A head width that is not embed_dim / query_heads, as in Qwen3's own models.
    "qwen3": replace(LLAMA, family="qwen3", qk_norm=True, head_dim=32, norm_eps=1e-6),
    "mistral": replace(LLAMA, family="mistral"),
}

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] "
    "+ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def public_tensors(config: ModelConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Random float32 tensors of `config` by public name, written out apart from the package."""
    rng = np.random.default_rng(seed)
    D, F, V = config.embed_dim, config.mlp_dim, config.vocab_size
    q, kv = config.query_heads * config.head_dim, config.kv_heads * config.head_dim
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (V, D),
        "model.norm.weight": (D,),
    }
    if not config.tied_embeddings:
        shapes["lm_head.weight"] = (V, D)
    for layer in range(config.layers):
        block = {
            "input_layernorm.weight": (D,),
            "self_attn.q_proj.weight": (q, D),
            "self_attn.k_proj.weight": (kv, D),
            "self_attn.v_proj.weight": (kv, D),
            "self_attn.o_proj.weight": (D, q),
            "post_attention_layernorm.weight": (D,),
            "mlp.gate_proj.weight": (F, D),
            "mlp.up_proj.weight": (F, D),
            "mlp.down_proj.weight": (D, F),
        }
        if config.qkv_bias:
            block |= {
                f"self_attn.{n}_proj.bias": (s,) for n, s in zip("qkv", (q, kv, kv), strict=True)
            }
        if config.qk_norm:
            block |= {f"self_attn.{n}_norm.weight": (config.head_dim,) for n in "qk"}
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in block.items()}
    return {name: rng.standard_normal(s).astype(np.float32) for name, s in shapes.items()}


def byte_vocabulary() -> tuple[list[str], list[str]]:
    """(tokens, merges): the 256 bytes as GPT-2 spells them, a few merges, control tokens."""
    tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["h e", "l l", "he ll", "Ġ t", "Ġ Ġ", "1 2", "o Ċ", "i n"]
    tokens += [merge.replace(" ", "") for merge in merges]
    return [*tokens, "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>"], merges


def write_folder(folder: Path, config: ModelConfig, tensors: dict[str, np.ndarray]) -> Path:
    """A Hugging Face folder of `config` with one safetensors file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_json(config)))
    save_file(tensors, folder / "model.safetensors")
    write_tokenizer(folder)
    return folder


def config_json(config: ModelConfig) -> dict[str, Any]:
    """What transformers writes for `config` (version 4's rotary fields)."""
    fields: dict[str, Any] = {**public_sizes(config), "hidden_act": "silu", "eos_token_id": 266}
    if config.rope_scaling is not None:
        fields["rope_scaling"] = {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        }
    return fields


def write_tokenizer(folder: Path) -> None:
    """tokenizer.json and tokenizer_config.json with SmolLM's splitting rule."""
    tokens, merges = byte_vocabulary()
    pairs = [(a, b) for a, b in (merge.split(" ") for merge in merges)]
    backend = tokenizers.Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, pairs))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in tokens[-4:-1]])
    backend.add_tokens([AddedToken(tokens[-1], normalized=False)])
    backend.save(str(folder / "tokenizer.json"))
    settings = {
        "bos_token": "<|im_start|>",
        "eos_token": {"content": "<|im_end|>"},
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_gguf(
    path: Path,
    config: ModelConfig,
    tensors: dict[str, np.ndarray],
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    **metadata: Any,
) -> Path:
    """A GGUF as llama.cpp's converter writes it; matrices as `kind`, the rest as F32.

    `metadata` adds or overrides string fields, dots of the key written as '__'.
    """
    arch = config.family if config.family.startswith("qwen") else "llama"
    writer = gguf.GGUFWriter(path, metadata.pop("architecture", arch))
    writer.add_name("tiny")
    writer.add_block_count(config.layers)
    writer.add_context_length(config.context_length)
    writer.add_embedding_length(config.embed_dim)
    writer.add_feed_forward_length(config.mlp_dim)
    writer.add_head_count(config.query_heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    _add_gguf_tokenizer(writer)
    for key, value in metadata.items():
        writer.add_string(key.replace("__", "."), value)
    for name, tensor in tensors.items():
        if arch == "llama" and ".q_proj." in name:
            tensor = permuted(tensor, config.query_heads)
        if arch == "llama" and ".k_proj." in name:
            tensor = permuted(tensor, config.kv_heads)
        _add_tensor(writer, gguf_name(name), tensor, kind)
    if config.rope_scaling is not None:
        writer.add_tensor("rope_freqs.weight", llama3_divisors(config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_gguf_tokenizer(writer: gguf.GGUFWriter) -> None:
    tokens, merges = byte_vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 4) + [3, 3, 3, 4])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_chat_template(TEMPLATE)


def _add_tensor(
    writer: gguf.GGUFWriter, name: str, tensor: np.ndarray, kind: GGMLQuantizationType
) -> None:
    if tensor.ndim == 1 or kind == GGMLQuantizationType.F32:
        writer.add_tensor(name, tensor)
    else:
        writer.add_tensor(name, gguf.quantize(tensor, kind), raw_dtype=kind)


def permuted(tensor: np.ndarray, heads: int) -> np.ndarray:
    """convert_hf_to_gguf.py's row order: each rotary pair side by side, row by row here."""
    half = tensor.shape[0] // heads // 2
    order = [
        h * 2 * half + part * half + i for h in range(heads) for i in range(half) for part in (0, 1)
    ]
    return tensor[order]


def gguf_name(name: str) -> str:
    """The name llama.cpp gives a public tensor."""
    for public, ours in (
        ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
        ("model.layers", "blk"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"),
        ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
    ):  # fmt: skip
        name = name.replace(public, ours)
    return name


def llama3_divisors(config: ModelConfig) -> np.ndarray:
    """convert_hf_to_gguf.py's `rope_freqs`, frequency by frequency."""
    scaling = config.rope_scaling
    assert scaling is not None
    divisors = []
    for i in range(0, config.head_dim, 2):
        wavelength = 2 * np.pi * config.rope_theta ** (i / config.head_dim)
        if wavelength < scaling.original_context / scaling.high_freq_factor:
            divisors.append(1.0)
        elif wavelength > scaling.original_context / scaling.low_freq_factor:
            divisors.append(scaling.factor)
        else:
            smooth = (scaling.original_context / wavelength - scaling.low_freq_factor) / (
                scaling.high_freq_factor - scaling.low_freq_factor
            )
            divisors.append(1 / ((1 - smooth) / scaling.factor + smooth))
    return np.array(divisors, np.float32)


def as_bfloat16(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same tensors rounded to bfloat16."""
    return {name: tensor.astype(ml_dtypes.bfloat16) for name, tensor in tensors.items()}


def split_into_shards(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    """Rewrite a folder's one safetensors file as two shards with an index."""
    (folder / "model.safetensors").unlink()
    names = list(tensors)
    shards = {
        "model-00001-of-00002.safetensors": names[::2],
        "model-00002-of-00002.safetensors": names[1::2],
    }
    for file, held in shards.items():
        save_file({name: tensors[name] for name in held}, folder / file)
    weight_map = {name: file for file, held in shards.items() for name in held}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
