"""Weights from a local Hugging Face folder: config.json, safetensors, tokenizer.json."""

from pathlib import Path

from .hf_config import hf_config
from .hf_tokenizer import hf_tokenizer
from .safetensors_files import read_safetensors, safetensors_files
from .source import WeightSource


def open_hf_folder(folder: Path) -> WeightSource:
    """The model in `folder`.

    Raises:
        ModelInputError: a file is missing, damaged, or describes a model that is not supported.
    """
    config = hf_config(folder / "config.json")
    files = safetensors_files(folder)
    return WeightSource(
        config=config,
        tokenizer=hf_tokenizer(folder, config.vocab_size),
        description=f"Hugging Face folder {folder}",
        read_tensors=lambda: read_safetensors(files),
    )
