"""The mesh that is asked for, and the one that suits; operands; the smallest slice."""

from dataclasses import replace

import pytest
from sample_calibration import sample_calibration

from rooflink.model.architecture import shape_of
from rooflink.model.config import PRESETS
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.predict import held_by_a_chip, modal_s
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import (
    choose_parallelism,
    fitting_query,
    parse_parallelism,
    query_of,
    require_used,
    slices_of,
    smallest_query,
)
from rooflink.profiling.predicted.step.collectives import Parallelism, require_parallelism
from rooflink.profiling.predicted.step.hardware import operand_dtype
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.chip import Chip
from rooflink.tpu_configs.slice import parse_slice

LLAMA = shape_of(PRESETS["llama3-8b"])  # 32 query heads, 8 KV heads, 32 layers
SMOL = shape_of(PRESETS["smollm2-135m"])  # 9 query heads, 30 layers


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rooflink.profiling.predicted.predict.default_calibration", sample_calibration
    )


def always(split: Parallelism) -> bool:
    return True


def test_a_mesh_in_words() -> None:
    assert parse_parallelism("tensor=8, data=2") == Parallelism(tensor=8, data=2)
    assert parse_parallelism("PIPELINE=4") == Parallelism(pipeline=4)


@pytest.mark.parametrize("text", ["", "tensor", "tensor=0", "data=2,data=2", "data=x"])
def test_no_mesh(text: str) -> None:
    with pytest.raises(ProfileInputError, match="expected sizes of its axes"):
        parse_parallelism(text)


@pytest.mark.parametrize(
    ("where", "prompts", "expected"),
    [
        ("v5e", 1, Parallelism()),
        ("v5e-8", 1, Parallelism(tensor=8)),
        ("v5e-64", 4, Parallelism(tensor=32, data=2)),
        ("v5e-64", 1, Parallelism(tensor=32, pipeline=2)),  # one prompt cannot fill two copies
        ("h100-16", 8, Parallelism(tensor=8, data=2)),  # a domain of NVLink has 8
    ],
)
def test_the_mesh_that_suits(where: str, prompts: float, expected: Parallelism) -> None:
    over = parse_slice(where)
    split, reason = choose_parallelism(LLAMA, over, prompts, always)
    assert split == expected
    require_parallelism(split, over, LLAMA)
    assert reason


def test_heads_that_do_not_divide_leave_copies_and_stages() -> None:
    found = choose_parallelism(SMOL, parse_slice("v5e-8"), 4, always)[0]
    assert found == Parallelism(data=4, pipeline=2)


def test_a_mesh_that_fits_goes_before_one_that_suits() -> None:
    split, reason = choose_parallelism(LLAMA, parse_slice("v5e-8"), 8, lambda s: s.tensor == 2)
    assert split == Parallelism(tensor=2, data=4)
    assert "leaves room" in reason


def test_where_none_fits_it_is_the_first() -> None:
    split, _ = choose_parallelism(LLAMA, parse_slice("v5e-8"), 8, lambda _: False)
    assert split == Parallelism(tensor=8)


