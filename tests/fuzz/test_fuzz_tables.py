"""Tables of any content that predictions stand on: described models, chips, costs,
measurements and calibrations; what is read is also predicted with, and every figure is finite."""

import json
import math
from pathlib import Path
from random import Random

from fuzzing import (
    Reader,
    assert_reads_or_refuses,
    changed_text,
    corpus,
    corpus_texts,
    file_reader,
    mutated_bytes,
    mutated_json,
    mutated_toml,
    seeded,
)
from hypothesis import given

from rooflink.profiling.predicted.calibration import Calibration, parse_calibration
from rooflink.profiling.predicted.cases import predict_cases
from rooflink.profiling.predicted.chip_hours import Ownership, load_ownership
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice, smallest_query
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import parse_slice


def described_model(path: Path) -> object:
    """A model's sizes, and a prediction with them."""
    request = PredictionRequest(named_shape(str(path)), Lengths(2.0, 2.0, 512.0, 512.0, 64.0))
    return predict_on_slice(request, parse_slice("v5e-8"))


def own_chip(path: Path) -> object:
    """A user's chip, and a prediction on it and on some of them."""
    chip = load_chip(path)
    request = PredictionRequest(named_shape("smollm2-135m"), Lengths(1.0, 2.0, 64.0, 64.0, 8.0))
    smallest_query(request, chip)
    return predict_on_slice(request, parse_slice(str(path)))


def measurements(path: Path) -> list[float]:
    """A table's predictions."""
    cases, _ = read_measurements(path)
    return [one.whole.high for one in predict_cases(cases) if one is not None]


def calibration(path: Path) -> Calibration:
    """A calibration, and what it says of a chip."""
    read = parse_calibration(path.read_text(encoding="utf-8", errors="replace"), path.name)
    read.efficiency("TPU v5e", "tpu", "vLLM")
    return read


def finite(result: object) -> None:
    assert isinstance(result, list)
    assert all(math.isfinite(value) and value > 0 for value in result)


MEASURED = corpus_texts("measurements")
READERS: dict[str, Reader] = {
    "described_models": file_reader(described_model, "mine.toml"),
    "own_chips": file_reader(own_chip, "mine.toml"),
    "costs": file_reader(load_ownership, "costs.toml"),
    "measurements": file_reader(measurements, "measured.csv"),
    "calibrations": file_reader(calibration, "calibration.json"),
}


@given(mutated_toml(corpus_texts("described_models")))
def test_a_described_model_is_predicted_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["described_models"], data)


@given(mutated_toml(corpus_texts("chips")))
def test_a_chip_is_predicted_on_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["own_chips"], data)


@given(mutated_toml(corpus_texts("costs")))
def test_costs_are_read_or_refused(data: bytes) -> None:
    owned = assert_reads_or_refuses(READERS["costs"], data)
    assert owned is None or (
        isinstance(owned, Ownership) and 0 <= owned.usd_per_chip_hour < math.inf
    )


@seeded
def cells_changed(by: Random) -> bytes:
    """A table with some of its cells changed."""
    lines = by.choice(MEASURED).splitlines()
    for _ in range(by.randint(1, 3)):
        index = by.randrange(len(lines))
        cells = lines[index].split(",")
        cell = by.randrange(len(cells))
        cells[cell] = changed_text(by, cells[cell] or "TP0 x 0.0.1 GB/s, 2^9999")
        lines[index] = ",".join(cells)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@given(cells_changed() | mutated_bytes(corpus("measurements")))
def test_measurements_are_predicted_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["measurements"], data, finite)


@given(mutated_json([json.loads(text) for text in corpus_texts("calibrations")]))
def test_a_calibration_is_read_or_refused(data: bytes) -> None:
    assert_reads_or_refuses(READERS["calibrations"], data)
