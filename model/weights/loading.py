"""One way in: from what a user calls a model to its weights."""

import re
from pathlib import Path

from ..config import PRESETS, ModelInputError
from . import embedded
from .huggingface import open_hf_folder, open_hub
from .layout import WeightSource

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def open_weights(model: str) -> WeightSource:
    """The weights called `model`: 'reasoner', 'smollm2-135m', a file, a folder or a hub id.

    A file is a GGUF, a folder one in Hugging Face's format.

    A path that exists wins over a hub id of the same spelling.

    Raises:
        ModelInputError: nothing of that name, or what it names cannot be read.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return open_hf_folder(path)
    if path.suffix in _PICKLED:
        raise ModelInputError(
            f"{path} may be a pickle, which can run code when opened and is never read: convert "
            "the model to safetensors or GGUF."
        )
    if path.suffix == ".safetensors":
        raise ModelInputError(
            f"{path} holds tensors only: pass its folder, with config.json and tokenizer.json."
        )
    if path.is_file() or path.suffix.lower() == ".gguf":
        from .gguf import open_gguf  # its readers are imported for a file that needs them

        return open_gguf(path)
    if model.lower() == embedded.NAME:
        return embedded.open_reasoner()
    from . import smollm2  # reads a GGUF too

    if model.lower() == smollm2.NAME:
        return smollm2.open_smollm2()
    if model.lower() in PRESETS:
        raise ModelInputError(
            f"'{model}' is a configuration without downloadable weights here: pass a local .gguf "
            "file, a Hugging Face folder or a hub id of it, or --weights none|random."
        )
    if _HUB_ID.fullmatch(model):
        return open_hub(model)
    raise ModelInputError(
        f"no weights called '{model}': it is no .gguf file, no folder, not '{embedded.NAME}' or "
        f"'{smollm2.NAME}' and no hub id of the form owner/name."
    )
