"""A Tokenizer from a GGUF's metadata (`tokenizer.ggml.*`).

A GGUF names the splitting rule of its vocabulary instead of stating it. The rules below are the
ones of the models those names stand for, as their own tokenizer.json files state them, which
llama.cpp's `llama-vocab.cpp` follows.
"""

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from ..chat_template import ChatTemplate
from ..config import ModelInputError
from ..tokenizer import Tokenizer
from .gguf_format import GgufFile
from .hf_config import Fields, unsupported

_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4  # llama.cpp's token types
_LONGEST_TOKEN = 1024  # public vocabularies have up to 256

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3 = _CONTRACTION + _WORD + r"\p{N}{1,3}" + _REST
_QWEN2 = _CONTRACTION + _WORD + r"\p{N}" + _REST
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    + _REST.replace(r"[\r\n]*", r"[\r\n/]*", 1)
)
_SPLITS = {
    "llama-bpe": _LLAMA3, "llama3": _LLAMA3, "llama-v3": _LLAMA3, "tekken": _TEKKEN,
    "qwen2": _QWEN2, "deepseek-r1-qwen": _QWEN2,
}  # fmt: skip
_NAMES = ("gpt-2", "default", "smollm", *_SPLITS)
# Those with `ignore_merges` in their files, and a BOS where the file does not say.
_WHOLE_WORDS_FIRST = ("llama-bpe", "llama3", "llama-v3", "tekken")


def gguf_tokenizer(file: GgufFile, vocab_size: int) -> Tokenizer:
    """The tokenizer that `file` describes, for a model of `vocab_size` tokens. Raises
    ModelInputError for a vocabulary that is missing, damaged, or of a kind not supported."""
    where = str(file.path)
    fields = Fields(file.metadata, where)
    tokens = _strings(fields, "tokenizer.ggml.tokens")
    if not tokens or len(tokens) > vocab_size or len(set(tokens)) != len(tokens):
        raise _damaged(where, f"{len(tokens)} tokens for {vocab_size} embeddings, or repeated ones")
    if max(map(len, tokens)) > _LONGEST_TOKEN:
        raise _damaged(where, f"a token of more than {_LONGEST_TOKEN} characters")
    kind = fields.text("tokenizer.ggml.model")
    pre = fields.text("tokenizer.ggml.pre", "default")
    try:
        if kind == "gpt2":
            backend = _byte_level(fields, tokens, pre)
        elif kind == "llama":
            backend = _sentencepiece(fields, tokens)
        else:
            instead = "gpt2 and llama are, or pass the Hugging Face folder of the model"
            raise unsupported(where, f"has a tokenizer of kind '{kind}'", instead)
    except ModelInputError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception
        raise _damaged(where, str(error)) from error
    _add_marked(backend, fields, tokens)
    return _finished(backend, fields, tokens, kind, pre)


def _byte_level(fields: Fields, tokens: list[str], pre: str) -> tokenizers.Tokenizer:
    """GPT-2 BPE over bytes spelled as printable characters."""
    if pre not in _NAMES:
        instead = f"{', '.join(_NAMES)} are, or pass the Hugging Face folder of the model"
        raise unsupported(fields.where, f"has the pre-tokenizer '{pre}'", instead)
    merges = _merges(fields)
    whole_first, ids = pre in _WHOLE_WORDS_FIRST, {t: i for i, t in enumerate(tokens)}
    backend = tokenizers.Tokenizer(models.BPE(ids, merges, ignore_merges=whole_first))
    steps: list[pre_tokenizers.PreTokenizer] = [
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre not in _SPLITS)
    ]
    if pre in _SPLITS:
        steps.insert(0, pre_tokenizers.Split(Regex(_SPLITS[pre]), behavior="isolated"))
    elif pre == "smollm":
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence(steps)
    if _SPLITS.get(pre) == _QWEN2:
        backend.normalizer = normalizers.NFC()
    backend.decoder = decoders.ByteLevel()
    return backend


