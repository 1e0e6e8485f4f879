"""What holds of every prediction: it never falls with more work, and its intervals are in order."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.records.base import Interval
from rooflink.profiling.records.prediction import Prediction
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.chip import Chip
from rooflink.tpu_configs.figure import LARGEST, LEAST, Figure, figures_in
from rooflink.tpu_configs.slice import Slice, parse_slice

MODELS = ("llama3-8b", "gpt-oss-120b", "qwen3-30b-a3b", "deepseek-r1", "smollm2-135m")
EXPERTS = Parallelism(data=16, expert=4, expert_tensor=1)
MESHES = {
    "v5e:4x4": (
        Parallelism(data=16),
        Parallelism(data=8, tensor=2),
        Parallelism(data=16, expert=4, expert_tensor=1),
    ),
    "v5p:4x4x4": (Parallelism(data=4, tensor=16, kv_by_sequences=True), Parallelism(data=64)),
    "b200:2x8": (Parallelism(data=16, expert=16), Parallelism(data=2, tensor=8, expert=16)),
    "h100:2x8": (Parallelism(data=2, tensor=8), EXPERTS),
    "mi300x:8": (Parallelism(data=8), Parallelism(data=4, pipeline=2)),
}
FIELDS = ("prompts", "attempts", "prompt_tokens", "think_tokens", "answer_tokens")


@st.composite
def requests(draw: st.DrawFn) -> tuple[PredictionRequest, str]:
    """A request with a mesh that stays the same, and a slice for it."""
    where = draw(st.sampled_from(sorted(MESHES)))
    lengths = Lengths(
        prompts=float(64 * draw(st.integers(1, 8))),
        attempts=float(draw(st.integers(1, 16))),
        prompt_tokens=float(draw(st.integers(1, 20_000))),
        think_tokens=draw(st.floats(0, 20_000)),
        answer_tokens=draw(st.floats(1, 2_000)),
    )
    return PredictionRequest(
        named_shape(draw(st.sampled_from(MODELS))),
        lengths,
        split=draw(st.sampled_from(MESHES[where])),
        think_variation=draw(st.sampled_from([0.0, 0.8, 3.0])),
        weight_dtype=draw(st.sampled_from(["bfloat16", "int8", "fp4"])),
        stack=draw(st.sampled_from([None, "vLLM", "a stack nobody measured"])),
        ideal=draw(st.booleans()),
    ), where


def predicted(request: PredictionRequest, where: str) -> Prediction:
    """Cases that do not fit, or whose mesh does not divide the model, are none."""
    try:
        return predict_on_slice(request, parse_slice(where))
    except ProfileInputError:
        assume(False)
        raise


def numbers(value: object) -> list[float]:
    """Every number within a record's JSON."""
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []


@given(requests())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_intervals_are_in_order_and_all_is_finite(case: tuple[PredictionRequest, str]) -> None:
    prediction = predicted(*case)
    assert all(math.isfinite(number) and number >= 0
               for number in numbers(prediction.model_dump()))  # fmt: skip
    for one in [prediction, *prediction.phases]:
        for interval in (one.time_s, one.energy_j):
            assert interval is None or interval.low <= interval.median <= interval.high


@given(requests(), st.sampled_from(FIELDS))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_nothing_falls_where_a_length_doubles(
    case: tuple[PredictionRequest, str], field: str
) -> None:
    request, where = case
    less = predicted(request, where)
    twice = replace(request.lengths, **{field: 2 * getattr(request.lengths, field)})
    more = predicted(replace(request, lengths=twice), where)
    for before, after in zip(less.phases, more.phases, strict=True):
        for name in ("flops", "memory_bytes", "link_bytes"):
            assert getattr(after, name) >= getattr(before, name) * (1 - 1e-9), (after.phase, name)
        assert_no_less(before.time_s, after.time_s)
    assert_no_less(less.time_s, more.time_s)
    assert_no_less(less.energy_j, more.energy_j)
    assert more.fit.kv_bytes >= less.fit.kv_bytes


def assert_no_less(before: Interval | None, after: Interval | None) -> None:
    """At each end and in the middle."""
    if before is not None and after is not None:
        for end in ("low", "median", "high"):
            assert getattr(after, end) >= getattr(before, end) * (1 - 1e-9), end


FIGURES = [
    key
    for key, figure in figures_in(load_chip("v5e")).items()
    if isinstance(figure, Figure) and figure.unit != "1"
]


@pytest.mark.parametrize("end", [LEAST, LARGEST])
@pytest.mark.parametrize("key", FIGURES)
def test_a_figure_at_the_end_of_its_bounds_leaves_all_finite(key: str, end: float) -> None:
    table = load_chip("v5e").model_dump(exclude_none=True)
    part = table
    for name in key.split("."):
        part = part[name]
    part["value"] = end
    chip = Chip.model_validate(table | {"name": "odd"})
    request = PredictionRequest(named_shape("llama3-8b"), Lengths(2.0, 2.0, 64.0, 64.0, 8.0))
    on_slice = Slice(chip, (2, 4))
    if (key, end) == ("memory.capacity", LEAST):
        with pytest.raises(ProfileInputError, match="does not fit"):
            predict_on_slice(request, on_slice)
        return
    prediction = predict_on_slice(request, on_slice)
    assert all(math.isfinite(number) and number >= 0
               for number in numbers(prediction.model_dump()))  # fmt: skip
