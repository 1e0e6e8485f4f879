"""Every file of the corpus is read or refused by its subject's reader; the frame holds its word."""

import time

import pytest
from fuzzing import CORPUS, INPUT_ERRORS, Reader, TooLongError, assert_reads_or_refuses, readers

from rooflink.profiling.errors import ProfileInputError

FILES = [path.relative_to(CORPUS) for path in sorted(CORPUS.rglob("*")) if path.is_file()]


@pytest.fixture(scope="module")
def every() -> dict[str, Reader]:
    return readers()


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_of_the_corpus(file: object, every: dict[str, Reader]) -> None:
    subject = str(file).partition("/")[0]
    assert_reads_or_refuses(every[subject], (CORPUS / str(file)).read_bytes())


@pytest.mark.parametrize("sentence", ["", "two\nlines", "a bell \x07", "x" * 301, "\u2028"])
def test_a_bad_sentence_is_a_fault(sentence: str) -> None:
    class RawError(ProfileInputError):
        """One whose words nobody has cleaned."""

        def __str__(self) -> str:
            return sentence

    def reader(data: bytes) -> object:
        raise RawError("x")

    assert issubclass(RawError, INPUT_ERRORS)
    with pytest.raises(AssertionError):
        assert_reads_or_refuses(reader, b"")


def test_another_exception_is_a_fault_and_so_is_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    def reader(data: bytes) -> object:
        if data:
            return data[9]
        while True:
            time.process_time()

    with pytest.raises(IndexError):
        assert_reads_or_refuses(reader, b"x")
    monkeypatch.setattr("fuzzing.MOST_CPU_S", 0.05)
    with pytest.raises(TooLongError):
        assert_reads_or_refuses(reader, b"")
