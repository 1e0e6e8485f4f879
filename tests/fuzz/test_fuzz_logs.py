"""Attempts logs and their adapters, files of problems, and the texts of tasks and strategies."""

import json

from fuzzing import (
    assert_reads_or_refuses,
    corpus,
    corpus_texts,
    file_reader,
    mutated_bytes,
    mutated_json,
    mutated_text,
    text_reader,
)
from hypothesis import given

from rooflink.model.strategies.registry import parse_strategy
from rooflink.model.tasks import load_gsm8k, load_svamp, parse_task
from rooflink.profiling.evaluation.attempts_log import AttemptsLog, read_log
from rooflink.profiling.evaluation.logged import LogRequest, evaluate_log
from rooflink.profiling.predicted.model_shape import named_shape

SHAPE = named_shape("llama3-8b")
LOGS, GSM8K, SVAMP = (corpus(name) for name in ("attempts_logs", "gsm8k", "svamp"))
READERS = {
    "attempts_logs": file_reader(read_log, "log.json"),
    "gsm8k": file_reader(load_gsm8k, "gsm8k.jsonl"),
    "svamp": file_reader(load_svamp, "svamp.json"),
    "tasks": text_reader(parse_task),
    "strategies": text_reader(parse_strategy),
}


def values(files: list[bytes]) -> list[object]:
    """The valid ones, a line of several as one each."""
    found = []
    for data in files:
        for text in [data.decode()] if data.startswith(b"[") else data.decode().split("\n"):
            if text and "NaN" not in text and len(text) < 2000:
                found.append(json.loads(text))
    return found


def evaluated(log: object) -> None:
    """What was read can be evaluated."""
    assert isinstance(log, AttemptsLog)
    evaluate_log(LogRequest(log, SHAPE, slices=[]))


@given(mutated_json(values(LOGS)) | mutated_bytes(LOGS))
def test_an_attempts_log_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["attempts_logs"], data, valid=evaluated)


@given(mutated_json(values(GSM8K)) | mutated_bytes(GSM8K))
def test_a_gsm8k_file_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["gsm8k"], data)


@given(mutated_json(values(SVAMP)) | mutated_bytes(SVAMP))
def test_a_svamp_file_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["svamp"], data)


@given(mutated_text(corpus_texts("tasks")))
def test_a_task_is_read_or_refused(text: str) -> None:
    assert_reads_or_refuses(parse_task, text)


@given(mutated_text(corpus_texts("strategies")))
def test_a_strategy_is_read_or_refused(text: str) -> None:
    assert_reads_or_refuses(parse_strategy, text)
