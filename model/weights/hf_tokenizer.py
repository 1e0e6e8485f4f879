"""A Tokenizer from a Hugging Face folder: tokenizer.json and the settings beside it."""

from pathlib import Path

import tokenizers

from ..config import ModelInputError
from ..tokenizer import Tokenizer
from .hf_config import read_json, read_text


def hf_tokenizer(folder: Path, vocab_size: int) -> Tokenizer:
    """The tokenizer in `folder`, for a model of `vocab_size` tokens. Raises ModelInputError where
    tokenizer.json is missing, damaged or of another model."""
    path = folder / "tokenizer.json"
    backend = _backend(path)
    settings = read_json(folder / "tokenizer_config.json", optional=True)
    texts = _special_tokens(settings)
    ids = {name: backend.token_to_id(text) for name, text in texts.items()}
    tokenizer = Tokenizer(
        backend,
        where=str(path),
        end_ids=[i for i in (*_stated_ends(folder), ids.get("eos_token")) if i is not None],
        bos_id=_bos_id(backend, settings, ids.get("bos_token")),
        chat_template=_chat_template(folder, settings),
        special_tokens=texts,
    )
    if tokenizer.vocab_size > vocab_size:
        raise ModelInputError(
            f"{path} has {tokenizer.vocab_size} tokens but the model embeds {vocab_size}: "
            "they are not of one model."
        )
    return tokenizer


def _backend(path: Path) -> tokenizers.Tokenizer:
    if not path.is_file():
        older = path.with_name("tokenizer.model")
        has = "only a tokenizer.model" if older.is_file() else "no tokenizer"
        raise ModelInputError(
            f"{path.parent} has {has}: tokenizer.json is needed, fetch it from the publisher or "
            "write it with transformers' AutoTokenizer.save_pretrained."
        )
    text = read_text(path)
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ModelInputError(f"{path} is damaged ({error}): fetch it again.") from error


def _special_tokens(settings: dict[str, object]) -> dict[str, str]:
    """Texts such as bos_token; older files wrap each in an object with its 'content'."""
    names = ("bos_token", "eos_token", "unk_token", "pad_token")
    values = {name: settings.get(name) for name in names}
    texts = {n: v.get("content") if isinstance(v, dict) else v for n, v in values.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _stated_ends(folder: Path) -> list[int]:
    """The eos ids of generation_config.json and config.json: one number or a list."""
    ends: list[int] = []
    for name in ("generation_config.json", "config.json"):
        stated = read_json(folder / name, optional=True).get("eos_token_id")
        listed = stated if isinstance(stated, list) else [stated]
        ends += [i for i in listed if isinstance(i, int)]
    return ends


def _bos_id(
    backend: tokenizers.Tokenizer, settings: dict[str, object], bos: int | None
) -> int | None:
    """BOS, if add_bos_token says so or, where it says nothing, tokenizer.json's own processor."""
    stated = settings.get("add_bos_token")
    if isinstance(stated, bool):
        return bos if stated else None
    added = backend.encode("", add_special_tokens=True).ids
    return bos if bos is not None and added[:1] == [bos] else None


def _chat_template(folder: Path, settings: dict[str, object]) -> str | None:
    """chat_template.jinja, else the setting: a text, or a list of named ones with a default."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return read_text(path)
    template = settings.get("chat_template")
    if isinstance(template, list):
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None
