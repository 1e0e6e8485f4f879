"""Published models of any content: config.json, tokenizers, chat templates, GGUF, safetensors."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from fuzzing import (
    Reader,
    assert_reads_or_refuses,
    changed_bytes,
    corpus,
    corpus_texts,
    mutated_bytes,
    mutated_json,
    mutated_text,
    seeded,
)
from hypothesis import given
from hypothesis import strategies as st
from quantised_models import KINDS, write_quantised
from tiny_models import LLAMA, config_json, public_tensors, write_folder, write_gguf

from rooflink.model.architecture import Architecture
from rooflink.model.chat_template import ChatTemplate
from rooflink.model.weights import open_weights, parameters, sizes_of
from rooflink.model.weights.families import hf_config
from rooflink.model.weights.hf_config import fields_of
from rooflink.model.weights.hf_tokenizer import hf_tokenizer

SMALL = replace(LLAMA, layers=1, embed_dim=32, query_heads=2, kv_heads=1, mlp_dim=32)
FOLDER = write_folder(Path(tempfile.mkdtemp()) / "tiny", SMALL, public_tensors(SMALL))
WHOLE = {name: (FOLDER / name).read_bytes() for name in ("tokenizer.json", "model.safetensors")}
GGUF = write_gguf(FOLDER / "m.gguf", SMALL, public_tensors(SMALL)).read_bytes()
HEADER_BYTES = GGUF.index(b"output_norm.weight") + 2000  # what mutations should mostly hit
TEXT = "a 12 <|im_start|> é"


def beside_a_model(name: str, load: Callable[[Path], object], folder: Path = FOLDER) -> Reader:
    """A reader of a file `name` of a folder whose other files are sound."""

    def reader(data: bytes) -> object:
        path = folder / name
        whole = path.read_bytes() if path.exists() else None
        path.write_bytes(data)
        try:
            return load(path)
        finally:
            path.unlink()
            if whole is not None:
                path.write_bytes(whole)

    reader.__name__ = name
    return reader


def config_of(path: Path) -> Architecture:
    """By its sizes, and as one that runs."""
    sizes = sizes_of(str(path)).architecture
    assert sizes.parameters > 0
    assert sizes.name.isprintable()
    return hf_config(fields_of(path))


def tokens_of(path: Path) -> list[int]:
    tokenizer = hf_tokenizer(path.parent, SMALL.vocab_size)
    ids = tokenizer.encode(TEXT)
    tokenizer.decode(ids)
    assert all(0 <= i < SMALL.vocab_size for i in [*ids, *tokenizer.end_ids])
    return ids


def arrays_of(path: Path) -> object:
    """Everything in a file of weights: sizes, tensors, tokens."""
    model = str(path if path.suffix == ".gguf" else path.parent)
    sizes_of(model)
    source = open_weights(model)
    assert source.config.name.isprintable()
    assert "/" not in source.config.name
    source.tokenizer.decode(source.tokenizer.encode(TEXT))
    return parameters(source.config, source.tensors(), "float32")


def prompt_of(data: bytes) -> str:
    source = data.decode("utf-8", "replace")
    return ChatTemplate(source, "it", {"bos_token": "<s>"}).prompt("1 + 1?")


READERS: dict[str, Reader] = {
    "config": beside_a_model("config.json", config_of),
    "tokenizer": beside_a_model("tokenizer.json", tokens_of),
    "tokenizer_config": beside_a_model("tokenizer_config.json", tokens_of),
    "chat_template": prompt_of,
    "gguf": beside_a_model("given.gguf", arrays_of),
    "safetensors": beside_a_model("model.safetensors", arrays_of),
}
TOKENIZERS = [json.loads(WHOLE["tokenizer.json"]), *map(json.loads, corpus_texts("tokenizer"))]
DATA = Path(__file__).parents[1] / "data"
TEMPLATES = (DATA / "chat_templates.txt").read_text(encoding="utf-8").split("==== ")[1:]
QUANTISED = {
    name: write_quantised(FOLDER.parent / name.replace(" ", "-"), SMALL, kind)[0]
    for name, kind in KINDS.items()
}
SETTINGS = [json.loads(text) for text in corpus_texts("tokenizer_config")]


def test_sound_files_are_read() -> None:
    for subject, data in (
        ("tokenizer", WHOLE["tokenizer.json"]),
        ("gguf", GGUF),
        ("safetensors", WHOLE["model.safetensors"]),
        ("tokenizer_config", corpus("tokenizer_config")[1]),
        ("chat_template", corpus("chat_template")[-4]),
    ):
        assert assert_reads_or_refuses(READERS[subject], data) is not None, subject
    for kind, folder in QUANTISED.items():
        assert arrays_of(folder / "config.json") is not None, kind


@given(mutated_json([json.loads(text) for text in corpus_texts("config")[:-1]]))
def test_a_config_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["config"], data)


@given(mutated_json(TOKENIZERS) | mutated_bytes([WHOLE["tokenizer.json"]]))
def test_a_tokenizer_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["tokenizer"], data)


@given(mutated_json(SETTINGS))
def test_settings_of_a_tokenizer_are_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["tokenizer_config"], data)


@given(mutated_text(TEMPLATES))
def test_a_chat_template_is_rendered_or_refused(text: str) -> None:
    assert_reads_or_refuses(READERS["chat_template"], text.encode("utf-8", "replace"))


@seeded
def mutated_headers(by: Random, whole: bytes, header_bytes: int) -> bytes:
    """`whole` with its head mutated, and sometimes all of it."""
    if by.randrange(5) == 0:
        return changed_bytes(by, whole)
    return changed_bytes(by, whole[:header_bytes]) + whole[header_bytes:]


@given(mutated_headers(GGUF, HEADER_BYTES) | mutated_bytes(corpus("gguf")))
def test_a_gguf_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["gguf"], data)


@given(mutated_headers(WHOLE["model.safetensors"], 1200) | mutated_bytes(corpus("safetensors")))
def test_tensors_are_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["safetensors"], data)


@given(st.sampled_from(sorted(QUANTISED)), st.data())
def test_quantised_tensors_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    whole = (QUANTISED[kind] / "model.safetensors").read_bytes()
    header_bytes = 8 + int.from_bytes(whole[:8], "little")
    reader = beside_a_model("model.safetensors", arrays_of, QUANTISED[kind])
    assert_reads_or_refuses(reader, data.draw(mutated_headers(whole, header_bytes)))


@given(st.sampled_from(sorted(QUANTISED)), st.data())
def test_what_is_said_of_quantised_tensors_is_read_or_refused(
    kind: str, data: st.DataObject
) -> None:
    """By the sizes alone, and with the tensors."""
    mutated = data.draw(mutated_json([KINDS[kind].stated]))
    described = json.dumps(config_json(SMALL)).encode().removesuffix(b"}")
    reader = beside_a_model("config.json", arrays_of, QUANTISED[kind])
    assert_reads_or_refuses(reader, described + b', "quantization_config": ' + mutated + b"}")


@pytest.mark.parametrize("subject", ["config", "tokenizer_config"])
@given(data=st.data())
def test_bytes_are_read_or_refused(subject: str, data: st.DataObject) -> None:
    assert_reads_or_refuses(READERS[subject], data.draw(mutated_bytes(corpus(subject))))
