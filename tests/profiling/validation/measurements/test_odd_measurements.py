"""Odd cells, names of models made from others, and slices as Google sells them."""

import csv
import io
import math
from pathlib import Path

import pytest

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.cases import Case, predict_cases
from rooflink.profiling.records.validation import UnpredictedRow
from rooflink.profiling.validation.measurements import csv_rows, read_measurements
from rooflink.profiling.validation.measurements.csv_rows import LeftOutError
from rooflink.profiling.validation.measurements.deployments import chip_of
from rooflink.profiling.validation.measurements.models import known_sizes

DECODE = {
    "source": "mine", "model": "Llama-3.1-8B", "hardware": "H100", "n_chips": "1",
    "parallelism_topology": "", "w_dtype": "bf16", "act_dtype": "bf16", "kv_dtype": "bf16",
    "batch_or_concurrency": "1", "input_len": "512", "output_len": "128", "context_len": "576",
    "phase": "decode", "metric": "TPOT", "value": "7.5", "unit": "ms/tok", "notes": "",
}  # fmt: skip
OPERATION = {
    "source": "mine", "hardware": "H100", "op": "matmul", "dtype": "bf16",
    "shape": "M=64 N=4096 K=4096", "latency_us": "50", "throughput": "", "peak": "",
}  # fmt: skip


def read(folder: Path, row: dict[str, str]) -> tuple[list[Case], list[UnpredictedRow]]:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    file = folder / "mine.csv"
    file.write_text(text.getvalue())
    return read_measurements(file)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("DeepSeek-R1-Distill-Llama-8B", 8.03),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", 70.6),
        ("DeepSeek-R1-Distill-Qwen-1.5B", 1.78),
        ("DeepSeek-R1-Distill-Qwen-7B", 7.62),
        ("DeepSeek-R1-Distill-Qwen-14B (AWQ)", 14.8),
        ("DeepSeek-R1-Distill-Qwen-32B", 32.8),
        ("DeepSeek-R1-0528-Qwen3-8B", 8.19),
        ("DeepSeek-R1", 671.0),
        ("DeepSeek-R1-0528 671B", 671.0),
        ("Qwen3-Coder-480B-A35B-Instruct-FP8", 480.0),
        ("gemma-7b", 8.54),  # so it is called
        ("OLMo-2-1B", 1.485),
        ("NVIDIA Nemotron-3-Nano-30B-A3B", 31.6),
        ("Qwen3-Next-80B-A3B-Instruct", 79.7),
        ("Qwen3.6-27B", 26.9),
        ("GLM-5.2", 743.2),
        ("meta-llama/Llama-3.1-8B-Instruct", 8.03),
    ],
)
def test_a_model_is_known_by_its_whole_name(name: str, billions: float) -> None:
    sizes = known_sizes(name)
    assert sizes is not None
    assert sizes.parameters / 1e9 == pytest.approx(billions, rel=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "draft for llama-3.1-70b: llama-3.2-1b",
        "Llama-3.2-1B drafting for Llama-3.1-70B",
        "Llama-3.1-8B speculative decoding",
        "EAGLE3-Llama-3.1-8B",
        "DeepSeek-R1-Distill-Somebody-3B",
        "a student of DeepSeek-R1",
        "Qwen2.5-7B distilled from Llama-3.1-70B",
        "Llama-3.1-8B vs Qwen3-8B",
        "Llama-3.1-Nemotron-70B",
        "Sky-T1-32B (like DeepSeek-R1)",
        "tiny-random-llama-3-8b",
        "Llama-2-7B pruned",
        "gemma-4-31B-it-assistant",
        "Kimi-K2.7",
        "Kimi-K2 32B-A3B",
    ],
)
def test_a_model_made_from_another_is_not_that_one(name: str) -> None:
    assert known_sizes(name) is None


