"""Chips of devices: integers alone, no data center about them, and a battery that runs out."""

import math

import numpy as np
import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.predicted.calibration import COMPONENTS, default_calibration
from rooflink.profiling.predicted.economics import Terms, economic_terms
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.slices import PredictionRequest, predict_on_slice
from rooflink.profiling.predicted.step.hardware import operand_dtype
from rooflink.profiling.records import Interval, Prediction
from rooflink.tpu_configs.catalog import chip_names, chip_stem, load_all, load_chip
from rooflink.tpu_configs.chip import Chip
from rooflink.tpu_configs.input_errors import ChipInputError
from rooflink.tpu_configs.slice import parse_slice

EVERY_CHIP = pytest.mark.parametrize("chip", load_all(), ids=chip_names())
DEVICES = [chip_stem(chip) for chip in load_all() if chip.place == "edge"]


def prediction(name: str, dtype: str = "int4", **terms: object) -> Prediction:
    """One question to a small model."""
    request = PredictionRequest(
        model=named_shape("smollm2-135m"),
        lengths=Lengths(1.0, 2.0, 512.0, 1024.0, 64.0),
        weight_dtype=dtype,
        terms=Terms(**terms),
    )
    return predict_on_slice(request, parse_slice(name))


def require_ordered(interval: Interval, wide: float) -> None:
    """Finite, above zero, in order, and at least `wide` from end to end."""
    assert 0 < interval.low < interval.median < interval.high < math.inf
    assert interval.high / interval.low > wide


@EVERY_CHIP
def test_a_prediction_on_any_chip_is_finite_and_ordered(chip: Chip) -> None:
    if chip.hbm_capacity_bytes < 1e9:
        pytest.skip("its SRAM holds no model of this size by itself")
    made = prediction(chip_stem(chip))
    require_ordered(made.time_s, 1.3)
    for phase in made.phases:
        require_ordered(phase.time_s, 1.3)
    if made.energy_j is not None:
        require_ordered(made.energy_j, 1.2)


@pytest.mark.parametrize("name", ["jetson-orin", "jetson-thor", "coral", "lunar-lake"])
def test_a_kind_that_nobody_measured_says_so_and_is_less_sure(name: str) -> None:
    chip, calibration = load_chip(name), default_calibration()
    assert prediction(name).basis.lower().startswith(f"no measurements of any {chip.kind}")

    def width(of: Chip) -> float:
        """Of the 80 % interval of the bandwidth that is reached, in logarithms."""
        reached = calibration.efficiency(of.name, of.kind, "vLLM").memory
        low, high = np.quantile(reached, (0.1, 0.9))
        return math.log(high / low)

    assert width(chip) > 1.3 * width(load_chip("h100"))


def test_a_kind_that_nobody_measured_is_drawn_from_all_kinds() -> None:
    """Log-odds of the bandwidth reached vary by 0.7 as kinds do, 0.35 as chips, 0.3 as regimes and
    0.1 as vLLM's own draws: 0.83 together, 1.28 times as much to either end of an 80 % interval."""
    memory = sample_calibration().efficiency("a new chip", "npu", "vLLM").memory
    log_odds = np.log(memory / (1 - memory))
    assert log_odds[0] == pytest.approx(COMPONENTS["memory"].mean)
    low, high = np.quantile(log_odds, (0.1, 0.9))
    assert high - low == pytest.approx(2 * 1.28 * 0.83, rel=0.25)
    again = sample_calibration().efficiency("a new chip", "npu", "vLLM").memory
    np.testing.assert_array_equal(memory, again)


@pytest.mark.parametrize(
    ("name", "tokens_per_s"),
    [("jetson-orin-nano", 19.14), ("jetson-thor", 50.8)],
)
def test_a_published_rate_lies_within_the_interval(name: str, tokens_per_s: float) -> None:
    """Llama 3.1 8B with INT4 weights, one at a time: NVIDIA on the Orin Nano Super (MLC, 2024) and
    on AGX Thor (TensorRT Edge-LLM 0.4.0), neither of which the calibration has seen."""
    request = PredictionRequest(
        model=named_shape("llama3-8b"), lengths=Lengths(1.0, 1.0, 383.0, 256.0, 1.0),
        weight_dtype="int4",
    )  # fmt: skip
    think = predict_on_slice(request, parse_slice(name)).phases[1]
    assert think.tokens / think.time_s.high < tokens_per_s < think.tokens / think.time_s.low


@pytest.mark.parametrize(
    ("name", "weights", "operands"),
    [
        ("coral", "int8", "int8"),
        ("coral", "int4", "int8"),
        ("snapdragon-x-elite", "int4", "int8"),
        ("lunar-lake", "int4", "bfloat16"),
        ("jetson-orin", "int4", "bfloat16"),
        ("jetson-thor", "fp4", "float4_e2m1fn"),
    ],
)
def test_operands_are_what_a_device_multiplies(name: str, weights: str, operands: str) -> None:
    assert operand_dtype(load_chip(name), weights) == operands


def test_floats_on_a_unit_for_integers_are_refused_in_a_sentence() -> None:
    with pytest.raises(ChipInputError, match=r"it multiplies integers, expected int8 or int4$"):
        prediction("coral", "bfloat16")


@pytest.mark.parametrize("name", DEVICES)
def test_no_data_center_is_about_a_device(name: str) -> None:
    terms = economic_terms(load_chip(name), Terms())
    assert (terms.place, terms.host_factor, terms.pue) == ("edge", 1.0, 1.0)


def test_stated_overheads_are_a_devices_too() -> None:
    terms = economic_terms(load_chip("jetson-orin"), Terms(host="1.2", pue="industry"))
    assert (terms.host_factor, terms.pue) == (1.2, 1.57)


def test_a_charge_is_its_joules_over_those_of_an_answer() -> None:
    economics = prediction("jetson-orin", battery_wh=100.0).economics
    assert economics is not None
    assert economics.battery is not None
    joules, queries = economics.per_query.wall_j, economics.battery.queries
    assert economics.battery.battery_wh == 100
    assert queries.median == pytest.approx(100 * 3600 / joules.median)
    assert queries.low == pytest.approx(100 * 3600 / joules.high)
    assert queries.high == pytest.approx(100 * 3600 / joules.low)
    require_ordered(queries, 1.5)


def test_a_battery_is_no_data_centers_and_none_where_energy_is_unknown() -> None:
    center = prediction("v5e", battery_wh=100.0).economics
    assert center is not None
    assert center.battery is None
    assert "Battery: TPU v5e stands in a data center, not in a device." in center.unknown
    phone = prediction("snapdragon-8-elite", battery_wh=20.0).economics
    assert phone is not None
    assert phone.battery is None
    assert any("power draw of Snapdragon 8 Elite" in sentence for sentence in phone.unknown)


def test_a_device_takes_less_energy_than_the_same_chip_with_a_data_center_about_it() -> None:
    at_the_edge = prediction("dgx-spark").economics
    housed = prediction("dgx-spark", host="gemini", pue="industry").economics
    assert at_the_edge is not None
    assert housed is not None
    ratio = housed.per_query.wall_j.median / at_the_edge.per_query.wall_j.median
    assert ratio == pytest.approx(1.431 * 1.57)
