"""What rows of kernels and operators timed alone become: hand-worked bytes, FLOPs and stacks."""

from pathlib import Path

import pytest

from rooflink.profiling.predicted.cases import Case, predict_cases
from rooflink.profiling.records.validation import UnpredictedRow
from rooflink.profiling.validation.measurements import read_measurements
from rooflink.profiling.validation.measurements.gpu_kernels import GPU_KERNELS_COLUMNS
from rooflink.profiling.validation.measurements.tpu_kernels import (
    TPU_KERNELS_COLUMNS,
    TPU_OPS_COLUMNS,
)

GPU = {
    "source": "somebody", "gpu": "H100 SXM", "framework": "vllm", "framework_version": "1",
    "kernel": "fa3", "dtype": "bfloat16", "latency_us": "20",
}  # fmt: skip


def read(folder: Path, header: tuple[str, ...], row: dict[str, str]) -> Case | UnpredictedRow:
    file = folder / "mine.csv"
    cells = ",".join(f'"{row.get(column, "")}"' for column in header)
    file.write_text(f"{','.join(header)}\n{cells}\n")
    (cases, left_out) = read_measurements(file)
    (found,) = [*cases, *left_out]
    return found


def only(folder: Path, header: tuple[str, ...], row: dict[str, str]) -> Case:
    case = read(folder, header, row)
    assert isinstance(case, Case), case.reason
    (ideal,) = predict_cases([case], ideal=True)
    assert ideal is not None
    assert 0 < ideal.whole.median < case.observed
    return case


def gpu(folder: Path, **cells: str) -> Case:
    return only(folder, GPU_KERNELS_COLUMNS, GPU | cells)


def test_decode_reads_the_cache_of_every_sequence(tmp_path: Path) -> None:
    case = gpu(
        tmp_path, op="attention_decode", kv_dtype="fp8", batch="4", new_tokens_per_sequence="1",
        context_tokens="1000", heads="32", kv_heads="8", head_dim="128", window="0",
    )  # fmt: skip
    assert (case.group, case.observed) == ("attention", pytest.approx(20e-6))
    assert case.stack == "FlashAttention 3 decode fp8 kernels"
    work = case.pieces[0].work
    assert work.kv_bytes == pytest.approx(4 * 1001 * 2 * 8 * 128)  # one byte an element
    assert work.attention_flops == pytest.approx(4 * 4 * 1001 * 32 * 128)
    assert work.activation_bytes == pytest.approx(4 * 2 * 32 * 128 * 2)  # queries and results


def test_prefill_is_causal_and_a_window_cuts_it(tmp_path: Path) -> None:
    cells = {
        "op": "attention_prefill", "kv_dtype": "bfloat16", "batch": "2", "heads": "4",
        "new_tokens_per_sequence": "100", "context_tokens": "100", "kv_heads": "4",
        "head_dim": "64",
    }  # fmt: skip
    whole = gpu(tmp_path, window="0", **cells).pieces[0].work
    assert whole.attention_flops == pytest.approx(4 * 2 * (100 * 101 / 2) * 4 * 64)
    assert whole.kv_bytes == pytest.approx(2 * 2 * 100 * 2 * 4 * 64 * 2)  # written and read back
    near = gpu(tmp_path, window="10", **cells).pieces[0].work
    assert near.attention_flops == pytest.approx(
        4 * 2 * sum(min(i, 11) for i in range(1, 101)) * 4 * 64
    )


def test_latent_attention_decodes_on_its_compressed_cache(tmp_path: Path) -> None:
    cells = {"kv_dtype": "bfloat16", "batch": "8", "heads": "16", "kernel": "default"}
    decode = gpu(
        tmp_path, op="mla_decode", new_tokens_per_sequence="1", context_tokens="4095", **cells
    )
    assert decode.stack == "TensorRT-LLM MLA decode kernels"
    work = decode.pieces[0].work
    assert work.kv_bytes == pytest.approx(8 * 4096 * 576 * 2)
    assert work.attention_flops == pytest.approx(8 * 4096 * 16 * 2 * (576 + 512))
    prefill = gpu(
        tmp_path, op="mla_prefill", new_tokens_per_sequence="64", context_tokens="64",
        **(cells | {"batch": "1"}),
    )  # fmt: skip
    work = prefill.pieces[0].work
    assert work.attention_flops == pytest.approx(64 * 65 / 2 * 16 * 2 * (192 + 128))
    assert work.kv_bytes == pytest.approx(2 * 64 * 576 * 2)  # written and read back
    # Queries, keys, values and results of every head.
    assert work.activation_bytes == pytest.approx(64 * 16 * (192 + 192 + 128 + 128) * 2)


