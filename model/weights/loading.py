"""One way in: from what a user calls a model to its weights, local or fetched once from the hub
into huggingface_hub's own cache.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import PRESETS, SMOLLM2, ModelInputError
from ..input_files import user_path
from .families import hf_config
from .hf_config import QUANTISED_KEYS, Fields, fields_of, model_name
from .hf_tokenizer import hf_tokenizer
from .layout import WeightSource
from .safetensors import has_own_head, safetensors_files, stored_tensors, tensor_table

if TYPE_CHECKING:
    from .published_sizes import Sizes
    from .quantisation import Quantisation

EMBEDDED = "reasoner"
"""A small model trained by this project, inside the package: it answers problems put in its
notation (`tasks/notation.py`). `training/model_folder.py` wrote its folder."""
_EMBEDDED_FOLDER = Path(__file__).parent / "embedded" / EMBEDDED

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def open_weights(model: str) -> WeightSource:
    """The weights called `model`: 'reasoner', 'smollm2-135m', a GGUF file, a folder in Hugging
    Face's format or a hub id. A path that exists wins over a hub id of the same spelling.

    Raises ModelInputError for nothing of that name, or where it cannot be read.
    """
    name, path = model.lower(), user_path(model)
    if path.is_dir():
        return open_hf_folder(path)
    if _is_gguf(path):
        from .gguf import open_gguf  # its readers are imported for a file that needs them

        return open_gguf(path)
    if name == EMBEDDED:
        source = open_hf_folder(_EMBEDDED_FOLDER)
        size = source.config.parameters
        return replace(source, description=f"rooflink's embedded reasoner, {size} parameters")
    if name == SMOLLM2:
        from .smollm2 import open_smollm2  # reads a GGUF too

        return open_smollm2()
    if name in PRESETS:
        raise ModelInputError(
            f"'{model}' is a configuration without downloadable weights here: pass a local .gguf "
            "file, a Hugging Face folder or a hub id of it, or --weights none|random."
        )
    _require_hub_id(model)
    folder = Path(_downloaded(model, _PATTERNS))
    source = open_hf_folder(folder)
    config = replace(source.config, name=_hub_name(model))
    description = f"Hugging Face hub {model}, revision {folder.name}"
    return replace(source, config=config, description=description)


def sizes_of(model: str) -> "Sizes":
    """The sizes of what `open_weights` takes, or of a preset, without its weights: nothing is
    opened but a config.json or a GGUF's header, and of a hub id nothing else is fetched.

    Raises ModelInputError for nothing of that name, or where it does not tell its sizes.
    """
    from .published_sizes import Sizes, hf_sizes  # which a model that runs does not need

    name, path = model.lower(), user_path(model)
    if path.is_dir():
        return hf_sizes(path / "config.json")
    if path.suffix == ".json" and path.exists():
        return hf_sizes(path)
    if _is_gguf(path):
        from .gguf import gguf_sizes

        return gguf_sizes(path)
    if name == EMBEDDED:
        return hf_sizes(_EMBEDDED_FOLDER / "config.json")
    if name in PRESETS:
        return Sizes(PRESETS[name], PRESETS[name])
    _require_hub_id(model)
    folder = Path(_downloaded(model, ["config.json"]))
    return hf_sizes(folder / "config.json", _hub_name(model))


def _is_gguf(path: Path) -> bool:
    """Whether `path` is a file to read as a GGUF; ModelInputError for one of another kind."""
    if path.suffix in _PICKLED:
        raise ModelInputError(
            f"{path} may be a pickle, which can run code when opened and is never read: convert "
            "the model to safetensors or GGUF."
        )
    if path.suffix in (".safetensors", ".json"):
        raise ModelInputError(
            f"{path} is one file of a model's: pass its folder, with config.json, tokenizer.json "
            "and the tensors."
        )
    return path.exists() or path.suffix.lower() == ".gguf"


def _require_hub_id(model: str) -> None:
    if not _HUB_ID.fullmatch(model):
        raise ModelInputError(
            f"no weights called '{model}': it is no .gguf file, no folder, not '{EMBEDDED}' "
            f"or '{SMOLLM2}' and no hub id of the form owner/name."
        )


def _hub_name(repo_id: str) -> str:
    return model_name(repo_id.rpartition("/")[2].lower())


def open_hf_folder(folder: Path) -> WeightSource:
    """The model in `folder` (config.json, safetensors, tokenizer.json). Raises ModelInputError for
    a file that is missing, damaged, or describes a model that is not supported."""
    fields = fields_of(folder / "config.json")
    config = hf_config(fields)
    quantisation = _quantisation(fields)
    table = tensor_table(safetensors_files(folder))
    tensors = stored_tensors(table, quantisation)
    if config.tied_embeddings and has_own_head(tensors):
        config = replace(config, tied_embeddings=False)
    size_bytes = sum(tensor.size_bytes for tensor in table.values())
    return WeightSource(
        config=config,
        tokenizer=hf_tokenizer(folder, config.vocab_size),
        description=f"Hugging Face folder {folder}",
        tensors=lambda: ((name, tensor.values()) for name, tensor in tensors.items()),
        stored=quantisation.stored(size_bytes) if quantisation else None,
        folder=folder,
    )


def _quantisation(fields: Fields) -> "Quantisation | None":
    """What a config.json says of quantised weights."""
    if not any(fields.get(key) for key in QUANTISED_KEYS):
        return None
    from .quantisation import quantisation_of  # and the formats, which few models need

    return quantisation_of(fields)


# The files that `open_hf_folder` reads. Repositories also carry pickles and second copies of the
# weights ('consolidated.safetensors', 'original/'), which would double the download.
_PATTERNS = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "chat_template.jinja", "model.safetensors.index.json",
    "model*.safetensors",
]  # fmt: skip


def _downloaded(repo_id: str, patterns: list[str]) -> str:
    from huggingface_hub import errors, snapshot_download  # here: a tenth of a second to import

    try:
        return snapshot_download(repo_id, allow_patterns=patterns, ignore_patterns=["*/*"])
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