def _sentencepiece(fields: Fields, tokens: list[str]) -> tokenizers.Tokenizer:
    """SentencePiece BPE: no split, spaces as U+2581, unknown characters as byte tokens.

    The file lists scores; merging the pair with the best-scored result, as SentencePiece does, is
    BPE with the merges in the order of those scores.
    """
    listed = fields.get("tokenizer.ggml.merges")
    merges = _merges(fields) if listed else _merges_by_score(fields, tokens)
    unknown = _id(fields, "unknown", tokens)
    rest, ids = None if unknown is None else tokens[unknown], {t: i for i, t in enumerate(tokens)}
    bpe = models.BPE(ids, merges, unk_token=rest, fuse_unk=True, byte_fallback=True)
    backend = tokenizers.Tokenizer(bpe)
    prefixed = _is_prefixed(fields)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(
        prepend_scheme="first" if prefixed else "never", split=False
    )
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    strip = [decoders.Strip(content=" ", left=1)] if prefixed else []
    backend.decoder = decoders.Sequence([*steps, *strip])
    return backend


def _merges_by_score(fields: Fields, tokens: list[str]) -> list[tuple[str, str]]:
    """Every way to split a token into two tokens, best score first, longer left parts first."""
    scores = fields.get("tokenizer.ggml.scores")
    if not isinstance(scores, list) or len(scores) != len(tokens):
        raise _damaged(fields.where, "as many scores as tokens are needed")
    vocabulary = frozenset(tokens)
    ranked = [
        (score, cut, len(token) - cut, token)
        for token, score in zip(tokens, scores, strict=True)
        for cut in range(1, len(token))
        if token[:cut] in vocabulary and token[cut:] in vocabulary
    ]
    ranked.sort(key=lambda merge: merge[:3], reverse=True)
    return [(token[:cut], token[cut:]) for _, cut, _, token in ranked]


def _add_marked(backend: tokenizers.Tokenizer, fields: Fields, tokens: list[str]) -> None:
    """Have control tokens, and those that the model's makers added, matched whole in a text."""
    types = fields.get("tokenizer.ggml.token_type")
    if not isinstance(types, list) or len(types) != len(tokens):
        raise _damaged(fields.where, "as many token types as tokens are needed")
    typed = list(zip(tokens, types, strict=True))
    control = [AddedToken(t, normalized=False) for t, k in typed if k in (_UNKNOWN, _CONTROL)]
    backend.add_special_tokens([token for token in control if token.content])
    added = [AddedToken(t, normalized=False) for t, k in typed if k == _USER_DEFINED and t]
    backend.add_tokens(added)


def _finished(
    backend: tokenizers.Tokenizer, fields: Fields, tokens: list[str], kind: str, pre: str
) -> Tokenizer:
    texts = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}
    ids = {name: _id(fields, name, tokens) for name in (*texts, "eot", "eom")}
    named = {t: tokens[i] for name, t in texts.items() if (i := ids[name]) is not None}
    template = fields.get("tokenizer.chat_template")
    usually = kind == "llama" or pre in _WHOLE_WORDS_FIRST
    adds_bos = fields.flag("tokenizer.ggml.add_bos_token", usually)
    chat = ChatTemplate(template, fields.where, named) if isinstance(template, str) else None
    return Tokenizer(
        backend,
        end_ids=[i for name in ("eos", "eot", "eom") if (i := ids[name]) is not None],
        start_ids=[ids["bos"]] if adds_bos and ids["bos"] is not None else [],
        chat_template=chat,
        prefixed=kind == "llama" and _is_prefixed(fields),
    )


def _is_prefixed(fields: Fields) -> bool:
    return fields.flag("tokenizer.ggml.add_space_prefix", True)


def _id(fields: Fields, name: str, tokens: list[str]) -> int | None:
    """The token id that the file gives as `name`; None where it gives none that there is."""
    value = fields.get(f"tokenizer.ggml.{name}_token_id")
    return value if type(value) is int and 0 <= value < len(tokens) else None


def _merges(fields: Fields) -> list[tuple[str, str]]:
    pairs = []
    for merge in _strings(fields, "tokenizer.ggml.merges"):
        left, _, right = merge.partition(" ")
        if not left or not right or " " in right:
            raise _damaged(fields.where, f"the merge {merge!r} is not two parts")
        pairs.append((left, right))
    return pairs


def _strings(fields: Fields, key: str) -> list[str]:
    value = fields.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _damaged(fields.where, f"'{key}' is missing or not a list of text")
    return value


def _damaged(where: str, problem: str) -> ModelInputError:
    return ModelInputError(
        f"{where} has a damaged tokenizer ({problem}): fetch the file again, or pass the "
        "Hugging Face folder of the model."
    )