def test_experts_of_the_slowest_rank(tmp_path: Path) -> None:
    cells = {
        "op": "moe", "tokens": "64", "experts": "16", "experts_per_token": "4", "hidden": "512",
        "expert_inter": "256", "moe_tp": "2", "moe_ep": "4", "distribution": "balanced",
        "kernel": "sglang_fused_moe_triton", "dtype": "w4a16_mxfp4",
    }  # fmt: skip
    case = gpu(tmp_path, **cells)
    assert (case.group, case.matmul_dtype, case.narrowing) == (
        "experts", "bfloat16", pytest.approx(1.912, abs=1e-3),
    )  # fmt: skip
    assert case.stack == "vLLM Triton experts w4a16_mxfp4 kernels"
    one = 3 * 512 * 128
    work = case.pieces[0].work
    assert work.matmul_flops == pytest.approx(2 * 64 * 4 / 4 * one)
    assert work.weight_bytes == pytest.approx(4 * one * (0.5 + 1 / 32))
    # All 256 slots pass: of the rank's 64 in and out of the matmuls, of all around them.
    each = 2 * 512 + 3 * 128
    assert work.activation_bytes == pytest.approx((64 * each + 192 * each + 64 * 2 * 512) * 2)
    skewed = gpu(tmp_path, **(cells | {"distribution": "power_law_1.2"})).pieces[0].work
    assert skewed.matmul_flops > 1.2 * work.matmul_flops


def test_a_delta_net_keeps_a_state_for_every_sequence(tmp_path: Path) -> None:
    cells = {
        "op": "gated_delta_net_generation", "dtype": "", "batch": "32", "gdn_v_dim": "128",
        "new_tokens_per_sequence": "1", "gdn_k_heads": "2", "gdn_k_dim": "128", "gdn_v_heads": "4",
    }  # fmt: skip
    state = gpu(tmp_path, kernel="fused_recurrent_gated_delta_rule", **cells)
    assert state.stack == "delta net decode kernels"
    assert state.pieces[0].work.kv_bytes == pytest.approx(32 * 4 * 128 * 128 * 8)  # float32
    conv = gpu(tmp_path, kernel="causal_conv1d_update", **cells)
    channels = 2 * 2 * 128 + 4 * 128
    assert conv.stack == "convolution decode kernels"
    assert conv.pieces[0].work.vector_bytes == pytest.approx(32 * channels * (2 + 2 * 3) * 2)


