"""Whole files: those that come along, the other formats, and malformed ones."""

from pathlib import Path

import pytest

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.step.collectives import ALL_GATHER, ring
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.measurements.csv_rows import read_rows
from rooflink.profiling.validation.measurements.models import known_sizes
from rooflink.profiling.validation.validate import SHIPPED, case_key

ENERGY = """file,model,task,weight_precision,gpu,n_gpus,tp,ep,dp,avg_batch,avg_output_len,\
median_itl_ms,J_per_token
a,meta-llama/Llama-3.1-8B-Instruct,lm-arena-chat,bfloat16,H100,1,1,1,1,8,400,7.3,0.45
b,Qwen/Qwen3-235B-A22B-Instruct-2507-FP8,lm-arena-chat,fp8,H100,8,1,8,1,64,880,34.7,2.1
c,acme/Unheard-Of-9B,gpqa,bfloat16,H100,1,1,1,1,8,400,7.3,0.45
"""
OPS = "source,hardware,op,dtype,shape,latency_us,throughput,peak,fraction_of_peak,note\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_row_that_comes_along_is_a_case_or_left_out_with_a_reason(file: Path) -> None:
    cases, left_out = read_measurements(file)
    rows = {row.id for row in read_rows(file)}
    assert {each.id.split()[0] for each in cases} | {each.id for each in left_out} == rows
    assert all(each.reason for each in left_out)
    assert all(case.observed > 0 and case.pieces for case in cases)
    assert len({case_key(case) for case in cases}) == len(cases)


def test_a_row_of_energy_is_a_step_in_seconds_and_in_joules(tmp_path: Path) -> None:
    cases, left_out = read_measurements(written(tmp_path, ENERGY))
    step, energy, sharded, _ = cases
    assert (step.unit, step.group, step.observed) == ("s", "decode", pytest.approx(7.3e-3))
    assert (energy.unit, energy.group, energy.observed) == ("J", "energy", pytest.approx(3.6))
    assert energy.pieces[1].steps == pytest.approx(8 / 400)
    assert sharded.slice.chips == 8
    assert sharded.matmul_dtype == "float8_e4m3fn"
    assert [each.reason for each in left_out] == [
        "the sizes of acme/Unheard-Of-9B are not known by its name"
    ]


def test_a_gemm_is_its_matmul(tmp_path: Path) -> None:
    row = "x,h100_sxm,gemm,fp8,M=64 N=8192 K=4096,30.0,,,,\n"
    (case,), _ = read_measurements(written(tmp_path, OPS + row))
    assert float(case.pieces[0].work.flops) == 2 * 64 * 8192 * 4096
    assert float(case.pieces[0].work.weight_bytes) == 8192 * 4096
    assert case.observed == pytest.approx(30e-6)


def test_one_core_of_two_takes_as_long_as_both_at_twice_the_work(tmp_path: Path) -> None:
    row = "x,TPU7x,matmul,bf16,4096^3,150.0,900 TFLOP/s,{} TFLOP/s,,\n"
    core, chip = (
        read_measurements(written(tmp_path, OPS + row.format(peak)))[0][0] for peak in (1153, 2307)
    )
    assert float(core.pieces[0].work.flops) == 2 * float(chip.pieces[0].work.flops)


def test_a_layer_split_four_ways_has_a_quarter_of_the_weights(tmp_path: Path) -> None:
    row = (
        "x,A100,Llama-2-70B one layer linear ops (qkv+o+gate/up+down),fp16,tokens=1 TP=4,284,,,,\n"
    )
    (case,), _ = read_measurements(written(tmp_path, OPS + row))
    weights = 8192 * (2 * 8192 + 2 * 1024 + 3 * 28672)
    assert float(case.pieces[0].work.weight_bytes) == pytest.approx(2 * weights / 4)


def test_a_bandwidth_of_a_collective_is_of_the_bytes_it_must_send(tmp_path: Path) -> None:
    row = "x,TPU v6e-256,psum over ICI,bf16,1000^2,,100 GB/s,,,\n"
    (case,), _ = read_measurements(written(tmp_path, OPS + row))
    assert case.slice.name == "v6e:16x16"
    assert case.observed == pytest.approx(2 * 2e6 * 255 / 256 / 100e9)


