"""Chip files of any content: those of the catalog and small ones, mutated."""

from importlib.resources import files

from fuzzing import (
    Reader,
    assert_reads_or_refuses,
    corpus_texts,
    file_reader,
    mutated_bytes,
    mutated_text,
    mutated_toml,
)
from hypothesis import given

from rooflink.tpu_configs.catalog import load_chip

VALID = [*corpus_texts("chips"), (files("rooflink.tpu_configs") / "v5e.toml").read_text()]
READERS: dict[str, Reader] = {"chips": file_reader(load_chip, "mine.toml")}


@given(mutated_toml(VALID))
def test_a_chip_file_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["chips"], data)


@given(mutated_bytes([text.encode() for text in VALID]))
def test_bytes_that_were_a_chip_file_are_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["chips"], data)


@given(mutated_text(["v5e", "v5litepod", "mine.toml", "others/h100"]))
def test_a_chips_name_is_known_or_refused(name: str) -> None:
    assert_reads_or_refuses(load_chip, name)


def test_the_catalogs_files_are_read() -> None:
    for text in VALID[1:]:
        assert assert_reads_or_refuses(READERS["chips"], text.encode()) is not None
