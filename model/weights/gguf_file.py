"""Weights from a local GGUF file of architecture llama, qwen2 or qwen3."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..config import ModelConfig
from ..errors import ModelInputError
from .gguf_config import gguf_config
from .gguf_reader import GgufFile
from .gguf_tokenizer import gguf_tokenizer
from .source import NamedTensor, WeightSource

_TOP = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def open_gguf(path: Path) -> WeightSource:
    """The model in the GGUF at `path`, tensors dequantised as they are read.

    Raises:
        ModelInputError: the file is missing, damaged, or of a kind that is not supported.
    """
    file = GgufFile(path)
    config = gguf_config(file)
    tokenizer = gguf_tokenizer(file, config.vocab_size)
    kinds = sorted({tensor.type.name for tensor in file.tensors.values()})
    return WeightSource(
        config=config,
        tokenizer=tokenizer,
        description=f"GGUF {path} ({', '.join(kinds)})",
        read_tensors=lambda: _tensors(file, config),
    )


def _tensors(file: GgufFile, config: ModelConfig) -> Iterator[NamedTensor]:
    permuted = file.metadata["general.architecture"] == "llama"
    for name in file.tensors:
        if name == "rope_freqs.weight":  # not a weight: `gguf_config` has read it
            continue
        tensor = file.array(name)
        if permuted and ".attn_q." in name:
            tensor = _unpermuted(tensor, config.query_heads, name)
        if permuted and ".attn_k." in name:
            tensor = _unpermuted(tensor, config.kv_heads, name)
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
    pairs = tensor.reshape(heads, -1, 2, *tensor.shape[1:])
    return pairs.swapaxes(1, 2).reshape(tensor.shape)
