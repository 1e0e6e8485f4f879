"""A Tokenizer from a Hugging Face folder: tokenizer.json and the settings beside it, read as
transformers 5 reads them."""

import json
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import tokenizers

from ..config import ModelInputError
from ..input_files import is_regular_file, read_text
from ..tokenizer import Tokenizer
from .hf_config import read_json

if TYPE_CHECKING:  # a folder without a template needs none of it
    from ..chat_template import ChatTemplate

# What transformers hands to templates by these names.
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
            "mask_token")  # fmt: skip


def hf_tokenizer(folder: Path, vocab_size: int) -> Tokenizer:
    """The tokenizer in `folder`, for a model of `vocab_size` tokens. Raises ModelInputError where
    tokenizer.json is missing, damaged or of another model."""
    path = folder / "tokenizer.json"
    backend = _backend(path)
    settings = read_json(folder / "tokenizer_config.json", optional=True)
    texts = _special_tokens(folder, settings)
    eos = backend.token_to_id(texts["eos_token"]) if "eos_token" in texts else None
    stated = [*_stated_ends(folder), *([] if eos is None else [eos])]
    tokenizer = Tokenizer(
        backend,
        end_ids=[i for i in stated if 0 <= i < vocab_size],
        start_ids=_start_ids(backend, vocab_size, path),
        chat_template=_template(folder, settings, texts, str(path)),
    )
    if tokenizer.vocab_size > vocab_size:
        raise ModelInputError(
            f"{path} has {tokenizer.vocab_size} tokens but the model embeds {vocab_size}: "
            "they are not of one model."
        )
    return tokenizer


def _backend(path: Path) -> tokenizers.Tokenizer:
    older = is_regular_file(path.with_name("tokenizer.model"))
    only = "the folder has only a tokenizer.model, " if older else ""
    missing = (
        f"{only}fetch it from the publisher or write it with transformers' "
        "AutoTokenizer.save_pretrained."
    )
    text = read_text(path, "tokenizer", missing=missing)
    try:
        backend = tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ModelInputError(f"{path} is damaged ({error}): fetch it again.") from error
    backend.no_padding()  # before anything is encoded: it may be to billions of tokens
    backend.no_truncation()
    return backend


def _special_tokens(folder: Path, settings: dict[str, object]) -> dict[str, str]:
    """Texts such as bos_token; older files wrap each in an object with its 'content'. Files from
    before `added_tokens_decoder` state them in special_tokens_map.json, which then goes first."""
    stated = settings
    if "added_tokens_decoder" not in settings:
        stated = settings | read_json(folder / "special_tokens_map.json", optional=True)
    values = {name: stated.get(name) for name in _SPECIAL}
    texts = {n: v.get("content") if isinstance(v, dict) else v for n, v in values.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _stated_ends(folder: Path) -> list[int]:
    """The eos ids of generation_config.json and config.json: one number or a list."""
    ends: list[int] = []
    for name in ("generation_config.json", "config.json"):
        stated = read_json(folder / name, optional=True).get("eos_token_id")
        listed = stated if isinstance(stated, list) else [stated]
        ends += [i for i in listed if type(i) is int]
    return ends


def _start_ids(backend: tokenizers.Tokenizer, vocab_size: int, path: Path) -> list[int]:
    """What tokenizer.json's own processor puts before a text. A flag 'add_bos_token' beside it is
    passed over, as transformers does where there is a tokenizer.json."""
    processor = backend.post_processor
    try:
        ids = [] if processor is None else _before(json.loads(processor.__getstate__()))
    except KeyError as unknown:
        raise ModelInputError(
            f"{path} puts the token {unknown} before a text and does not say which it is."
        ) from None
    if not all(i < vocab_size for i in ids):
        raise ModelInputError(f"{path} puts tokens before a text that the model does not embed.")
    return ids


def _before(processor: object) -> list[int]:
    """Read off the processor's own JSON, which the library has checked but for the names of special
    tokens (KeyError): running one may abort."""
    ids: list[int] = []
    match processor:
        case {"type": "Sequence", "processors": list(parts)}:
            ids = [i for part in reversed(parts) for i in _before(part)]
        case {"type": "BertProcessing" | "RobertaProcessing", "cls": [_, int(first)]}:
            ids = [first]
        case {"type": "TemplateProcessing", "single": list(pieces), "special_tokens": dict(named)}:
            for piece in takewhile(lambda piece: "SpecialToken" in piece, pieces):
                ids += named[piece["SpecialToken"]["id"]]["ids"]
    return ids


def _template(
    folder: Path, settings: dict[str, object], texts: dict[str, str], where: str
) -> "ChatTemplate | None":
    source = _template_source(folder, settings)
    if source is None:
        return None
    from ..chat_template import ChatTemplate

    return ChatTemplate(source, where, texts)


def _template_source(folder: Path, settings: dict[str, object]) -> str | None:
    """chat_template.jinja, else the setting: a text, or a list of named ones with a default."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return read_text(path, "chat template")
    template = settings.get("chat_template")
    if isinstance(template, list):
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)
                 if isinstance(t.get("name"), str)}  # fmt: skip
        template = named.get("default")
    return template if isinstance(template, str) else None
