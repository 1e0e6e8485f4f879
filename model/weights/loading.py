"""One way in: from what a user calls a model to its weights, local or fetched once from the hub
into huggingface_hub's own cache.
"""

import re
from dataclasses import replace
from pathlib import Path

from ..config import PRESETS, ModelInputError
from . import embedded
from .hf_config import hf_config
from .hf_tokenizer import hf_tokenizer
from .layout import WeightSource
from .safetensors import read_safetensors, safetensors_files

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def open_weights(model: str) -> WeightSource:
    """The weights called `model`: 'reasoner', 'smollm2-135m', a GGUF file, a folder in Hugging
    Face's format or a hub id. A path that exists wins over a hub id of the same spelling.

    Raises ModelInputError for nothing of that name, or where it cannot be read.
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
        source = open_hf_folder(embedded.FOLDER)
        size = source.config.parameters
        return replace(source, description=f"rooflink's embedded reasoner, {size} parameters")
    from . import smollm2  # reads a GGUF too

    if model.lower() == smollm2.NAME:
        return smollm2.open_smollm2()
    if model.lower() in PRESETS:
        raise ModelInputError(
            f"'{model}' is a configuration without downloadable weights here: pass a local .gguf "
            "file, a Hugging Face folder or a hub id of it, or --weights none|random."
        )
    if _HUB_ID.fullmatch(model):
        return _open_hub(model)
    raise ModelInputError(
        f"no weights called '{model}': it is no .gguf file, no folder, not '{embedded.NAME}' or "
        f"'{smollm2.NAME}' and no hub id of the form owner/name."
    )


def open_hf_folder(folder: Path) -> WeightSource:
    """The model in `folder` (config.json, safetensors, tokenizer.json). Raises ModelInputError for
    a file that is missing, damaged, or describes a model that is not supported."""
    config = hf_config(folder / "config.json")
    files = safetensors_files(folder)
    return WeightSource(
        config=config,
        tokenizer=hf_tokenizer(folder, config.vocab_size),
        description=f"Hugging Face folder {folder}",
        tensors=lambda: read_safetensors(files),
    )


# The files that `open_hf_folder` reads. Repositories also carry pickles and second copies of the
# weights ('consolidated.safetensors', 'original/'), which would double the download.
_PATTERNS = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "model.safetensors.index.json", "model*.safetensors",
]  # fmt: skip


def _open_hub(repo_id: str) -> WeightSource:
    """The hub model `repo_id` ('owner/name')."""
    folder = Path(_downloaded(repo_id))
    source = open_hf_folder(folder)
    config = replace(source.config, name=repo_id.rpartition("/")[2].lower())
    description = f"Hugging Face hub {repo_id}, revision {folder.name}"
    return replace(source, config=config, description=description)


def _downloaded(repo_id: str) -> str:
    from huggingface_hub import errors, snapshot_download  # here: a tenth of a second to import

    try:
        return snapshot_download(repo_id, allow_patterns=_PATTERNS, ignore_patterns=["*/*"])
    except errors.GatedRepoError as error:
        raise ModelInputError(
            f"the hub lets only accepted accounts read '{repo_id}': accept its terms on "
            f"huggingface.co/{repo_id} and log in with `hf auth login`."
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise ModelInputError(
            f"the hub has no model '{repo_id}' that this account can read, and no such path "
            "exists here: check the name."
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelInputError(
            f"'{repo_id}' is no local path, and the Hugging Face hub cannot be reached to fetch "
            "it: connect to a network, or pass a local .gguf file or folder."
        ) from error
    except Exception as error:  # its transports differ by version and raise their own types
        reason = next(iter(str(error).splitlines()), "no reason given")
        raise ModelInputError(
            f"fetching '{repo_id}' from the Hugging Face hub failed "
            f"({type(error).__name__}: {reason}): try again, or pass a local model."
        ) from error
