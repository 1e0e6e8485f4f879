"""Weights and configuration from a local GGUF file of architecture llama, qwen2 or qwen3.

Keys are those of gguf.md; their meaning is that of llama.cpp's convert_hf_to_gguf.py.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..config import ModelConfig, ModelInputError
from ..layers import scale_llama3
from ..styles import Family, Llama3Scaling
from .gguf_format import GgufFile
from .gguf_tokenizer import gguf_tokenizer
from .hf_config import Fields, checked, model_name, unsupported
from .layout import NamedTensor, WeightSource, in_halves
from .published_sizes import Sizes, sizes_of_fields
from .quantisation import StoredWeights

# Mistral and SmolLM files state architecture 'llama', and their family is given as that.
_FAMILIES: dict[str, Family] = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
_ROPE_FACTORS = "rope_freqs.weight"


def gguf_config(file: GgufFile, to_run: bool = True) -> ModelConfig:
    """The configuration that `file` states; `ModelInputError` for what this model cannot be. Only
    its shape where it is not `to_run`: how its positions are scaled is then left out."""
    fields = Fields(file.metadata, str(file.path))
    arch = fields.text("general.architecture")
    if arch not in _FAMILIES:
        names = f"{', '.join(_FAMILIES)} are (Mistral and SmolLM files say llama)"
        raise unsupported(fields.where, f"holds the architecture '{arch}'", names)
    embed_dim = fields.integer(f"{arch}.embedding_length")
    heads = fields.integer(f"{arch}.attention.head_count")
    head_dim = fields.integer(f"{arch}.attention.key_length", embed_dim // heads)
    if to_run:
        _refuse_variants(fields, arch, head_dim)
    theta = _decimal(fields.number(f"{arch}.rope.freq_base", 10000.0))
    config = ModelConfig(
        name=model_name(fields.text("general.name", ""), file.path.stem),
        family=_FAMILIES[arch],
        layers=fields.integer(f"{arch}.block_count"),
        embed_dim=embed_dim,
        query_heads=heads,
        kv_heads=fields.integer(f"{arch}.attention.head_count_kv", heads),
        head_dim=head_dim,
        mlp_dim=fields.integer(f"{arch}.feed_forward_length"),
        vocab_size=_vocab_size(file),
        context_length=_context_length(fields, arch),
        rope_theta=theta,
        norm_eps=_decimal(fields.number(f"{arch}.attention.layer_norm_rms_epsilon")),
        tied_embeddings="output.weight" not in file.tensors,
        qkv_bias="blk.0.attn_q.bias" in file.tensors,
        qk_norm=arch == "qwen3",
        rope_scaling=_rope_scaling(file, theta, head_dim) if to_run else None,
    )
    return checked(config, str(file.path))


def _refuse_variants(fields: Fields, arch: str, head_dim: int) -> None:
    if fields.get(f"{arch}.expert_count"):
        raise unsupported(fields.where, "is a mixture of experts", "use a dense model")
    scaling = fields.get(f"{arch}.rope.scaling.type")
    linear = fields.get(f"{arch}.rope.scale_linear")
    if scaling not in (None, "none") or linear not in (None, 1.0):
        what = f"scales its rotary frequencies ({scaling or 'linear'})"
        raise unsupported(fields.where, what, "use the model without its context extension")
    for key in ("attention.value_length", "rope.dimension_count"):
        width = fields.integer(f"{arch}.{key}", head_dim)
        if width != head_dim:
            what = f"has '{arch}.{key}' = {width} beside heads of {head_dim}"
            raise unsupported(fields.where, what, "all must be one width")


# What Hugging Face's config.json calls a GGUF's field, which has its architecture before it.
_KEYS = {
    "hidden_size": "embedding_length", "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv", "head_dim": "attention.key_length",
    "intermediate_size": "feed_forward_length", "max_position_embeddings": "context_length",
    "sliding_window": "attention.sliding_window", "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
    "shared_expert_intermediate_size": "expert_shared_feed_forward_length",
    "n_shared_experts": "expert_shared_count",
    "first_k_dense_replace": "leading_dense_block_count",
}  # fmt: skip
_TYPES = {
    "qwen2moe": "qwen2_moe", "qwen3moe": "qwen3_moe", "gpt-oss": "gpt_oss", "gemma3": "gemma3_text",
    "granitemoe": "granitemoe", "smollm3": "smollm3", "seed_oss": "seed_oss",
}  # fmt: skip


def gguf_sizes(path: Path) -> Sizes:
    """The sizes of the model in the GGUF at `path`, of any type of tensors, its weights unread."""
    file = GgufFile(path)
    arch = Fields(file.metadata, str(file.path)).text("general.architecture")
    mixed = arch == "llama" and file.metadata.get("llama.expert_count")
    if arch in _FAMILIES and not mixed:
        config = gguf_config(file, to_run=False)
        return Sizes(config, config)
    names = {ours: f"{arch}.{key}" for ours, key in _KEYS.items()}
    values = {ours: file.metadata[key] for ours, key in names.items() if key in file.metadata}
    values |= {
        "model_type": "mixtral" if mixed else _TYPES.get(arch, arch),
        "vocab_size": _vocab_size(file),
        "tie_word_embeddings": "output.weight" not in file.tensors,
    }
    fields = Fields(values, str(file.path), names)
    name = Fields(file.metadata, str(file.path)).text("general.name", "")
    return sizes_of_fields(fields, model_name(name, file.path.stem))


def _vocab_size(file: GgufFile) -> int:
    embedding = file.tensors.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise ModelInputError(
            f"{file.path} lacks the tensor 'token_embd.weight' as a table: it holds a vocabulary "
            "or an adapter only, pass the model itself."
        )
    return embedding.shape[0]


def _context_length(fields: Fields, arch: str) -> int:
    """Positions the model was made for; inside a sliding window attention is the plain one."""
    context = fields.integer(f"{arch}.context_length")
    return min(context, fields.integer(f"{arch}.attention.sliding_window", context))


def _decimal(value: float) -> float:
    """The shortest decimal that is the same float32: 1e-5 rather than 9.999999747378752e-06."""
    return float(str(np.float32(value))) if 1e-30 < value < 1e30 else value


def _rope_scaling(file: GgufFile, theta: float, head_dim: int) -> Llama3Scaling | None:
    """Llama 3's scaling, recovered from the divisors of the frequencies that the file lists.

    llama.cpp stores what the scaling does to each frequency, not its four parameters. Only the
    factor differs between published models (8 and 32), and it is the largest divisor.
    """
    if _ROPE_FACTORS not in file.tensors:
        return None
    divisors = file.array(_ROPE_FACTORS).astype(np.float64)
    what = f"scales its rotary frequencies ('{_ROPE_FACTORS}') in another way than Llama 3.1"
    refusal = unsupported(str(file.path), what, "use another model")
    if divisors.shape != (head_dim // 2,):
        raise refusal
    scaling = Llama3Scaling(_decimal(float(divisors.max(initial=1.0))), 1.0, 4.0, 8192)
    frequencies = theta ** (-np.arange(0, head_dim, 2) / head_dim)
    expected = frequencies / scale_llama3(frequencies, scaling)
    if not np.allclose(divisors, expected, rtol=1e-4):
        raise refusal
    return scaling


_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_BLOCK = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def open_gguf(path: Path) -> WeightSource:
    """The model in the GGUF at `path`, tensors dequantised as they are read. Raises ModelInputError
    for a file that is missing, damaged, or of a kind that is not supported."""
    file = GgufFile(path)
    file.require_readable()
    config = gguf_config(file)
    kinds = sorted({tensor.type.name for tensor in file.tensors.values()})
    return WeightSource(
        config=config,
        tokenizer=gguf_tokenizer(file, config.vocab_size),
        description=f"GGUF {path} ({', '.join(kinds)})",
        tensors=lambda: _tensors(file, config),
        stored=_stored(file),
    )


def _stored(file: GgufFile) -> StoredWeights | None:
    """None for a file of floats as they are."""
    kinds = sorted({tensor.type.name for tensor in file.tensors.values()})
    if set(kinds) <= {"F32", "F16", "BF16"}:
        return None
    size_bytes = sum(tensor.size_bytes for tensor in file.tensors.values())
    return StoredWeights(f"{', '.join(kinds)} (GGUF)", None, size_bytes)


def _tensors(file: GgufFile, config: ModelConfig) -> Iterator[NamedTensor]:
    permuted = file.metadata["general.architecture"] == "llama"
    for name in file.tensors:
        if name == _ROPE_FACTORS:  # not a weight: `gguf_config` has read it
            continue
        tensor = file.array(name)
        for part, heads in ((".attn_q.", config.query_heads), (".attn_k.", config.kv_heads)):
            if permuted and part in name:
                tensor = _unpermuted(tensor, heads, name)
        yield _public_name(name, file.path), tensor


def _public_name(name: str, path: Path) -> str:
    stem, _, kind = name.rpartition(".")
    if stem in _TOP:
        return f"{_TOP[stem]}.{kind}"
    match stem.split("."):
        case ["blk", layer, part] if part in _BLOCK:
            return f"model.layers.{layer}.{_BLOCK[part]}.{kind}"
    raise ModelInputError(
        f"{path} holds tensor '{name}', which this model has no place for: "
        "it is a variant that is not supported."
    )


def _unpermuted(tensor: np.ndarray, heads: int, name: str) -> np.ndarray:
    """Rows of each head back from adjacent rotary pairs to Hugging Face's two halves.

    convert_hf_to_gguf.py's `permute` turned [heads, 2, H/2, ...] into [heads, H/2, 2, ...].
    """
    if tensor.shape[0] % (2 * heads):
        raise ModelInputError(
            f"tensor '{name}' has {tensor.shape[0]} rows, which {heads} heads of even width "
            "cannot share: the file is damaged."
        )
    return in_halves(tensor, heads, tensor.shape[0] // heads)
