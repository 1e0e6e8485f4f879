"""The Tokenizer itself: chat prompts, end tokens, and a Hugging Face folder's settings."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors

from rooflink.model.chat_template import ChatTemplate
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
    chosen = None if template is None else ChatTemplate(template, "here", texts)
    return Tokenizer(backend(), chat_template=chosen)


def test_text_survives() -> None:
    tokenizer = chat(None)
    text = "déjà vu 日本\n\tx = 1"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert max(tokenizer.encode(text)) < tokenizer.vocab_size == 260


def test_half_of_a_surrogate_pair_is_refused() -> None:
    """What Python makes of an argument's byte that is not UTF-8."""
    with pytest.raises(ModelInputError, match="no text in Unicode"):
        chat(None).encode("a\udcff")


def test_an_unfinished_character_is_marked() -> None:
    tokenizer = chat(None)
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "\ufffd"


def test_end_ids_join_what_is_stated_and_what_ends_turns() -> None:
    assert Tokenizer(backend(), end_ids=[258]).end_ids == {257, 258}


def test_bos_is_added_once() -> None:
    tokenizer = Tokenizer(backend(), start_ids=[256])
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


def test_template_that_does_not_parse_stops_its_prompts_alone() -> None:
    tokenizer = chat("{% for %}")
    with pytest.raises(ModelInputError, match="does not parse"):
        tokenizer.chat_prompt("hi")


def test_a_chat_prompt_gets_no_start_tokens_but_those_of_its_template() -> None:
    """As `apply_chat_template` with tokenize=True; a plain prompt gets them."""
    template = ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}", "here")
    assert Tokenizer(backend(), start_ids=[256], chat_template=template).chat_ids("a") == [64]
    assert Tokenizer(backend(), start_ids=[256]).chat_ids("a") == [256, 64]


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


@pytest.mark.parametrize("flag", [{}, {"add_bos_token": True}, {"add_bos_token": False}])
@pytest.mark.parametrize("named", [{}, {"bos_token": "<s>"}, {"bos_token": {"content": "<s>"}}])
def test_processor_alone_says_whether_bos_is_added(
    folder: Path, named: dict[str, Any], flag: dict[str, Any]
) -> None:
    """As transformers 5.24 for each of these: it passes over the flag beside a tokenizer.json."""
    assert write(folder, tokenizer_config=named | flag).encode("a") == [64]
    built = backend()
    built.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 256)]
    )
    built.save(str(folder / "tokenizer.json"))
    assert write(folder, tokenizer_config=named | flag).encode("a") == [256, 64]


def test_special_tokens_map_names_what_templates_use(folder: Path) -> None:
    """It goes before tokenizer_config.json, but for files that state `added_tokens_decoder`."""
    template = {"chat_template": "{{ bos_token }}{{ eos_token }}", "bos_token": "<old>"}
    mapped = {"bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    assert write(folder, tokenizer_config=template, special_tokens_map=mapped).chat_prompt("") == (
        "<s></s>"
    )
    newer = template | {"added_tokens_decoder": {}}
    assert write(folder, tokenizer_config=newer).chat_prompt("") == "<old>"


def test_folder_templates_in_order(folder: Path) -> None:
    listed = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    assert write(folder, tokenizer_config={"chat_template": listed}).chat_prompt("hi") == "D"
    (folder / "chat_template.jinja").write_text("J")
    assert hf_tokenizer(folder, 300).chat_prompt("hi") == "J"


def test_every_kind_of_processor_says_what_comes_first(folder: Path) -> None:
    """As transformers 5 encodes 'a' with each, but for the ends, of which none is ever added."""
    template = processors.TemplateProcessing(
        single="<s> </s> $A </s>", special_tokens=[("<s>", 256), ("</s>", 258)]
    )
    kinds = {
        processors.RobertaProcessing(("</s>", 258), ("<s>", 256)): [256],
        processors.BertProcessing(("</s>", 258), ("<extra>", 259)): [259],
        processors.ByteLevel(): [],
        template: [256, 258],
        processors.Sequence([processors.ByteLevel(), template]): [256, 258],
    }
    for processor, first in kinds.items():
        built = backend()
        built.post_processor = processor
        built.save(str(folder / "tokenizer.json"))
        assert hf_tokenizer(folder, 300).encode("a") == [*first, 64]


def test_a_processor_that_names_no_token_says_so(folder: Path) -> None:
    fields = json.loads(backend().to_str())
    first = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    fields["post_processor"] = {
        "type": "TemplateProcessing", "single": first, "pair": [], "special_tokens": {},
    }  # fmt: skip
    with pytest.raises(ModelInputError, match="puts the token '<s>' before a text and does not"):
        write(folder, tokenizer=fields)


def test_padding_to_billions_is_passed_over(folder: Path) -> None:
    fields = json.loads(backend().to_str())
    fields["padding"] = {
        "strategy": {"Fixed": 4}, "direction": "Right", "pad_to_multiple_of": 2**31, "pad_id": 0,
        "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    assert write(folder, tokenizer=fields).encode("a") == [64]


def test_a_vocabulary_that_cannot_encode_says_so(folder: Path) -> None:
    tokenizers.Tokenizer(models.WordLevel({"a": 0}, "<unk>")).save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelInputError, match=r"cannot encode 'b' .*UNK"):
        hf_tokenizer(folder, 300).encode("b")
