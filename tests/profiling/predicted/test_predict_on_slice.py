"""Predictions on slices: how they scale, what they choose, and what they refuse."""

from dataclasses import replace

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.economics import Terms
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import fitting_query, predict_on_slice, smallest_query
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import parse_slice

V5E_8 = parse_slice("v5e-8")
REQUEST = PredictionRequest(named_shape("llama3-8b"), Lengths(8.0, 2.0, 256.0, 300.0, 20.0))


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rooflink.profiling.predicted.predict.default_calibration", sample_calibration
    )


def test_batches_multiply_all_but_the_bound_and_the_fit() -> None:
    one, three = (
        predict_on_slice(REQUEST, V5E_8),
        predict_on_slice(replace(REQUEST, batches=3.0), V5E_8),
    )
    assert three.time_s.high == pytest.approx(3 * one.time_s.high)
    assert three.energy_j.low == pytest.approx(3 * one.energy_j.low)
    for thrice, once in zip(three.phases, one.phases, strict=True):
        assert (thrice.bound, thrice.intensity) == (once.bound, pytest.approx(once.intensity))
        assert thrice.tokens == 3 * once.tokens
        assert thrice.flops == pytest.approx(3 * once.flops)
    assert three.fit == one.fit
    assert three.economics.per_query.usd.median == pytest.approx(one.economics.per_query.usd.median)


def test_phases_add_up_and_intervals_hold_their_median() -> None:
    found = predict_on_slice(REQUEST, V5E_8)
    # The median of a sum is not the sum of medians, only near it.
    summed = sum(phase.time_s.median for phase in found.phases)
    assert found.time_s.median == pytest.approx(summed, rel=0.02)
    for each in (found.time_s, *(p.time_s for p in found.phases), found.energy_j):
        assert each.low < each.median < each.high
    assert found.phases[1].tokens == 16 * 300


def test_the_ideal_has_no_interval_and_is_a_floor() -> None:
    ideal, found = (
        predict_on_slice(replace(REQUEST, ideal=True), V5E_8),
        predict_on_slice(REQUEST, V5E_8),
    )
    assert ideal.time_s.low == ideal.time_s.median == ideal.time_s.high
    assert ideal.time_s.median < found.time_s.low


def test_a_dearer_hour_costs_in_proportion_and_no_more_time() -> None:
    cheap = predict_on_slice(replace(REQUEST, terms=Terms(price=1.0)), V5E_8)
    dear = predict_on_slice(replace(REQUEST, terms=Terms(price=3.0)), V5E_8)
    assert dear.time_s == cheap.time_s
    assert dear.economics.whole.usd.high == pytest.approx(3 * cheap.economics.whole.usd.high)


def test_without_a_thought_there_is_no_think_phase_time() -> None:
    quick = predict_on_slice(
        replace(REQUEST, lengths=replace(REQUEST.lengths, think_tokens=0.0), think_variation=0.5),
        V5E_8,
    )
    assert quick.phases[1].steps == 0
    assert quick.phases[1].time_s.median == pytest.approx(0.0, abs=1e-12)


def test_spread_lengths_take_longer_for_the_same_tokens() -> None:
    alike, spread = (
        predict_on_slice(REQUEST, V5E_8),
        predict_on_slice(replace(REQUEST, think_variation=0.8), V5E_8),
    )
    assert spread.phases[1].tokens == alike.phases[1].tokens
    assert spread.phases[1].steps > alike.phases[1].steps
    assert spread.phases[1].time_s.median > alike.phases[1].time_s.median
    assert spread.think_variation == 0.8


def test_what_it_chose_is_said() -> None:
    found = predict_on_slice(replace(REQUEST, weight_dtype="int8"), V5E_8)
    assert found.parallelism == "tensor=8"
    assert "divides 32 query heads" in found.parallelism_reason
    assert (found.weight_dtype, found.kv_dtype, found.matmul_dtype) == (
        "int8", "bfloat16", "bfloat16",
    )  # fmt: skip
    assert found.chip_confidence == "high"
    assert "estimated" in found.energy_basis
    asked = predict_on_slice(replace(REQUEST, split=Parallelism(tensor=4, data=2)), V5E_8)
    assert (asked.parallelism, asked.parallelism_reason) == ("tensor=4,data=2", "as stated")


def test_what_does_not_fit_says_by_how_much_and_what_would() -> None:
    many = replace(REQUEST, lengths=replace(REQUEST.lengths, prompts=2000.0))
    with pytest.raises(ProfileInputError, match=r"would hold .* GB .* the largest batch that fits"):
        predict_on_slice(many, V5E_8)
    with pytest.raises(ProfileInputError, match="take more chips"):
        fitting_query(replace(REQUEST, model=named_shape("llama3-70b")), parse_slice("v5e-4"))


@pytest.mark.parametrize(
    ("model", "slice_name", "dtype"),
    [
        ("deepseek-r1", "h200-8", "fp8"),  # 671 GB of 1,071 GB
        ("gpt-oss-120b", "h100", "fp4"),  # 117 GB in 8 bits, over 80
        ("llama3-70b", "v5e-8", "int8"),  # which multiplies no floats of 8 bits
        ("llama3-70b", "v5e", ""),  # 35 GB in 4 bits, over 16
    ],
)
def test_what_does_not_fit_names_the_dtype_that_does(
    model: str, slice_name: str, dtype: str
) -> None:
    asked, on_slice = replace(REQUEST, model=named_shape(model)), parse_slice(slice_name)
    with pytest.raises(ProfileInputError, match="does not fit") as refused:
        fitting_query(replace(asked, weight_dtype="bfloat16"), on_slice)
    assert ("--dtype" in str(refused.value)) == bool(dtype)
    if dtype:
        assert f"`--dtype {dtype}` would fit" in str(refused.value)
        fitting_query(replace(asked, weight_dtype=dtype), on_slice)


def test_the_smallest_slice_that_holds_it() -> None:
    big = replace(REQUEST, model=named_shape("llama3-70b"))  # 141 GB of weights
    found = smallest_query(big, load_chip("v5e")).slice
    assert found == parse_slice("v5e-16")
    fitting_query(big, found)
    with pytest.raises(ProfileInputError):
        fitting_query(big, parse_slice("v5e-8"))
    assert smallest_query(big, load_chip("apple-m2")) is None


@pytest.mark.parametrize("model", ["llama3-8b", "deepseek-r1", "qwen3-30b-a3b"])
def test_overhead_does_not_grow_with_the_tokens_of_a_prompt(model: str) -> None:
    """Eight times the prompt has the same launches, collectives, steps and sequences, but for
    rounding: what grows with its tokens is compute, memory, on-chip or links."""
    short, long = (
        predict_on_slice(
            PredictionRequest(
                named_shape(model), Lengths(1.0, 1.0, tokens, 16.0, 16.0), weight_dtype="fp8"
            ),
            parse_slice("h200-8"),
        ).phases[0]
        for tokens in (8_000.0, 64_000.0)
    )
    assert short.overhead_s > 0
    assert long.overhead_s == pytest.approx(short.overhead_s, rel=1e-9)
    assert long.bound in ("compute", "memory", "links")
