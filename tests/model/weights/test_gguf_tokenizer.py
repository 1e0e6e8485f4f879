"""Tokenizers from GGUF metadata: each splitting rule shown by what it keeps apart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_models import byte_vocabulary

from rooflink.model.config import ModelInputError
from rooflink.model.tokenizer import Tokenizer
from rooflink.model.weights.gguf_tokenizer import gguf_tokenizer

SPM_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), "\u2581", "a", "b",
              "ab", "\u2581a", "\u2581ab", "ba"]  # fmt: skip
SPM_TYPES = [2, 3, 3, *[6] * 256, *[1] * 7]


def build(metadata: dict[str, Any], vocab_size: int = 400) -> Tokenizer:
    fields = {f"tokenizer.ggml.{key}": value for key, value in metadata.items()}
    file: Any = SimpleNamespace(path=Path("m.gguf"), metadata=fields)
    return gguf_tokenizer(file, vocab_size)


def byte_level(pre: str | None, *merges: str, **extra: Any) -> Tokenizer:
    """A vocabulary of the bytes with `merges`, split by the rule `pre`."""
    tokens, _ = byte_vocabulary()
    tokens = [*tokens[:256], *(m.replace(" ", "") for m in merges), "<|im_start|>", "<|im_end|>"]
    types = [1] * (len(tokens) - 2) + [3, 3]
    metadata = {"model": "gpt2", "tokens": tokens, "merges": list(merges), "token_type": types}
    return build(metadata | ({"pre": pre} if pre else {}) | extra)


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.decode([i]) for i in tokenizer.encode(text)]


# The merges would join everything that the splitting rule leaves together.
@pytest.mark.parametrize(
    ("pre", "digits", "words"),
    [
        ("smollm", ["1", "2", "1", "2"], [" a", "!"]),
        ("gpt-2", ["1212"], [" a", "!"]),
        (None, ["1212"], [" a", "!"]),
        ("qwen2", ["1", "2", "1", "2"], [" a", "!"]),
        ("tekken", ["1", "2", "1", "2"], [" a", "!"]),
        ("llama-bpe", ["12", "1", "2"], [" a", "!"]),
    ],
)
def test_splitting_rules(pre: str | None, digits: list[str], words: list[str]) -> None:
    tokenizer = byte_level(pre, "1 2", "12 12", "Ġ a", "Ġa !")
    assert pieces(tokenizer, "1212") == digits
    assert pieces(tokenizer, " a!") == words


def test_line_ends_stay_with_punctuation_in_qwen2_only() -> None:
    assert pieces(byte_level("qwen2", "! Ċ"), "!\n") == ["!\n"]
    assert pieces(byte_level("gpt-2", "! Ċ"), "!\n") == ["!", "\n"]


def test_qwen2_composes_accents() -> None:
    tokenizer = byte_level("qwen2")
    assert tokenizer.encode("e\u0301") == tokenizer.encode("\u00e9")


def test_bytes_survive_encoding() -> None:
    text = "naïve 日本 🎉\t\r\n  end "
    tokenizer = byte_level("smollm", "Ġ Ġ")
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_control_tokens_are_recognised_and_hidden() -> None:
    tokenizer = byte_level("smollm", eos_token_id=257)
    assert tokenizer.encode("<|im_start|>a<|im_end|>")[::2] == [256, 257]
    assert tokenizer.decode(tokenizer.encode("<|im_start|>a<|im_end|>")) == "a"
    assert tokenizer.end_ids == {257}


def test_added_tokens_stay_whole_and_seen() -> None:
    tokens, merges = byte_vocabulary()
    types = [1] * (len(tokens) - 4) + [3, 3, 3, 4]
    tokenizer = build(
        {"model": "gpt2", "pre": "smollm", "tokens": tokens, "merges": merges, "token_type": types}
    )
    ids = tokenizer.encode("<think>hell")
    assert ids == [tokens.index("<think>"), tokens.index("hell")]
    assert tokenizer.decode(ids) == "<think>hell"


@pytest.mark.parametrize(
    ("pre", "stated", "adds"),
    [
        ("llama-bpe", None, True),
        ("llama-bpe", False, False),
        ("qwen2", None, False),
        ("qwen2", True, True),
    ],
)
def test_bos(pre: str, stated: bool | None, adds: bool) -> None:
    tokenizer = byte_level(pre, bos_token_id=256, add_bos_token=stated)
    plain = tokenizer.encode("<|im_start|>a")
    assert plain.count(256) == 1  # not doubled
    assert tokenizer.encode("a") == (plain if adds else plain[1:])


def sentencepiece(**extra: Any) -> Tokenizer:
    scores = [0.0] * 259 + [-9.0, -9.0, -9.0, -2.0, -3.0, -4.0, -1.0]
    metadata = {"model": "llama", "tokens": SPM_TOKENS, "scores": scores, "token_type": SPM_TYPES,
                "unknown_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    return build(metadata | extra)


def test_sentencepiece_merges_best_score_first() -> None:
    tokenizer = sentencepiece()
    ids = tokenizer.encode("aba")
    # 'ba' (-1) joins before 'ab' (-2), then the prefix with 'a' (-3).
    assert [SPM_TOKENS[i] for i in ids] == ["<s>", "\u2581a", "ba"]
    assert tokenizer.decode(ids) == "aba"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a", ["\u2581a"]),
        (" a", ["\u2581", "\u2581a"]),
        ("  ", ["\u2581", "\u2581", "\u2581"]),
        ("\u2581a", ["\u2581", "\u2581a"]),
        ("a b", ["\u2581a", "\u2581", "b"]),
    ],
)
def test_sentencepiece_puts_a_space_before_a_space_too(text: str, pieces: list[str]) -> None:
    """As the sentencepiece package does (its dummy prefix)."""
    tokenizer = sentencepiece(add_bos_token=False)
    ids = tokenizer.encode(text)
    assert [SPM_TOKENS[i] for i in ids] == pieces
    assert tokenizer.decode(ids) == text.replace("\u2581", " ")


def test_sentencepiece_spells_unknown_characters_in_bytes() -> None:
    tokenizer = sentencepiece(add_space_prefix=False, add_bos_token=False)
    assert [SPM_TOKENS[i] for i in tokenizer.encode("é")] == ["<0xC3>", "<0xA9>"]
    assert tokenizer.decode(tokenizer.encode(" é a")) == " é a"


DAMAGE: dict[str, dict[str, Any]] = {
    "no tokens": {"tokens": []},
    "numbers for tokens": {"tokens": [1, 2, 3]},
    "repeated tokens": {"tokens": ["a"] * 266},
    "few scores": {"scores": [1.0]},
    "few types": {"token_type": [1]},
    "one-part merge": {"merges": ["a"]},
    "three-part merge": {"merges": ["a b a"]},
    "merge of unknown parts": {"merges": ["x y"]},
    "a token of 2,000 characters": {"tokens": [*SPM_TOKENS[:-1], "a" * 2000]},
    "too many tokens": {"tokens": [str(i) for i in range(401)]},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_garbage(damage: dict[str, Any]) -> None:
    with pytest.raises(ModelInputError, match=r"m\.gguf has a damaged tokenizer"):
        sentencepiece(**damage)


def test_ids_out_of_range_are_not_used() -> None:
    tokenizer = sentencepiece(bos_token_id=9999, eos_token_id=-3, unknown_token_id=400)
    assert tokenizer.end_ids == frozenset()
    assert [SPM_TOKENS[i] for i in tokenizer.encode("a")] == ["\u2581a"]
