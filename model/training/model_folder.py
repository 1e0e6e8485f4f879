"""Models as Hugging Face folders, which rooflink and transformers both open: the one that a
training starts from, with a digest of its weights, and the one that it writes.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..config import ModelConfig, ModelInputError
from ..tasks.task import END, WORDS, speaks_notation
from ..tokenizer import Tokenizer
from ..transformer import Transformer, transformer_from
from ..weights import open_weights, parameters
from ..weights.checkpoint import digest_of, scratch_of
from ..weights.layout import placements
from .data import notation_tokenizer


def write_folder(folder: Path, model: Transformer) -> None:
    """Write config.json, model.safetensors and the tokenizer; the weights last, each file whole.
    Raises ModelInputError where that cannot be."""
    config = {
        "architectures": ["LlamaForCausalLM"], **public_sizes(model.config),
        "hidden_act": "silu", "eos_token_id": WORDS.index(END), "dtype": "float32",
    }  # fmt: skip
    texts = {
        "config.json": json.dumps(config, indent=1),
        "tokenizer.json": notation_tokenizer().to_str(pretty=True),
        "tokenizer_config.json": json.dumps({"eos_token": END}, indent=1),
    }
    for name, text in texts.items():
        write_text(folder / name, text + "\n")
    with _replacing(folder / "model.safetensors") as scratch:
        save_file(public_tensors(model), scratch, {"format": "np"})
        scratch.chmod(0o644)  # safetensors writes for its owner alone


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` whole. Raises ModelInputError where that cannot be."""
    with _replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write, which then replaces `path`; where that fails nothing of it is left."""
    scratch = scratch_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        scratch.replace(path)
    except (OSError, SafetensorError) as error:
        raise ModelInputError(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def public_tensors(model: Transformer) -> dict[str, np.ndarray]:
    """The model's parameters by public Hugging Face name, projections as [out, in]."""
    ours = {
        ".".join(map(str, path)): np.asarray(variable[...])
        for path, variable in nnx.to_flat_state(nnx.state(model))
    }
    tensors = {}
    for name, place in placements(model.config).items():
        part = ours[place.array][place.index]
        tensors[name] = np.ascontiguousarray(part.T if place.transposed else part)
    return tensors


def public_sizes(config: ModelConfig) -> dict[str, object]:
    """A model's sizes as config.json has them."""
    return {
        "model_type": config.family,
        "hidden_size": config.embed_dim,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.query_heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.mlp_dim,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tied_embeddings,
    }


@dataclass(frozen=True)
class Start:
    """A float32 model that speaks the notation; `digest` changes with any of its weights."""

    model: Transformer
    tokenizer: Tokenizer
    digest: str


def open_start(name: str) -> Start:
    """The model that `name` (reasoner, or a folder) opens. Raises ModelInputError where there is
    none, or it does not speak the reasoner's notation."""
    source = open_weights(name)
    if source.tokenizer is None or not speaks_notation(source.tokenizer):
        raise ModelInputError(
            f"{name} does not speak the reasoner's notation: start from 'reasoner' or a folder "
            "that `rooflink train` wrote"
        )
    arrays = parameters(source.config, source.tensors(), "float32")
    model = transformer_from(source.config, "float32", arrays)
    return Start(model, source.tokenizer, digest_of(model))
