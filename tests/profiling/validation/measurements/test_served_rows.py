"""What rows of servings under a closed loop become: hand-worked bytes, FLOPs and steps."""

import math
from pathlib import Path

import pytest

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.cases import Case, Piece
from rooflink.profiling.predicted.step.hardware import IDEAL, Efficiency
from rooflink.profiling.predicted.step.work import NOTHING
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.measurements.served_gpus import SERVED_COLUMNS

LLAMA_8B = {
    "source": "somebody", "location": "a file", "model": "Llama-3.1-8B", "gpu": "H100 SXM",
    "n_gpus": "1", "backend": "trtllm", "weights_dtype": "bf16", "tp": "1", "pp": "1",
    "attention_dp": "1", "concurrency": "8", "isl": "1000", "osl": "200", "ttft_ms": "100",
    "tpot_ms": "8",
}  # fmt: skip
WEIGHTS = 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
HEAD = 4096 * 128256
DEEPSEEK = LLAMA_8B | {
    "model": "DeepSeek-R1", "gpu": "B200 SXM", "n_gpus": "8", "backend": "sglang",
    "weights_dtype": "fp8 block-128", "tp": "8", "moe_tp": "1", "moe_ep": "8",
}  # fmt: skip


def read(folder: Path, **changes: str) -> tuple[list[Case], list[str]]:
    row = LLAMA_8B | changes
    header = [*SERVED_COLUMNS, "spec_decode", "model_label"]
    file = folder / "mine.csv"
    file.write_text(f"{','.join(header)}\n{','.join(row.get(name, '') for name in header)}\n")
    cases, left_out = read_measurements(file)
    return cases, [one.reason for one in left_out]


def both(folder: Path, **changes: str) -> tuple[Case, Case]:
    cases, left_out = read(folder, **changes)
    assert left_out == []
    tpot, ttft = cases
    return tpot, ttft


def test_a_token_of_output_is_a_step_and_a_share_of_the_other_prompts(tmp_path: Path) -> None:
    case, _ = both(tmp_path, model="Llama-3.x-8B", model_label="meta-llama/Llama-3.1-8B")
    assert case.model == "Llama-3.1-8B"
    assert (case.group, case.stack, case.observed) == ("tpot", "TensorRT-LLM", pytest.approx(8e-3))
    decode, prompts = case.pieces
    assert (decode.steps, prompts.steps) == (1, pytest.approx(7 / 200))
    assert float(decode.work.sequences) == 8
    assert float(decode.work.weight_bytes) == pytest.approx(2 * (WEIGHTS + HEAD), rel=1e-3)
    # 8 caches of 1,000 and half of 200 tokens and the new one, of 2 * 32 * 8 * 128 elements.
    assert float(decode.work.kv_bytes) == pytest.approx(8 * 1101 * 65536 * 2, rel=1e-3)
    assert float(prompts.work.matmul_flops) == pytest.approx(2000 * WEIGHTS, rel=1e-3)


def test_the_first_token_waits_for_its_prompt_half_a_step_and_prompts_ahead(tmp_path: Path) -> None:
    _, case = both(tmp_path)
    assert (case.group, case.observed) == ("ttft", pytest.approx(0.1))
    own, step = case.pieces
    assert [piece.phase for piece in case.pieces] == ["prefill", "decode"]
    assert (own.steps, step.steps) == (1, 0.5)
    assert float(own.work.matmul_flops) == pytest.approx(2000 * WEIGHTS, rel=2e-3)
    # Of 8 in flight 7/8 of some come with it, and half of the 7 others are before it.
    assert (own.bunched, own.queued, own.requests) == (7 / 8, 3.5, 1)
    assert (step.bunched, step.queued, step.requests) == (0, 0, 0)


def test_a_piece_takes_the_shares_of_those_that_wait() -> None:
    """Of 20 ms each: its own, twice 7/8 and a tenth of 3.5 further steps; and 50 ms to arrive."""
    piece = Piece("prefill", 1.0, NOTHING, bunched=7 / 8, queued=3.5, requests=1.0)
    fitted = Efficiency(bunched=2.0, queued=0.1, request_s=0.05)
    assert piece.seconds(0.020, fitted) == pytest.approx((1 + 1.75 + 0.35) * 0.020 + 0.05)
    assert piece.seconds(0.020, IDEAL) == 0.020