def test_a_distilled_model_takes_the_time_of_its_own_size(tmp_path: Path) -> None:
    """8.03 billion weights of 2 bytes at an H100's 3.35 TB/s are 4.8 ms; of R1's, 400."""
    (plain,), _ = read(tmp_path, DECODE)
    (distilled,), _ = read(tmp_path, DECODE | {"model": "DeepSeek-R1-Distill-Llama-8B"})
    assert distilled.pieces == plain.pieces
    (bare,) = predict_cases([distilled], ideal=True)
    assert bare is not None
    assert bare.whole.median == pytest.approx(16.06e9 / 3.35e12, rel=0.08)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "DeepSeek-R1"}, "GB of weights do not fit a chip of h100:1"),
        ({"model": "Llama-3.1-70B"}, "141 GB of weights do not fit a chip of h100:1, which has 80"),
        ({"model": "a draft for Llama-3.1-70B"}, "are not in the file, nor known by its name"),
        ({"model": "DeepSeek-R1", "params_total_B": "8"}, "are not in the file, nor known"),
        ({"parallelism_topology": "TP0"}, "'0' is no number of anything there is"),
        ({"parallelism_topology": "EP" + "9" * 500}, "is no number of anything there is"),
        ({"hardware": "H100 x0"}, "'0' is no number"),
        ({"hardware": "H100 x99999999999", "n_chips": ""}, "more than any cluster has"),
        ({"phase": "serving", "notes": "(llama-3.1-8b avg 1.2.3 in/12 out)"}, None),
        (
            {"phase": "collective", "model": "AllGather 1.2.3MB", "unit": "us", "n_chips": "8"},
            "the size in 'AllGather 1.2.3MB' is not one number",
        ),
        ({"phase": "elementwise", "model": "add N=2^99999"}, "more than any memory holds"),
    ],
)
def test_odd_cells_leave_the_row_out(
    tmp_path: Path, changed: dict[str, str], said: str | None
) -> None:
    cases, left_out = read(tmp_path, DECODE | changed)
    if said is None:  # what is in the note counts for nothing
        assert all(math.isfinite(one.whole.high) for one in predict_cases(cases) if one)
        return
    assert cases == []
    assert said in left_out[0].reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"shape": "M=0 N=4096 K=4096"}, "'0' is no number"),
        ({"shape": "0^3"}, "'0' is no number"),
        ({"op": "copy", "shape": "0 KiB"}, "'0' is no number"),
        ({"op": "copy", "shape": "64 MiB", "latency_us": "", "throughput": "0 GB/s"}, "'0' is no"),
        ({"op": "copy", "shape": "64 MiB", "latency_us": "", "throughput": "1.2.3 GB/s"},
         "neither a latency nor a bandwidth"),
        ({"op": "copy", "shape": "64 MiB", "latency_us": "", "throughput": "... GB/s"},
         "neither a latency nor a bandwidth"),
        ({"op": "AllGather", "shape": "0^2"}, "'0' is no number"),
        ({"op": "softmax", "shape": "4096x0"}, "'0' is no number"),
        ({"op": "QKV_proj", "shape": "GPT-3 175B layer prefill B8 S2048 TP0"}, "'0' is no number"),
    ],
)  # fmt: skip
def test_odd_shapes_leave_the_row_out(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    cases, left_out = read(tmp_path, OPERATION | changed)
    assert cases == []
    assert said in left_out[0].reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"value": "0"}, "'0' is not a positive number"),
        ({"value": "1e400"}, "'1e400' is not a positive number"),
        ({"value": "1_000"}, "'1_000' is not a positive number"),
        ({"value": "7,5"}, "'7,5' is not a positive number"),
        ({"n_chips": "1.5"}, "'1.5' is not a whole number"),
        ({"d_model": "0.5"}, "'0.5' is not a whole number"),
        ({"notes": "9" * 5000}, "column 'notes': a cell has more than 1,000 characters"),
    ],
)
def test_malformed_cells_are_named(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(ProfileInputError, match="line 2, column") as caught:
        read(tmp_path, DECODE | changed)
    assert said in str(caught.value)


def test_what_a_terminal_would_obey_is_taken_away(tmp_path: Path) -> None:
    _, left_out = read(tmp_path, DECODE | {"model": "x\x1b[31m\ny"})
    assert "x?[31m y" in left_out[0].reason


def test_a_raw_log_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MOST_ROWS", 2)
    file = tmp_path / "log.csv"
    file.write_text("tokens,projections_per_layer_ns,lm_head_ns\n" + "1,2,3\n" * 3)
    with pytest.raises(ProfileInputError, match="more than 2 rows"):
        read_measurements(file)


@pytest.mark.parametrize(
    ("hardware", "chips"),
    [
        ("TPU v5p-8", 4),  # an accelerator type counts cores, of which a chip has two
        ("v4-8", 4),
        ("TPU v3-8", 4),
        ("TPU v2-8", 4),
        ("tpu7x-8", 4),
        ("TPU v5e-8", 8),  # one core a chip
        ("TPU v6e-256", 256),
        ("TPU7x-2x2x1", 4),  # sides count chips
        ("TPU v4 x64", 64),
        ("A100 x4 (TP4)", 4),
    ],
)
def test_a_sold_name_counts_cores(hardware: str, chips: int) -> None:
    assert chip_of(hardware)[1] == chips


def test_a_sold_name_of_half_a_chip_says_so() -> None:
    with pytest.raises(LeftOutError, match="would be 3 TensorCores"):
        chip_of("TPU v5p-3")


@pytest.mark.parametrize("hardware", ["A100 (40GB)", "H100 (PCIe)", "H100 (NVL, TP2)"])
def test_a_variant_in_brackets_is_another_chip(hardware: str) -> None:
    with pytest.raises(LeftOutError, match="no chip file for"):
        chip_of(hardware)


@pytest.mark.parametrize(
    ("source", "notes", "stack"),
    [
        ("SGLang blog", "twice as fast as TensorRT-LLM", "SGLang"),
        ("somebody's page", "vLLM 0.8", "vLLM"),
        ("vLLM release notes (2026)", "", "vLLM"),
        ("somebody (2026)", "", "somebody"),
    ],
)
def test_what_a_note_compares_with_is_not_the_stack(
    tmp_path: Path, source: str, notes: str, stack: str
) -> None:
    (case,), _ = read(tmp_path, DECODE | {"source": source, "notes": notes})
    assert case.stack == stack
