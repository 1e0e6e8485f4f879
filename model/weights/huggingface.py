"""Weights from a Hugging Face folder (config.json, safetensors, tokenizer.json), local or fetched
once from the hub into huggingface_hub's own cache.
"""

from dataclasses import replace
from pathlib import Path

from ..config import ModelInputError
from .hf_config import hf_config
from .hf_tokenizer import hf_tokenizer
from .layout import WeightSource
from .safetensors import read_safetensors, safetensors_files


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
        tensors=lambda: read_safetensors(files),
    )


# The files that `hf_folder` reads. Repositories also carry pickles and second copies of the
# weights ('consolidated.safetensors', 'original/'), which would double the download.
_PATTERNS = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "chat_template.jinja", "model.safetensors.index.json", "model*.safetensors",
]  # fmt: skip


def open_hub(repo_id: str) -> WeightSource:
    """The hub model `repo_id` ('owner/name').

    Raises:
        ModelInputError: no such model, no permission, no network, or a model not supported.
    """
    folder = Path(_downloaded(repo_id))
    source = open_hf_folder(folder)
    return replace(
        source,
        config=replace(source.config, name=repo_id.rpartition("/")[2].lower()),
        description=f"Hugging Face hub {repo_id}, revision {folder.name}",
    )


def _downloaded(repo_id: str) -> str:
    from huggingface_hub import snapshot_download  # here: a tenth of a second to import
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return snapshot_download(repo_id, allow_patterns=_PATTERNS, ignore_patterns=["*/*"])
    except GatedRepoError as error:
        raise ModelInputError(
            f"the hub lets only accepted accounts read '{repo_id}': accept its terms on "
            f"huggingface.co/{repo_id} and log in with `hf auth login`."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelInputError(
            f"the hub has no model '{repo_id}' that this account can read, and no such path "
            "exists here: check the name."
        ) from error
    except LocalEntryNotFoundError as error:
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