@pytest.mark.parametrize(
    ("op", "sent"),
    [("all_gather", 7 / 8), ("all_reduce", 14 / 8), ("reduce_scatter", 7 / 8), ("alltoall", 7 / 8)],
)
def test_a_collective_s_bytes(tmp_path: Path, op: str, sent: float) -> None:
    case = gpu(tmp_path, op=op, kernel="NCCL", dtype="half", n_gpus="8", message_bytes="1000000")
    assert (case.group, case.slice.name, case.stack) == ("collective", "h100:8", "NCCL kernels")
    assert case.pieces[0].work.link_bytes == pytest.approx(sent * 1e6)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"op": "fft"}, "not described"),
        ({"op": "all_reduce", "n_gpus": "1", "message_bytes": "8"}, "exchanges nothing"),
        (
            {"op": "moe", "tokens": "4", "experts": "8", "experts_per_token": "9", "hidden": "8",
             "expert_inter": "8", "distribution": "balanced"},
            "9 experts a token",
        ),
        (
            {"op": "moe", "tokens": "4", "experts": "8", "experts_per_token": "2", "hidden": "8",
             "expert_inter": "8", "distribution": "zipf"},
            "distribution 'zipf'",
        ),
        (
            {"op": "attention_prefill", "batch": "1", "new_tokens_per_sequence": "9",
             "context_tokens": "8", "heads": "1", "kv_heads": "1", "head_dim": "8", "window": "0"},
            "9 new tokens",
        ),
        ({"op": "mla_decode", "dtype": "fp7", "heads": "1"}, "fp7"),
    ],
)  # fmt: skip
def test_what_says_too_little_is_left_out(
    tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    found = read(tmp_path, GPU_KERNELS_COLUMNS, GPU | cells)
    assert isinstance(found, UnpredictedRow)
    assert reason in found.reason


TPU = {"source": "lab (MIT) file", "hardware": "TPU v6e (Trillium)", "latency_us": "50"}


def test_operators_of_a_tpu(tmp_path: Path) -> None:
    span = {"timing": "device kernel span (profiler trace)", "dtype": "bf16"}
    sizes = {"M": "512", "N": "300", "K": "1024", "batch": "1"}
    gemm = only(tmp_path, TPU_OPS_COLUMNS, TPU | span | sizes | {"op": "gemm"})
    assert (gemm.group, gemm.stack, gemm.note) == (
        "matmul",
        "lab kernels",
        "batch=1 M=512 N=300 K=1024",
    )
    work = gemm.pieces[0].work
    assert work.matmul_flops == pytest.approx(2 * 512 * 300 * 1024)
    # 512 columns of two tiles for 300 rows, and not the other way round: 512 columns for 300.
    assert work.padded_flops == pytest.approx(2 * 512 * 300 * 1024)
    loop = only(tmp_path, TPU_OPS_COLUMNS, TPU | sizes | {
        "timing": "loop method", "dtype": "bf16", "op": "batched_gemm", "batch": "8"})  # fmt: skip
    assert loop.stack == "lab in a loop kernels"
    assert loop.pieces[0].work.matmul_flops == pytest.approx(8 * work.matmul_flops)
    add = only(tmp_path, TPU_OPS_COLUMNS, TPU | span | {"op": "add", "min_bytes": "6000000"})
    assert (add.group, add.pieces[0].work.vector_bytes) == ("vector", 6e6)


def test_wall_times_hold_the_host_and_cores_work_side_by_side(tmp_path: Path) -> None:
    row = TPU | {
        "op": "gemm", "dtype": "bf16", "weights_dtype": "bf16", "tokens": "128", "K": "4096",
        "N": "1024", "timing": "wall, dispatch included", "latency_us": "250",
    }  # fmt: skip
    whole = only(tmp_path, TPU_KERNELS_COLUMNS, row)
    work = whole.pieces[0].work
    assert (work.steps, work.kernels) == (1.0, 1.0)
    core = only(tmp_path, TPU_KERNELS_COLUMNS, row | {"hardware": "TPU7x per core (JAX device)"})
    assert core.pieces[0].work.matmul_flops == pytest.approx(2 * work.matmul_flops)
    blocks = only(tmp_path, TPU_KERNELS_COLUMNS, row | {"weights_dtype": "fp8 block-128"})
    assert (blocks.stack, blocks.narrowing) == ("lab untuned fp8 kernels", 1.0)
    assert blocks.pieces[0].work.weight_bytes == pytest.approx(4096 * 1024)


def test_hot_experts_and_links_between_chips(tmp_path: Path) -> None:
    row = TPU | {
        "hardware": "TPU7x (Ironwood)", "op": "moe_fused", "dtype": "bf16", "tokens": "4096",
        "experts": "256", "experts_per_token": "8", "hidden": "8192", "expert_inter": "2048",
        "ep": "32", "hot_experts": "8", "latency_us": "11675",
    }  # fmt: skip
    hot = only(tmp_path, TPU_KERNELS_COLUMNS, row)
    even = only(tmp_path, TPU_KERNELS_COLUMNS, row | {"hot_experts": "256"})
    assert (hot.group, hot.slice.chips) == ("experts", 16)
    # All tokens on the experts of one core of 32.
    assert hot.pieces[0].work.matmul_flops == pytest.approx(32 * even.pieces[0].work.matmul_flops)
    link = TPU | {"hardware": "TPU7x (Ironwood)", "op": "all_gather", "bandwidth_GBps": "90"}
    axis = only(tmp_path, TPU_KERNELS_COLUMNS, link | {"version": "x", "n_devices": "2"})
    assert axis.observed == pytest.approx(axis.pieces[0].work.link_bytes / 90e9)
    for cells in ({"version": "core to core on a chip"}, {"version": "x", "n_devices": "4"}):
        assert isinstance(read(tmp_path, TPU_KERNELS_COLUMNS, link | cells), UnpredictedRow)
