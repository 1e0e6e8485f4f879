"""Placement on datasheet figures, worked by hand."""

import pytest

from rooflink.profiling.counted.phase_costs import place
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import CountedCost, HbmBytes, Phase
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.input_errors import ChipInputError

V5E = load_chip("v5e")  # 197e12 FLOP/s, 819e9 B/s, 17.2e9 B

# Llama-3-8B in bfloat16. A layer: queries and output 2 x 4096 x 4096, keys and values
# 2 x 4096 x 1024, MLP 3 x 4096 x 14336, norms 2 x 4096 = 218,112,000 weights; 32 layers, the
# final norm 4096 and the output head 4096 x 128256 = 7,504,924,672 weights read a step.
WEIGHT_READ_BYTES = 2 * 7_504_924_672
EMBEDDING_BYTES = 2 * 4096 * 128_256
KV_BYTES_PER_TOKEN = 2 * 32 * 8 * 128 * 2  # keys and values, layers, KV heads, head size, bytes
CONTEXT = 2048


def phase(flops: int, weights: int, kv_read: int = 0, name: str = "think") -> Phase:
    """A phase of one step with that counted cost."""
    return Phase(
        name=name,
        tokens=1,
        forced_tokens=0,
        sequences=1,
        steps=1,
        idle_slots=0,
        padded_tokens=0,
        measured=None,
        counted=CountedCost(
            flops=flops,
            vector_flops=0,
            hbm_bytes=HbmBytes(weights=weights, kv_read=kv_read, kv_write=0, activations=0),
        ),
    )


def llama_decode_step(batch: int) -> tuple[Phase, int]:
    """One decode step at context 2048, and the bytes that must be resident for it."""
    kv = batch * CONTEXT * KV_BYTES_PER_TOKEN
    attention_flops = 4 * CONTEXT * 32 * 128 * 32  # two products, 32 heads of 128, 32 layers
    flops = batch * (2 * 7_504_924_672 + attention_flops)
    return phase(flops, WEIGHT_READ_BYTES, kv), WEIGHT_READ_BYTES + EMBEDDING_BYTES + kv


def test_llama_3_8b_decode_on_one_v5e() -> None:
    step, resident_bytes = llama_decode_step(batch=1)
    assert step.counted.hbm_bytes.total == 15_278_284_800
    placed = place(V5E, [step], resident_bytes, "bfloat16")
    assert placed.chip == "TPU v5e"
    assert placed.chips == 1
    assert placed.phases[0].bound == "memory"
    assert placed.phases[0].time_at_peak_s == pytest.approx(18.65e-3, rel=5e-4)


def test_llama_3_8b_decode_at_batch_32_needs_two_v5e() -> None:
    step, resident_bytes = llama_decode_step(batch=32)
    placed = place(V5E, [step], resident_bytes, "bfloat16")
    assert placed.chips == 2
    assert placed.phases[0].time_at_peak_s == pytest.approx(28.8e-3 / 2, rel=1e-3)


def test_a_placement_carries_the_datasheet() -> None:
    placed = place(V5E, [], 10, "bfloat16")
    assert placed.resident_bytes == 10
    assert placed.hbm_capacity_bytes == 17.2e9
    assert (placed.peak_flops, placed.peak_dtype) == (197e12, "bfloat16")
    assert placed.hbm_bandwidth == 819e9
    assert placed.ridge == pytest.approx(240.537, abs=1e-3)
    assert placed.phases == []


@pytest.mark.parametrize(
    ("resident_bytes", "chips"),
    [
        (1, 1),
        (16_340_000_000, 1),  # 95 % of 17.2 GB, as predictions count it
        (16_340_000_001, 2),
        (32_680_000_000, 2),
        (32_680_000_001, 3),
        (141_000_000_000, 9),
    ],
)
def test_fewest_chips_that_hold_the_bytes(resident_bytes: int, chips: int) -> None:
    assert place(V5E, [], resident_bytes, "bfloat16").chips == chips


@pytest.mark.parametrize(
    ("flops", "hbm_bytes", "bound", "time_s"),
    [
        (394 * 10**12, 819 * 10**9, "compute", 2.0),
        (197 * 10**12, 819 * 10**9, "compute", 1.0),  # on the ridge
        (197 * 10**12 - 10**6, 819 * 10**9, "memory", 1.0),
        (197 * 10**12, 3 * 819 * 10**9, "memory", 3.0),
        (197 * 10**12, 0, "compute", 1.0),
        (0, 0, "memory", 0.0),
    ],
)
def test_bound_and_time(flops: int, hbm_bytes: int, bound: str, time_s: float) -> None:
    found = place(V5E, [phase(flops, hbm_bytes)], 1, "bfloat16").phases[0]
    assert (found.bound, found.time_at_peak_s) == (bound, time_s)


def test_more_chips_divide_the_time_and_leave_the_bound() -> None:
    work = [phase(394 * 10**12, 819 * 10**9)]
    found = place(V5E, work, 4 * 16_340_000_000, "bfloat16")
    assert found.chips == 4
    assert found.phases[0].bound == "compute"
    assert found.phases[0].time_at_peak_s == 0.5


def test_a_phase_of_unlike_steps_is_floored_below_the_sum_of_its_steps() -> None:
    dense, sparse = phase(197 * 10**12, 0), phase(0, 819 * 10**9)
    apart = place(V5E, [dense, sparse], 1, "bfloat16").phases
    together = place(V5E, [phase(197 * 10**12, 819 * 10**9)], 1, "bfloat16").phases[0]
    assert together.time_at_peak_s == 1.0
    assert sum(step.time_at_peak_s for step in apart) == 2.0


def test_phases_keep_their_names_and_order() -> None:
    work = [phase(1, 1, name=name) for name in ("prefill", "think", "answer")]
    placed = place(V5E, work, 1, "bfloat16")
    assert [found.phase for found in placed.phases] == ["prefill", "think", "answer"]


def test_float32_is_placed_at_the_bfloat16_peak_and_labelled_so() -> None:
    placed = place(V5E, [], 1, "float32")
    assert (placed.peak_flops, placed.peak_dtype) == (197e12, "bfloat16")


def test_int8_has_its_own_peak() -> None:
    placed = place(V5E, [phase(394 * 10**12, 1)], 1, "int8")
    assert placed.peak_dtype == "int8"
    assert placed.phases[0].time_at_peak_s == 1.0


def test_nothing_resident_is_refused() -> None:
    with pytest.raises(ProfileInputError, match="resident_bytes is 0, expected the bytes of"):
        place(V5E, [], 0, "bfloat16")


def test_an_unknown_dtype_is_refused() -> None:
    with pytest.raises(ChipInputError, match="dtype 'half'"):
        place(V5E, [], 1, "half")