@pytest.mark.parametrize(
    ("model", "where", "prompts", "dtype"),
    [
        ("deepseek-r1", "h200-8", 1.0, "fp8"),
        ("deepseek-r1", "h200-8", 64.0, "fp8"),
        ("deepseek-r1", "h200-16", 64.0, "bf16"),
        ("gpt-oss-120b", "h100-8", 256.0, "mxfp4"),
        ("qwen3-235b-a22b", "h100-8", 64.0, "fp8"),
    ],
)
def test_a_mixture_lies_as_is_predicted_to_take_least(
    model: str, where: str, prompts: float, dtype: str
) -> None:
    """Of what engines deploy: experts over all chips beside attention by tensor or by copies."""
    over, lengths = parse_slice(where), Lengths(prompts, 1.0, 512.0, 512.0, 64.0)
    request = PredictionRequest(named_shape(model), lengths, weight_dtype=dtype)
    chosen = query_of(request, over)
    assert str(chosen.split) in chosen.mesh_reason
    domain, N = over.chips // (2 if where == "h200-16" else 1), over.chips
    candidates = (
        Parallelism(tensor=domain, data=N // domain),
        Parallelism(tensor=domain, data=N // domain, expert=N),
        Parallelism(data=N, expert=N),
    )
    stated = [query_of(replace(request, split=split), over)
              for split in candidates if split.data <= prompts]  # fmt: skip
    fitting = [query for query in stated if held_by_a_chip(query).left_bytes >= 0]
    assert modal_s(chosen) == min(map(modal_s, fitting))


def test_copies_of_attention_where_tensor_shards_would_each_hold_the_whole_cache() -> None:
    """512 sequences of 1,599 positions of 70,272 bytes are 57 GB beside 84 GB of weights."""
    lengths = Lengths(512.0, 1.0, 512.0, 1024.0, 64.0)
    request = PredictionRequest(named_shape("deepseek-r1"), lengths, weight_dtype="fp8")
    found = query_of(request, parse_slice("h200-8"))
    assert found.split == Parallelism(data=8, expert=8)
    with pytest.raises(ProfileInputError, match="does not fit"):
        fitting_query(replace(request, split=Parallelism(tensor=8)), parse_slice("h200-8"))


def test_a_dense_model_and_a_single_chip_lie_by_heads() -> None:
    lengths = Lengths(64.0, 1.0, 512.0, 512.0, 64.0)
    dense = query_of(PredictionRequest(named_shape("llama3-70b"), lengths), parse_slice("h100-8"))
    assert dense.mesh_reason == "tensor=8 is the most that divides 64 query heads"
    mixture = PredictionRequest(named_shape("gpt-oss-20b"), lengths, weight_dtype="mxfp4")
    assert query_of(mixture, parse_slice("h100-1")).mesh_reason == "a single chip"


def test_no_mesh_divides() -> None:
    with pytest.raises(ProfileInputError, match="9 query heads, 30 layers and 1 prompts"):
        choose_parallelism(SMOL, parse_slice("v5e-32"), 1, always)


def test_stages_of_unlike_length_are_the_last_resort() -> None:
    assert choose_parallelism(SMOL, parse_slice("v5e-8"), 1, always)[0] == Parallelism(pipeline=8)
    fits_few = choose_parallelism(SMOL, parse_slice("v5e-8"), 4, lambda each: each.data < 4)[0]
    assert fits_few == Parallelism(data=2, pipeline=4)


def test_copies_without_prompts_are_refused() -> None:
    require_used(Parallelism(data=4), 4)
    with pytest.raises(ProfileInputError, match="4 copies of attention's weights for a batch of 3"):
        require_used(Parallelism(data=4), 3)


@pytest.mark.parametrize(
    ("chip", "weights", "operands"),
    [
        ("v5e", "bfloat16", "bfloat16"),
        ("v5e", "float32", "float32"),
        ("v5e", "int8", "bfloat16"),  # weights alone are quantised
        ("v5e", "fp8", "bfloat16"),  # no unit for it
        ("h100", "fp8", "float8_e4m3fn"),
        ("h100", "fp4", "bfloat16"),
        ("b200", "fp4", "float4_e2m1fn"),
    ],
)
def test_operands(chip: str, weights: str, operands: str) -> None:
    assert operand_dtype(load_chip(chip), weights) == operands


@pytest.mark.parametrize(
    ("written", "weights", "kv", "operands"),
    [
        (("BF16", "fp8", None), "bfloat16", "fp8", "bfloat16"),
        (("FP8", None, "fp8"), "fp8", "bfloat16", "float8_e4m3fn"),
        (("mxfp4", "FP8_E4M3", "bf16"), "fp4", "fp8", "bfloat16"),
        (("fp32", None, None), "float32", "float32", "float32"),
        ((" INT4", "int8", "FP16"), "int4", "int8", "float16"),
        (("float8_e4m3fn", None, None), "fp8", "bfloat16", "float8_e4m3fn"),
    ],
)
def test_dtypes_as_people_write_them(
    written: tuple[str, str | None, str | None], weights: str, kv: str, operands: str
) -> None:
    held = dict(zip(("weight_dtype", "kv_dtype", "matmul_dtype"), written, strict=True))
    model, lengths = named_shape("llama3-8b"), Lengths(4.0, 2.0, 512.0, 512.0, 64.0)
    query = query_of(PredictionRequest(model, lengths, **held), parse_slice("h100-1"))
    assert (query.weight_dtype, query.kv_dtype, query.matmul_dtype) == (weights, kv, operands)


def test_a_state_has_no_positions_to_deal_out() -> None:
    shape = named_shape("qwen3-next-80b-a3b").shape
    with pytest.raises(ProfileInputError, match="layers of the model have a state"):
        require_parallelism(Parallelism(context=8), parse_slice("h100-8"), shape)


def test_slices_are_those_that_are_sold_the_smallest_first() -> None:
    sold = list(slices_of(load_chip("v5e")))
    assert sold[:3] == [parse_slice("v5e-1"), parse_slice("v5e-4"), parse_slice("v5e-8")]  # no 1x2
    assert sold[-1].chips == 256


def test_slices_may_cross_the_network() -> None:
    assert parse_slice("h100-16") in slices_of(load_chip("h100"))


def test_the_smallest_slice_of_a_huge_domain_is_looked_for_where_it_can_be() -> None:
    """131,072 chips of 1 MB on one switch: none of them holds llama3-8b, and that is soon said."""
    described = load_chip("h100").model_dump(exclude_none=True)
    assert described["links"] is not None
    described["links"]["largest_slice"]["value"] = 131072
    described["memory"]["capacity"]["value"] = 1e6
    tiny = Chip.model_validate(described)
    request = PredictionRequest(named_shape("llama3-8b"), Lengths(4.0, 2.0, 512.0, 512.0, 64.0))
    assert smallest_query(request, tiny) is None
    held = smallest_query(request, load_chip("h100"))
    assert held is not None
    assert held.slice.name == "h100:1"
