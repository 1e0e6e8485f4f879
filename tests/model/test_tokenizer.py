"""The Tokenizer itself: chat prompts, end tokens, and a Hugging Face folder's settings."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors

from rooflink.model.config import ModelInputError
from rooflink.model.tokenizer import Tokenizer
from rooflink.model.weights.hf_tokenizer import hf_tokenizer

CHAT = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def backend() -> tokenizers.Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    built = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    names = ["<s>", "<|eot_id|>", "</s>", "<extra>"]
    built.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    return built


def chat(template: str | None, **texts: str) -> Tokenizer:
    return Tokenizer(backend(), "here", chat_template=template, special_tokens=texts)


def test_text_survives() -> None:
    tokenizer = chat(None)
    text = "déjà vu 日本\n\tx = 1"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert max(tokenizer.encode(text)) < tokenizer.vocab_size == 260


def test_an_unfinished_character_is_marked() -> None:
    tokenizer = chat(None)
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "\ufffd"


def test_end_ids_join_what_is_stated_and_what_ends_turns() -> None:
    assert Tokenizer(backend(), "here", end_ids=[258]).end_ids == {257, 258}


def test_bos_is_added_once() -> None:
    tokenizer = Tokenizer(backend(), "here", bos_id=256)
    assert tokenizer.encode("<s>a") == tokenizer.encode("a")
    assert tokenizer.encode("a").count(256) == 1
    assert tokenizer.encode("") == [256]


def test_without_a_template_the_text_is_plain() -> None:
    assert chat(None).chat_prompt("2+2?") == "2+2?"


def test_template_gets_messages_and_special_tokens() -> None:
    template = "{{ bos_token }}" + CHAT + "{% if add_generation_prompt %}[assistant]{% endif %}"
    prompt = chat(template, bos_token="<s>").chat_prompt("hi")
    assert prompt == "<s>[user]hi[assistant]"


def test_template_helpers_are_those_of_transformers() -> None:
    loop = "{% for m in messages %}{% if loop.index > 9 %}{% break %}{% endif %}\n"
    template = loop + "{{ m|tojson }}\n{% endfor %}"
    assert chat(template).chat_prompt("é") == '{"role": "user", "content": "é"}\n'


def test_the_date_in_a_prompt_is_fixed() -> None:
    assert chat("{{ strftime_now('%d %b %Y') }}").chat_prompt("hi") == "26 Jul 2024"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('no system role') }}", "here refuses this prompt: no system role"),
        ("{{ messages + 1 }}", "refuses this prompt"),
        ("{{ ''.__class__.__mro__ }}", "refuses this prompt"),
    ],
)
def test_template_that_refuses(template: str, said: str) -> None:
    with pytest.raises(ModelInputError, match=said):
        chat(template).chat_prompt("hi")


def test_template_that_does_not_parse() -> None:
    with pytest.raises(ModelInputError, match="does not parse"):
        chat("{% for %}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    backend().save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def write(folder: Path, **files: Any) -> Tokenizer:
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return hf_tokenizer(folder, 300)


def test_folder_end_ids(folder: Path) -> None:
    tokenizer = write(
        folder,
        config={"eos_token_id": 258},
        generation_config={"eos_token_id": [257, 259]},
        tokenizer_config={"eos_token": "</s>"},
    )
    assert tokenizer.end_ids == {257, 258, 259}


def test_folder_says_whether_bos_is_added(folder: Path) -> None:
    assert write(folder, tokenizer_config={"bos_token": "<s>"}).encode("a")[0] != 256
    stated = {"bos_token": {"content": "<s>"}, "add_bos_token": True}
    assert write(folder, tokenizer_config=stated).encode("a")[0] == 256


def test_processor_says_that_bos_is_added(folder: Path) -> None:
    built = backend()
    built.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 256)]
    )
    built.save(str(folder / "tokenizer.json"))
    assert write(folder, tokenizer_config={"bos_token": "<s>"}).encode("a")[0] == 256
    unset = {"bos_token": "<s>", "add_bos_token": False}
    assert write(folder, tokenizer_config=unset).encode("a")[0] != 256


def test_folder_templates_in_order(folder: Path) -> None:
    listed = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    assert write(folder, tokenizer_config={"chat_template": listed}).chat_prompt("hi") == "D"
    (folder / "chat_template.jinja").write_text("J")
    assert hf_tokenizer(folder, 300).chat_prompt("hi") == "J"