def test_each_copy_reads_prompts_of_its_own(tmp_path: Path) -> None:
    """16 in flight on eight copies: of the two on each, one may be before the other."""
    spread = {"tp": "1", "attention_dp": "8", "concurrency": "16"}
    own, _ = both(tmp_path, **DEEPSEEK | spread)[1].pieces
    assert (own.steps, own.bunched, own.queued) == (1, 1 / 2, 1 / 2)


def test_one_request_alone_waits_for_nobody(tmp_path: Path) -> None:
    tpot, ttft = both(tmp_path, concurrency="1")
    assert not tpot.overfull
    assert not ttft.overfull
    assert [piece.phase for piece in tpot.pieces] == ["decode"]
    assert [piece.phase for piece in ttft.pieces] == ["prefill"]


def test_more_requests_than_memory_holds_wait_for_whole_stays(tmp_path: Path) -> None:
    tpot, ttft = both(
        tmp_path, model="Llama-3.1-70B", n_gpus="2", tp="2", concurrency="64", isl="8000",
        osl="1000", ttft_ms="100000", tpot_ms="50",
    )  # fmt: skip
    # 2 GPUs of 80e9 * 0.95 less 70.55e9; 8,500 tokens of 327,680 bytes.
    held = (2 * 76e9 - 2 * 70.55e9) // (8500 * 327680)
    assert float(tpot.pieces[0].work.sequences) == pytest.approx(held, abs=1)
    assert tpot.overfull
    assert ttft.overfull
    held = float(tpot.pieces[0].work.sequences)
    prompts, steps = ttft.pieces
    assert prompts.steps == pytest.approx(1 + 64 - held)
    assert steps.steps == pytest.approx(0.5 + (64 / held - 1) * 1000)


def test_a_benchmark_that_draws_its_lengths_has_nine_tenths_of_them(tmp_path: Path) -> None:
    drawn, _ = both(tmp_path, location="2026_llama_h100_sxm_vllm_fp8_agg_1000x200_c8_tp1_ep1_7")
    whole, _ = both(tmp_path, location="nvidia_llama_fp8_h200_sxm_vllm_agg_1000x200_c8_tp1_epnone")
    assert float(drawn.pieces[0].work.kv_bytes) == pytest.approx(8 * 991 * 131072, rel=1e-3)
    assert float(whole.pieces[0].work.kv_bytes) == pytest.approx(8 * 1101 * 131072, rel=1e-3)


def test_experts_lie_over_the_chips_of_tensor_parallel_attention(tmp_path: Path) -> None:
    case, _ = both(tmp_path, **DEEPSEEK)
    assert case.slice.chips == 8
    # A chip has an eighth of everything; 8 tokens to 8 of 256 experts touch 22 % of them.
    step = case.pieces[0].work
    assert float(step.sequences) == 8
    held = float(step.weight_bytes + step.idle_expert_bytes)
    assert held == pytest.approx(671e9 / 8, rel=0.03)


def test_experts_lie_over_the_chips_of_data_parallel_attention(tmp_path: Path) -> None:
    tensor, _ = both(tmp_path, **DEEPSEEK)
    data, _ = both(tmp_path, **DEEPSEEK | {"tp": "1", "attention_dp": "8"})
    shared_and_dense = 3 * 7168 * (58 * 2048 + 3 * 18432)
    always, head = 61 * 187105280 + shared_and_dense, 7168 * 129280
    read = float(data.pieces[0].work.weight_bytes - tensor.pieces[0].work.weight_bytes)
    # Each chip has all that every token visits, the head in two bytes, and an eighth of experts.
    assert read == pytest.approx(7 / 8 * (always + 2 * head), rel=0.01)
    assert data.pieces[1].steps == pytest.approx(7 / 200 / 8)  # prompts on all copies at once


def test_fewer_requests_than_copies_still_take_a_whole_step(tmp_path: Path) -> None:
    case, _ = both(tmp_path, **DEEPSEEK | {"tp": "1", "attention_dp": "8", "concurrency": "9"})
    assert float(case.pieces[0].work.sequences) == 16