def test_the_book_s_gather_over_an_open_axis() -> None:
    cases, _ = read_measurements(SHIPPED[0])
    gather = next(case for case in cases if case.model.startswith("AllGather"))
    expected = ALL_GATHER.over(ring(4, wraps=False), 34e6)
    assert float(gather.pieces[0].work.link_bytes) == pytest.approx(float(expected.link_bytes))


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("DeepSeek-R1-671B", 671e9, 37.5e9),
        ("deepseek-ai/DeepSeek-V2-Lite", 15.7e9, 2.61e9),  # 2.4e9 and the embedding
        ("Kimi-K2-Instruct", 1026e9, 32.7e9),
        ("MiMo-V2-Flash", 309e9, 15.2e9),
        ("openai/gpt-oss-120b", 116.8e9, 5.7e9),
        ("openai/gpt-oss-20b", 20.9e9, 4.2e9),
        ("Llama-4-Scout-109B-A17B", 107.8e9, 17.2e9),
        ("Llama-4-Maverick", 400.7e9, 17.2e9),
        ("Mixtral-8x7B", 46.7e9, 12.9e9),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", 480e9, 35.4e9),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", 235.1e9, 22.1e9),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", 30.5e9, 3.3e9),
        ("Qwen/Qwen3-VL-8B-Instruct", 8.19e9, 8.19e9),
        ("google/gemma-3-12b-it", 11.8e9, 11.8e9),
        ("Gemma-2-27B", 27.2e9, 27.2e9),
        ("Llama-3.1-405B", 405.9e9, 405.9e9),
        ("Llama-3.3-70B-Instruct", 70.55e9, 70.55e9),
        ("PaLM-540B", 540.35e9, 540.35e9),
        ("PaLM-62B", 62.5e9, 62.5e9),
        ("MT-NLG-530B", 530e9, 530e9),
        ("GPT-3 175B layer", 174.6e9, 174.6e9),
        ("GPT-J-6B", 6.05e9, 6.05e9),
    ],
)
def test_sizes_by_name_have_the_published_parameters(
    name: str, total: float, active: float
) -> None:
    sizes = known_sizes(name)
    assert sizes is not None
    assert sizes.parameters == pytest.approx(total, rel=5e-3)
    assert sizes.active_parameters == pytest.approx(active, rel=0.02)


def test_names_that_only_contain_a_known_one_are_not_taken_for_it() -> None:
    assert known_sizes("CodeQwen3-800B") is None
    assert known_sizes("Llama-3.1-80B") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("tokens,projections_per_layer_ns,lm_head_ns\n", "has no rows"),
        ("a,b\n1,2\n", "line 1: the columns are of none of measured_inference.csv"),
        ("tokens,lm_head_ns\n1,2\n", "line 1: column 'projections_per_layer_ns' is missing"),
        ("a,a\n1,2\n", "line 1: column 'a' is there twice"),
        ("tokens,projections_per_layer_ns,lm_head_ns\n1,2\n", "line 2 has 2 cells, expected 3"),
        (
            "tokens,projections_per_layer_ns,lm_head_ns\n1,2,3\n\n4,fast,6\n",
            "line 4, column 'projections_per_layer_ns': 'fast' is not a positive number",
        ),
        (
            "tokens,projections_per_layer_ns,lm_head_ns\n1,-2,3\n",
            "line 2, column 'projections_per_layer_ns': '-2' is not a positive number",
        ),
        (
            "tokens,projections_per_layer_ns,lm_head_ns\n1,nan,3\n",
            "'nan' is not a positive number",
        ),
        (ENERGY.replace("H100,1,1,1,1", "H100,1.5,1,1,1", 1), "column 'n_gpus': '1.5' is not a"),
        ('tokens,projections_per_layer_ns,lm_head_ns\n"1,2,3\n', "line"),
    ],
)
def test_a_malformed_file_is_named_with_its_line_and_column(
    tmp_path: Path, text: str, said: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ProfileInputError) as caught:
        read_measurements(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_row_with_an_empty_cell_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    text = "tokens,projections_per_layer_ns,lm_head_ns\n1,,3\n4,5000,6000\n"
    cases, left_out = read_measurements(written(tmp_path, text))
    assert len(cases) == 2
    assert [row.reason for row in left_out] == ["the column 'projections_per_layer_ns' is empty"]


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileInputError, match=r"no table of measurements at .*nowhere\.csv"):
        read_measurements(tmp_path / "nowhere.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileInputError, match="is not UTF-8 text"):
        read_measurements(binary)
    with pytest.raises(ProfileInputError, match="is a folder"):
        read_measurements(tmp_path)
