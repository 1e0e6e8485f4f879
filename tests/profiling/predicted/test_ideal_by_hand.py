"""The bare roofline of a step, within 1 % of formulas written out from the models' sizes: a dense
model, experts, latent attention, windows, and two kinds of state.

A decode step of so many sequences reads each matrix that one of them needs, once, and of each its
keys and values (or reads and writes its state), at the datasheet's bandwidth; a prompt's matmuls
take two FLOPs a parameter and token, at the datasheet's FLOP/s. bfloat16 throughout.
"""

import pytest
from layer_kinds import DEEPSEEK_V3, DEEPSEEK_V32, GPT_OSS, NEMOTRON_H, QWEN3_NEXT

from rooflink.model.architecture import ModelShape, shape_of
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.step.hardware import IDEAL, hardware_of
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.time_model import step_terms
from rooflink.profiling.predicted.step.work import Load, Widths, decode_load, prefill_load
from rooflink.tpu_configs.catalog import load_chip

SEQUENCES, CONTEXT, PROMPT = 16, 32_768, 8192
H200_BANDWIDTH, H200_FLOPS = 4.8e12, 989e12  # NVIDIA's datasheet


def ideal_s(shape: ModelShape, load: Load) -> float:
    hardware = hardware_of(load_chip("h200"), "bfloat16")
    work = step_work(shape, load, Widths(2.0, 2.0, 2.0), Spread())
    return float(step_terms(work, hardware, IDEAL).time_s)


def decode_s(elements: float, state_bytes: float = 0.0) -> float:
    """Of so many elements read, and states that are read and written."""
    return (2 * elements + 2 * state_bytes) / H200_BANDWIDTH


def touched(experts: int, active: int) -> float:
    """Experts that at least one of the sequences is sent to, each to any with the same chance."""
    return experts * (1 - (1 - active / experts) ** SEQUENCES)