@pytest.mark.parametrize(
    ("dtype", "gpu", "operands", "weights", "head"),
    [
        ("bf16 ", "H100 SXM", "bfloat16", 2.0, 2.0),
        ("", "H100 SXM", "bfloat16", 2.0, 2.0),
        ("FP8", "H100 SXM", "float8_e4m3fn", 1.0, 2.0),
        ("fp8 block-128", "H200 SXM", "float8_e4m3fn", 1.0, 2.0),
        ("fp8", "A100 SXM", "bfloat16", 1.0, 2.0),
        ("nvfp4 (attention may stay bf16/fp8)", "B200 SXM", "float4_e2m1fn", 0.5625, 2.0),
        ("nvfp4", "H100 SXM", "bfloat16", 0.5625, 2.0),
    ],
)
def test_weights_and_head_are_read_as_they_are_held(
    tmp_path: Path, dtype: str, gpu: str, operands: str, weights: float, head: float
) -> None:
    case, _ = both(tmp_path, weights_dtype=dtype, gpu=gpu)
    assert case.matmul_dtype == operands
    read = float(case.pieces[0].work.weight_bytes)
    assert read == pytest.approx(weights * WEIGHTS + head * HEAD, rel=2e-3)


def test_attention_of_gpt_oss_is_wider_than_its_experts(tmp_path: Path) -> None:
    mixed = "mxfp4 experts and bf16 rest"
    case, _ = both(tmp_path, model="gpt-oss-120b", gpu="H200 SXM", weights_dtype=mixed)
    work = case.pieces[0].work
    experts = 36 * 128 * 3 * 2880**2 * (0.5 + 1 / 32)
    rest = 2 * (36 * 2880 * 64 * (2 * 64 + 2 * 8) + 2880 * 201088)
    assert float(work.weight_bytes + work.idle_expert_bytes) == pytest.approx(
        experts + rest, rel=5e-3
    )
    assert case.matmul_dtype == "bfloat16"


def test_four_bits_are_widened_only_where_the_unit_does_not_take_them(tmp_path: Path) -> None:
    mixed = {"model": "gpt-oss-120b", "weights_dtype": "mxfp4 experts and bf16 rest"}
    hopper, blackwell = (both(tmp_path, gpu=gpu, **mixed)[0] for gpu in ("H200 SXM", "B200 SXM"))
    assert hopper.narrowing == pytest.approx(math.log2(2 / (0.5 + 1 / 32)))
    assert (blackwell.narrowing, blackwell.matmul_dtype) == (0, "float8_e4m3fn")
    # Its experts' inputs are quantised, those of attention are not.
    launched = [float(case.pieces[0].work.kernels) for case in (hopper, blackwell)]
    assert launched == [36 * 14 + 6, 36 * 15 + 6]


def test_a_slower_unit_multiplies_what_is_wider(tmp_path: Path) -> None:
    nvfp4 = DEEPSEEK | {"weights_dtype": "nvfp4 (attention may stay bf16/fp8)"}
    prompts = both(tmp_path, **nvfp4)[1].pieces[0].work
    attention_flops = 2 * 1000 * 61 * 187105280 / 8
    assert float(prompts.padded_flops - prompts.matmul_flops) == pytest.approx(
        3 * attention_flops, rel=0.01
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"spec_decode": "unknown (flag lost upstream)"}, "not stated whether tokens were drafted"),
        ({"model": "Unheard-Of-9B"}, "the sizes of Unheard-Of-9B are not known by its name"),
        ({"gpu": "Abacus"}, "no chip file for 'Abacus'"),
        ({"n_gpus": "4"}, "does not fill 4 chips"),
        (DEEPSEEK | {"moe_ep": "16"}, "'tensor=8,expert=16,expert_tensor=1' does not fill 8 chips"),
        ({"moe_ep": "99999999999999999999999999999"}, "does not fill 1 chips"),
        ({"weights_dtype": "fp5"}, "the dtype 'fp5' is not known"),
        ({"model": "Llama-3.1-405B"}, "of weights do not fit a chip of h100"),
        ({"ttft_ms": "9", "tpot_ms": "0.7"}, "prompts alone would take 77% of the time"),
        ({"ttft_ms": "9000"}, "1 sequences ran at a time"),
        ({"tpot_ms": ""}, "the column 'tpot_ms' is empty"),
    ],
)
def test_a_row_that_says_too_little_is_left_out(
    tmp_path: Path, changes: dict[str, str], why: str
) -> None:
    cases, left_out = read(tmp_path, **changes)
    assert cases == []
    assert len(left_out) == 1
    assert why in left_out[0]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("ttft_ms", "-3"), ("tp", "two"), ("concurrency", "0"), ("osl", "nan")],
)
def test_a_malformed_cell_is_named(tmp_path: Path, column: str, cell: str) -> None:
    with pytest.raises(ProfileInputError, match=f"line 2, column '{column}'"):
        read(tmp_path, **{column: cell})
