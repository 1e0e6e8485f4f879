"""Chat templates render as transformers' `apply_chat_template` renders them, within bounds.

`chat_templates.txt` holds templates of public models' kinds, written for this test;
`chat_renderings.json` what transformers made of each, with the date set to 26 July 2024.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rooflink.model import chat_template, template_worker
from rooflink.model.chat_template import MOST_TEMPLATE_CHARACTERS, ChatTemplate
from rooflink.model.config import ModelInputError

DATA = Path(__file__).parents[1] / "data"
TEXTS = (DATA / "chat_templates.txt").read_text(encoding="utf-8").split("==== ")[1:]
TEMPLATES = {
    name: text.removesuffix("\n") for name, _, text in (part.partition("\n") for part in TEXTS)
}
RECORD: dict[str, Any] = json.loads((DATA / "chat_renderings.json").read_text(encoding="utf-8"))
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_as_transformers_renders_it(name: str) -> None:
    template = ChatTemplate(TEMPLATES[name], "here", SPECIAL)
    for conversation, recorded in RECORD["renderings"][name].items():
        variables = dict(RECORD["conversations"][conversation])
        if isinstance(recorded, str):
            assert template.render(variables.pop("messages"), **variables) == recorded
            continue
        with pytest.raises(ModelInputError) as caught:
            template.render(variables.pop("messages"), **variables)
        if "raise_exception" in template.source:
            assert recorded["error"].rstrip(".") in str(caught.value)


def test_a_prompt_asks_for_an_answer() -> None:
    template = ChatTemplate(TEMPLATES["tools is not none"], "here")
    assert template.prompt("hi") == "<|user|>hi<|end|><|assistant|>"


REFUSED = {
    "endless": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "much in one call": "{{ range(99999)|map('string')|join|replace('', 'a' * 9999) }}",
    "more than memory": "{{ 'a' * (3 * 10**9) }}",
    "twice as long forty times": "{% set ns = namespace(s='aa') %}{% for i in range(40) %}"
    "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "a wide field": "{{ '%999999999d' % 1 }}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "a macro in itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "lipsum": "{{ lipsum(n=99999) }}",
    "cycler": "{{ cycler() }}",
    "joiner": "{{ joiner()() }}",
    "a long range": "{{ range(10**9) }}",
    "brackets": "{{ " + "(" * 3000 + ")" * 3000 + " }}",
    "nested loops": "{% for a in [1] %}" * 25 + "{% endfor %}" * 25,
    "a long integer": "{{ " + "9" * 5000 + " }}",
    "half a pair": "{{ '\\ud800' }}",
    "division": "{{ 1 / 0 }}",
    "a long prompt": "{{ 'a' * 10**7 }}",
    "a long template": "a" * (MOST_TEMPLATE_CHARACTERS + 1),
    "a long complaint": "{{ raise_exception('no\n' * 10**6) }}",
    "an attribute of Python's": "{{ messages.append(1) }}",
    "a file": "{% include '/etc/passwd' %}",
    "another's template": "{% extends 'x' %}",
    "an assertion": "{% for a, b in [1] %}{% endfor %}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_template_is_one_sentence_within_seconds(name: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ModelInputError) as caught:
        ChatTemplate(REFUSED[name], "here").prompt("hi")
    sentence = str(caught.value)
    assert sentence.startswith("the chat template of here ")
    assert sentence.isprintable()
    assert len(sentence) <= 300
    assert time.monotonic() - begin < 30  # 1 s of CPU, on a busy machine
    assert ChatTemplate("{{ messages|length }}", "here").prompt("hi") == "1"


def test_a_worker_that_was_killed_is_started_again() -> None:
    template = ChatTemplate("{{ messages|length }}", "here")
    for _ in range(2):
        assert template.prompt("hi") == "1"
        process = chat_template._worker()._process
        assert process is not None
        process.kill()
        process.wait()


def test_the_worker_ends_with_its_input() -> None:
    ended = subprocess.run(
        [sys.executable, "-P", template_worker.__file__], stdin=subprocess.DEVNULL, timeout=60
    )
    assert ended.returncode == 0