def test_dense() -> None:
    """Llama-3-8B: 32 layers of 4096, 32 heads and 8 KV heads of 128, an MLP of 14336."""
    layer = 4096 * (32 + 2 * 8) * 128 + 32 * 128 * 4096 + 3 * 4096 * 14336
    kv = SEQUENCES * CONTEXT * 32 * 2 * 8 * 128
    by_hand = decode_s(32 * layer + 128_256 * 4096 + kv)
    found = ideal_s(named_shape("llama3-8b").shape, decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


def test_experts() -> None:
    """Qwen3-30B-A3B: 48 layers of 2048, 32 heads and 4 KV heads of 128, 8 of 128 experts of 768."""
    layer = 2048 * (32 + 2 * 4) * 128 + 32 * 128 * 2048 + touched(128, 8) * 3 * 2048 * 768
    kv = SEQUENCES * CONTEXT * 48 * 2 * 4 * 128
    by_hand = decode_s(48 * layer + 151_936 * 2048 + kv)
    found = ideal_s(named_shape("qwen3-30b-a3b").shape, decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


LATENT_ATTENTION = (
    7168 * 1536 + 1536 * 128 * (128 + 64)  # queries, by way of 1536
    + 7168 * (512 + 64) + 512 * 128 * (128 + 128)  # keys and values, by way of 512
    + 128 * 128 * 7168  # output
)  # fmt: skip


def test_latent_attention() -> None:
    """DeepSeek-V3: 61 layers of 7168; 3 dense of 18432, the others 8 of 256 experts of 2048 and a
    shared one. 512 compressed and 64 rotated elements a position and layer, for all heads."""
    experts = (touched(256, 8) + 1) * 3 * 7168 * 2048
    weights = 61 * LATENT_ATTENTION + 58 * experts + 3 * 3 * 7168 * 18432 + 129_280 * 7168
    kv = SEQUENCES * CONTEXT * 61 * (512 + 64)
    found = ideal_s(shape_of(DEEPSEEK_V3), decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(decode_s(weights + kv), rel=0.01)


def test_sparse_attention() -> None:
    """DeepSeek-V3.2: as V3, but each layer reads 2,048 positions of its latent cache, and of all
    the index keys, 128 bytes and a scale of four; 1536 elements make its 64 queries of 128."""
    experts = (touched(256, 8) + 1) * 3 * 7168 * 2048
    indexer = 1536 * 64 * 128 + 7168 * (128 + 64)
    weights = 61 * (LATENT_ATTENTION + indexer) + 58 * experts + 3 * 3 * 7168 * 18432
    kv_bytes = SEQUENCES * 61 * (2048 * (512 + 64) * 2 + CONTEXT * 132)
    by_hand = decode_s(weights + 129_280 * 7168 + kv_bytes / 2)
    found = ideal_s(shape_of(DEEPSEEK_V32), decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


def test_windows() -> None:
    """gpt-oss-120b: 36 layers of 2880, 64 heads and 8 KV heads of 64, 4 of 128 experts of 2880;
    every other layer sees 128 positions."""
    layer = 2880 * (64 + 2 * 8) * 64 + 64 * 64 * 2880 + touched(128, 4) * 3 * 2880 * 2880
    kv = SEQUENCES * (18 * CONTEXT + 18 * 128) * 2 * 8 * 64
    by_hand = decode_s(36 * layer + 201_088 * 2880 + kv)
    found = ideal_s(shape_of(GPT_OSS), decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


def test_gated_delta_net() -> None:
    """Qwen3-Next-80B-A3B: 12 layers of attention whose result is gated, 16 heads and 2 KV heads of
    256; 36 layers with 32 states of 128 x 128 float32 and three inputs of a convolution over 16
    queries, 16 keys and 32 values; 10 of 512 experts of 512 and a shared one, in each."""
    attention = 2048 * (2 * 16 + 2 * 2) * 256 + 16 * 256 * 2048
    linear = 2048 * (2 * 16 + 2 * 32) * 128 + 2048 * 2 * 32 + 32 * 128 * 2048
    mlp = (touched(512, 10) + 1) * 3 * 2048 * 512 + 2048 * 512
    weights = 12 * attention + 36 * linear + 48 * mlp + 151_936 * 2048
    state_bytes = 36 * (32 * 128 * 128 * 4 + 3 * (2 * 16 + 32) * 128 * 2)
    kv = SEQUENCES * CONTEXT * 12 * 2 * 2 * 256
    by_hand = decode_s(weights + kv, SEQUENCES * state_bytes)
    found = ideal_s(shape_of(QWEN3_NEXT), decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


def test_state_space() -> None:
    """Nemotron-H-56B: 54 MLPs of 32768 with two matrices, 10 layers of attention, 54 of Mamba-2
    with 256 heads of 64 and 8 groups of 256."""
    mamba = 8192 * (2 * 256 * 64 + 2 * 8 * 256 + 256) + 256 * 64 * 8192
    attention = 8192 * (64 + 2 * 8) * 128 + 64 * 128 * 8192
    weights = 54 * (2 * 8192 * 32_768 + mamba) + 10 * attention + 131_072 * 8192
    state_bytes = 54 * (256 * 64 * 256 * 4 + 3 * (256 * 64 + 2 * 8 * 256) * 2)
    kv = SEQUENCES * CONTEXT * 10 * 2 * 8 * 128
    by_hand = decode_s(weights + kv, SEQUENCES * state_bytes)
    found = ideal_s(shape_of(NEMOTRON_H), decode_load(SEQUENCES, CONTEXT))
    assert found == pytest.approx(by_hand, rel=0.01)


PAIRS = PROMPT * (PROMPT + 1) / 2
SEEN = PAIRS - (PROMPT - 128) * (PROMPT - 127) / 2  # by a query and the 127 positions before it


@pytest.mark.parametrize(
    ("shape", "parameters", "attention_flops", "vocabulary"),
    [
        (named_shape("llama3-8b").shape, 32 * (4096 * 80 * 128 + 3 * 4096 * 14336),
         4 * PAIRS * 32 * 32 * 128, 128_256 * 4096),
        (named_shape("qwen3-30b-a3b").shape, 48 * (2048 * 72 * 128 + 8 * 3 * 2048 * 768),
         4 * PAIRS * 48 * 32 * 128, 151_936 * 2048),
        (shape_of(DEEPSEEK_V3),
         61 * LATENT_ATTENTION + 58 * 9 * 3 * 7168 * 2048 + 3 * 3 * 7168 * 18432,
         PAIRS * 61 * 128 * (2 * (128 + 64) + 2 * 128), 129_280 * 7168),
        (shape_of(GPT_OSS), 36 * (2880 * 144 * 64 + 4 * 3 * 2880 * 2880),
         4 * 18 * (PAIRS + SEEN) * 64 * 64, 201_088 * 2880),
    ],
    ids=["dense", "experts", "latent", "windows"],
)  # fmt: skip
def test_a_prompt(
    shape: ModelShape, parameters: float, attention_flops: float, vocabulary: float
) -> None:
    """Logits of the last position alone."""
    flops = 2 * PROMPT * parameters + attention_flops + 2 * vocabulary
    assert ideal_s(shape, prefill_load(1.0, PROMPT)) == pytest.approx(flops / H200_FLOPS, rel=0.01)
