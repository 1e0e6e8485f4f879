"""Derived figures of a chip, worked by hand."""

import pytest

from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.chip import PeakRate
from rooflink.tpu_configs.input_errors import ChipInputError


@pytest.mark.parametrize(
    ("name", "ridge"),
    [
        ("v2", 64.2),
        ("v3", 136.7),
        ("v4", 229.2),
        ("v5e", 240.5),
        ("v5p", 166.0),
        ("v6e", 560.4),
        ("v7x", 312.6),
    ],
)
def test_ridge_is_peak_over_bandwidth(name: str, ridge: float) -> None:
    assert load_chip(name).ridge("bfloat16") == pytest.approx(ridge, abs=0.05)


def test_capacity_and_bandwidth_are_in_base_units() -> None:
    chip = load_chip("v5e")
    assert chip.hbm_capacity_bytes == 17.2e9
    assert chip.hbm_bandwidth == 819e9


def test_a_dtype_with_a_figure_has_its_own_peak() -> None:
    chip = load_chip("v6e")
    assert chip.peak_flops("int8") == PeakRate(1836e12, "int8")
    assert chip.peak_flops("int4") == PeakRate(3680e12, "int4")
    assert chip.peak_flops("float8_e4m3fn") == PeakRate(918e12, "float8_e4m3fn")
    assert load_chip("v5e").ridge("int8") == pytest.approx(481.1, abs=0.05)


@pytest.mark.parametrize("dtype", ["float32", "float16", "float8_e5m2"])
def test_a_dtype_without_a_figure_runs_as_bfloat16_and_says_so(dtype: str) -> None:
    chip = load_chip("v5e")
    assert chip.peak_flops(dtype) == PeakRate(197e12, "bfloat16")
    assert chip.ridge(dtype) == chip.ridge("bfloat16")


def test_an_unknown_dtype_is_refused_with_those_known() -> None:
    with pytest.raises(ChipInputError, match=r"dtype 'bf16', expected one of float32, .*fn$"):
        load_chip("v5e").peak_flops("bf16")


def test_a_chip_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_chip("v5e").year = 2030


def test_a_chip_that_has_only_float32_runs_all_dtypes_at_it() -> None:
    cpu = load_chip("cpu-i9-13900k")
    assert cpu.peak_flops("bfloat16") == PeakRate(1.5e12, "float32")
    assert cpu.ridge("int8") == cpu.ridge("float32")


def test_four_bit_floats_have_their_own_peak_where_there_is_one() -> None:
    assert load_chip("b200").peak_flops("float4_e2m1fn") == PeakRate(9000e12, "float4_e2m1fn")
    assert load_chip("h100").peak_flops("float4_e2m1fn") == PeakRate(989e12, "bfloat16")


def test_jax_devices_are_one_where_nothing_is_said() -> None:
    assert load_chip("v4").jax_devices == 2
    assert load_chip("v5p").jax_devices == 1
    assert load_chip("etched-sohu").jax_devices == 1


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_a_unit_for_integers_alone_widens_them_to_int8(dtype: str) -> None:
    coral = load_chip("coral")
    assert coral.peak_flops(dtype) == PeakRate(4e12, "int8")
    assert coral.ridge(dtype) == 8000


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
def test_a_unit_for_integers_alone_refuses_floats(dtype: str) -> None:
    said = f"Google Coral Edge TPU has no published peak for {dtype}: it multiplies integers"
    with pytest.raises(ChipInputError, match=said):
        load_chip("coral").peak_flops(dtype)


def test_the_confidence_of_a_chip_without_floats_is_of_its_int8() -> None:
    assert load_chip("snapdragon-x-elite").confidence == "medium"
    assert load_chip("snapdragon-8-elite").confidence == "low"
