"""The one door for files: what comes in, and the one sentence for what does not."""

import json
import os
from pathlib import Path

import pytest

from rooflink.model.config import ModelInputError
from rooflink.model.input_files import (
    MOST_NESTED,
    is_regular_file,
    json_rows,
    json_value,
    lines_of,
    read_bytes,
    read_text,
    toml_table,
    user_path,
)
from rooflink.profiling.errors import ProfileInputError
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.input_errors import ChipInputError

ERRORS = (ModelInputError, ProfileInputError, ChipInputError)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_input_error_is_one_printable_line_that_keeps_its_end(kind: type[ValueError]) -> None:
    error = str(kind(f"no\nchip \x1b[31m{'x' * 5000} here: check the path"))
    assert len(error) <= 300
    assert error.isprintable()
    assert error.startswith("no chip ?[31mxxx")
    assert error.endswith("here: check the path")
    assert str(kind("short, and as it was")) == "short, and as it was"


def test_text_comes_without_its_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "it.json"
    file.write_bytes(b"\xef\xbb\xbf\xc3\xa4")
    assert read_text(file, "record") == "ä"


@pytest.mark.parametrize("read", [lambda p: read_bytes(p, "log"), lambda p: load_chip(str(p))])
def test_a_pipe_is_refused_at_once(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ERRORS, match="regular file"):
        read(tmp_path / "pipe.toml")
    assert not is_regular_file(tmp_path / "pipe.toml")
    assert not is_regular_file(tmp_path / ("n" * 300))


def test_what_cannot_be_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    (tmp_path / "large").write_bytes(b"x" * 11)
    for name, sentence in [
        ("none", "no log at .*none: `rooflink eval` writes one"),
        ("latin", r"the log .*latin is not UTF-8 text \(byte 3 is 0xe9\): save it as UTF-8"),
        ("large", "the log .*large is larger than 0 MiB"),
        (".", "is a folder: expected the log itself"),
    ]:
        with pytest.raises(ProfileInputError, match=sentence):
            read_text(tmp_path / name, "log", ProfileInputError, 10, "`rooflink eval` writes one")


@pytest.mark.parametrize(
    "text", ["", "  ", "~nosuchuser/x", "a\0b", "a" * 256, "x/" + "é" * 128, "\udc80"]
)
def test_no_path(text: str) -> None:
    with pytest.raises(ModelInputError, match="is not a path"):
        user_path(text)


@pytest.mark.parametrize("text", ["a b", "a\nb", "🙂", "é" * 127, "x" * 255])
def test_paths_of_every_kind(text: str) -> None:
    assert user_path(text) == Path(text)


def test_lines_end_where_files_end_them() -> None:
    assert lines_of("a\u2028b\r\nc\x85d\x0ce\n") == ["a\u2028b", "c\x85d\x0ce"]
    assert lines_of("a\rb\r") == ["a", "b"]
    assert toml_table("a = 1\rb = 2\r", "it") == {"a": 1, "b": 2}
    rows = json_rows('{"a": "x\u2028y"}\n\n[1]\n', "log")
    assert list(rows) == [("log, line 1,", {"a": "x\u2028y"}), ("log, line 3,", [1])]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "it is not JSON: Expecting"),
        ('{"a": {"score": NaN}}', "it: score is nan, expected a finite number"),
        ('{"a": [1e400]}', "it: a is inf, expected a finite number"),
        ("1" * 400, "more than 31 digits"),
        ("1" * 5000, "thousands of digits"),
        ("[" * 3000 + "]" * 3000, "more than 64 levels"),
        ("[" * 100000, "more than 64 levels|not JSON"),
        ('"\\ud800"', "surrogate"),
        ('{"\\ud800": 1}', "a key under the top"),
    ],
)
def test_json_that_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ModelInputError, match=sentence):
        json_value(text, "it")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '{"a": 1}\n{"a":\n 2}',
            "log, line 2, begins JSON that goes over several lines: write one",
        ),
        ('[\n{"a": 1},\n{"a": 2}\n]', "log, line 1, begins JSON that goes over several lines"),
        ('{"a": 1},\n{"a": 2}\n', "log, line 1, ends in a comma: write one JSON object a line"),
        ('{"a": 1} x\n', "log, line 1, is not JSON: Extra data"),
        ('{"a": 1}\n{"a": {"b": NaN}}', "log, line 2: b is nan"),
        ('{"a": {"b": 1, "b": 1}}', "log, line 1, gives the key 'b' twice in one object: keep one"),
    ],
)
def test_lines_that_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(ProfileInputError, match=sentence):
        list(json_rows(text, "log", ProfileInputError))


def test_json_of_the_deepest_and_largest_is_read() -> None:
    text = "[" * (MOST_NESTED - 1) + "9" * 30 + "]" * (MOST_NESTED - 1)
    assert json_value(text, "it") == json.loads(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = ", "it is not TOML"),
        ("a = nan", "a is nan, expected a finite number"),
        ("a = " + "1" * 400, "more than 31 digits"),
        ("a = " + "1" * 5000, "thousands of digits"),
        ("a = " + "[" * 3000, "more than 64 levels|not TOML"),
        (".".join("a" * 100) + " = 1", "more than 64 dots"),
        ("a = 2024-13-45", "not TOML|no such date"),
    ],
)
def test_toml_that_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ModelInputError, match=sentence):
        toml_table(text, "it")


@pytest.mark.parametrize("text", ["a = " + "[" * 3000, "a = " + "1" * 5000, "x" * (1 << 20) + "x"])
def test_a_chip_file_has_the_same_promise(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ChipInputError):
        load_chip(tmp_path / "mine.toml")
