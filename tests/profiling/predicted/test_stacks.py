"""A stack is one by any spelling: in the calibration, and so for every verb and reader."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.co_design.design_point import draws_of
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.jobs.cost_terms import settled_stack
from rooflink.profiling.predicted.calibration import (
    default_calibration,
    effects_of,
    regime_of,
    stack_named,
    stacks_of,
)
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.slices import PredictionRequest, predict_on_slice
from rooflink.profiling.validation.measurements.models import stack_of
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import parse_slice

SPELLINGS = {
    "vLLM": ("vllm", "VLLM", "vLLM", "vllm==0.8.5", "vLLM v0.11.0rc1"),
    "SGLang": ("sglang", "SGLANG", "sgl"),
    "TensorRT-LLM": ("tensorrt-llm", "trtllm", "TRT-LLM", "TensorRT_LLM 1.0.0", "tensorrt"),
    "vLLM-TPU": ("vllm-tpu", "vLLM TPU"),
    "llama.cpp": ("llamacpp", "Llama.cpp"),
}


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, one) for name, many in SPELLINGS.items() for one in many]
)
def test_every_spelling_is_the_stack(name: str, spelling: str) -> None:
    assert stack_named(spelling) == name
    assert regime_of(spelling) == regime_of(name)


@pytest.mark.parametrize(
    ("stack", "regime", "library"),
    [
        ("SGLang Triton experts fp8_block kernels", "experts", "Triton experts"),
        ("vLLM FlashAttention MLA decode kernels", "MLA decode", "FlashAttention MLA decode"),
        ("FlashAttention 3 decode fp8 kernels", "decode", "FlashAttention 3 decode"),
        ("convolution prefill kernels", "convolution prefill", "convolution prefill"),
        ("vidur kernels", "kernels", "kernels"),
        ("vLLM", "server", "server"),
    ],
)
def test_kernels_share_effects_with_their_library(stack: str, regime: str, library: str) -> None:
    assert effects_of(stack, "TPU v5e") == {
        "regime": regime, "library": library, "chip": "TPU v5e", "stack": stack,
    }  # fmt: skip


def test_a_stack_of_the_fits_own_and_one_of_nobodys() -> None:
    assert stack_named("mlc llm", ["MLC-LLM"]) == "MLC-LLM"
    assert stack_named("Ours 2") == "Ours 2"


@pytest.mark.parametrize("spellings", [("vllm", "vLLM"), ("trtllm", "TensorRT-LLM"), ("X", "x")])
def test_spellings_have_the_same_efficiency(spellings: tuple[str, str]) -> None:
    for calibration in (default_calibration(), sample_calibration()):
        one, other = (calibration.efficiency("TPU v5e", "tpu", each) for each in spellings)
        for component, draws in vars(one).items():
            np.testing.assert_array_equal(draws, getattr(other, component))


def test_predictions_and_co_design_are_the_same() -> None:
    request = PredictionRequest(named_shape("llama3-8b"), Lengths(4.0, 2.0, 100.0, 200.0, 20.0))
    one, other = (
        predict_on_slice(replace(request, stack=stack), parse_slice("h100-2"))
        for stack in ("vllm", "vLLM")
    )
    assert one.model_copy(update={"stack": "vLLM"}) == other
    assert "measurements of vLLM" in other.basis
    chip = load_chip("h100")
    drawn, as_spelled = (draws_of(default_calibration(), chip, each) for each in ("vllm", "vLLM"))
    np.testing.assert_equal(vars(drawn.efficiency), vars(as_spelled.efficiency))


def test_a_stack_that_nobody_knows_is_refused_with_those_known() -> None:
    assert settled_stack("trtllm") == "TensorRT-LLM"
    assert settled_stack("MaxText") == "MaxText"  # known, if not measured
    with pytest.raises(ProfileInputError, match=r"'vlm': did you mean vLLM\?"):
        settled_stack("vlm")
    with pytest.raises(
        ProfileInputError, match=r"'foo': expected one of vLLM, SGLang, .*`rooflink stacks`"
    ):
        settled_stack("foo")


def test_the_basis_says_where_a_stack_is_known_and_not_measured() -> None:
    basis = sample_calibration().basis  # which has rows of vLLM alone
    assert basis("TPU v5e", "tpu", "trtllm").endswith(
        "no measurements of TensorRT-LLM: averaged over other stacks"
    )


def test_stacks_that_are_known_serve_models() -> None:
    known = stacks_of(default_calibration().stack_rows)
    assert {"vLLM", "MaxText", "jax-llm-examples"} <= set(known)
    assert not [name for name in known if name.endswith("kernels")]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a report with TRTLLM", "TensorRT-LLM"),
        ("vllm 0.9", "vLLM"),
        ("Some Engine (2025)", "Some Engine"),
    ],
)
def test_readers_of_measurements_name_them_alike(source: str, name: str) -> None:
    row = SimpleNamespace(text=lambda column: source if column == "source" else "")
    assert stack_of(row) == name
