"""The time model against hand-worked rooflines and the scaling that any time must obey."""

from dataclasses import fields, replace

import jax
import numpy as np
import pytest

from rooflink.model.architecture import shape_of
from rooflink.model.config import preset
from rooflink.profiling.predicted.arrays import as_pytrees
from rooflink.profiling.predicted.step.hardware import IDEAL, Efficiency, Hardware
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.time_model import bound, step_terms
from rooflink.profiling.predicted.step.work import Widths, Work, decode_load, prefill_load

as_pytrees()
BF16 = Widths(2.0, 2.0, 2.0)
SHAPE = shape_of(preset("llama3-8b"))
REAL = Efficiency(
    compute=0.7, attention=0.5, memory=0.8, vector=0.5, idle_experts=0.1, kv=0.9, links=0.7,
    overlap=3.0, exposed_links=0.5, narrow=0.3, routed_s=1e-7, kernel_s=2e-6, collective_s=5e-6,
    dispatch_s=5e-6, sequence_s=3e-6, step_s=1e-4,
)  # fmt: skip


def chip(flops: float, bandwidth: float) -> Hardware:
    return Hardware(flops, bandwidth, 80e9, float("inf"), 450e9, 1e-6, 1.0)


A100, H100, V5E = chip(312e12, 2039e9), chip(989e12, 3350e9), chip(197e12, 819e9)


@pytest.mark.parametrize(
    ("hardware", "batch", "hand_ms"),
    [
        (A100, 1, 7.49), (A100, 32, 11.57), (H100, 1, 4.56),
        (H100, 32, 7.05), (V5E, 1, 18.65), (V5E, 32, 28.8),
    ],
)  # fmt: skip
def test_ideal_decode_is_all_weights_and_kv_over_the_bandwidth(hardware, batch, hand_ms):
    # Every weight with the head, and KV at 2048 tokens, over the datasheet's bandwidth.
    work = step_work(SHAPE, decode_load(float(batch), 2048.0), BF16, Spread())
    terms = step_terms(work, hardware, IDEAL)
    assert float(terms.time_s) * 1e3 == pytest.approx(hand_ms, rel=0.01)
    assert bound(terms) == "memory"


def test_ideal_prefill_counts_causal_attention_and_one_head_position():
    terms = step_terms(step_work(SHAPE, prefill_load(1.0, 2048.0), BF16, Spread()), A100, IDEAL)
    blocks = 2 * 2048 * 32 * (4096 * 128 * (32 + 8) * 2 + 3 * 4096 * 14336)
    attention = 4 * 2048 * 2049 / 2 * 32 * 128 * 32
    head = 2 * 4096 * 128256
    assert float(terms.time_s) == pytest.approx((blocks + attention + head) / 312e12, rel=1e-4)
    assert bound(terms) == "compute"


def test_faster_chips_scale_what_they_should():
    work = step_work(SHAPE, decode_load(64.0, 2048.0), BF16, Spread())
    pure = replace(REAL, kernel_s=0.0, collective_s=0.0, sequence_s=0.0, step_s=0.0)
    twice = replace(H100, **{n: 2 * getattr(H100, n) for n in ("matmul_flops", "memory_bandwidth")})
    one, two = (step_terms(work, each, pure).time_s for each in (H100, twice))
    assert float(two) == pytest.approx(float(one) / 2, rel=1e-5)


def test_partial_overlap_lies_between_the_longest_and_the_sum():
    work = step_work(SHAPE, decode_load(256.0, 1024.0), BF16, Spread())
    quiet = replace(IDEAL, overlap=2.0)
    terms = step_terms(work, H100, quiet)
    longest = max(float(terms.compute_s), float(terms.memory_s))
    assert longest < float(terms.time_s) < float(terms.compute_s) + float(terms.memory_s)
    by_hand = np.hypot(float(terms.compute_s), float(terms.memory_s))
    assert float(terms.time_s) == pytest.approx(by_hand, rel=1e-5)


def test_overheads_are_added_for_what_there_is_of_them():
    work = step_work(SHAPE, decode_load(8.0, 64.0), BF16, Spread())
    added = replace(IDEAL, kernel_s=1e-6, sequence_s=1e-5, step_s=1e-4)
    without = float(step_terms(work, H100, IDEAL).time_s)
    by_hand = 1e-6 * (32 * 10 + 6) + 8e-5 + 1e-4
    assert float(step_terms(work, H100, added).time_s) == pytest.approx(without + by_hand, rel=1e-5)


def test_many_points_at_once_are_the_points_one_by_one():
    batches = np.array([1.0, 8.0, 64.0, 512.0], np.float32)
    chips = [A100, H100, V5E, A100]
    stacked = Hardware(
        *(np.array([getattr(c, f.name) for c in chips], np.float32) for f in fields(Hardware))
    )
    together = jax.jit(
        lambda b, h: step_terms(step_work(SHAPE, decode_load(b, 1000.0), BF16, Spread()), h, REAL)
    )(batches, stacked)
    for i, (batch, hardware) in enumerate(zip(batches, chips, strict=True)):
        alone = step_terms(
            step_work(SHAPE, decode_load(batch, 1000.0), BF16, Spread()), hardware, REAL
        )
        assert float(together.time_s[i]) == pytest.approx(float(alone.time_s), rel=1e-5)


def test_a_narrow_cache_saves_less_than_its_bytes():
    """8,000 positions of 8 sequences: 8.4 GB in bfloat16, half of that in 8 bits."""
    lossy = replace(IDEAL, narrow_kv=0.25)
    wide, narrow = (
        step_work(SHAPE, decode_load(8.0, 8000.0), Widths(2.0, kv_bytes, 2.0), Spread())
        for kv_bytes in (2.0, 1.0)
    )
    saved_s = float(wide.kv_bytes - narrow.kv_bytes) / H100.memory_bandwidth
    assert float(narrow.kv_bytes) == pytest.approx(8 * 8001 * 65536, rel=1e-3)
    times_s = {work: [float(step_terms(work, H100, by).memory_s) for by in (IDEAL, lossy)]
               for work in (wide, narrow)}  # fmt: skip
    assert times_s[wide][0] == times_s[wide][1] == pytest.approx(times_s[narrow][0] + saved_s)
    assert times_s[narrow][1] == pytest.approx(times_s[narrow][0] + 0.25 * saved_s)


def test_a_core_takes_its_least_time_for_every_part_of_attention():
    many = Work(attention_flops=1e9, blocks=2048.0, kv_bytes=1e6)
    cores = replace(H100, cores=128.0)
    slow = step_terms(many, cores, replace(IDEAL, block_s=3e-6))
    assert float(slow.time_s) == pytest.approx(2048 / 128 * 3e-6)
    assert bound(slow) == "compute"
    # Long enough parts hide it.
    long = step_terms(many * 1e3, replace(cores, cores=1e9), replace(IDEAL, block_s=3e-6))
    assert float(long.time_s) == pytest.approx(1e12 / 989e12)


def test_a_collective_s_pipeline_fills_before_data_flows():
    work = Work(link_bytes=450e9 * 9e-6, stages=2.0, collectives=1.0)
    ramped = step_terms(work, H100, replace(IDEAL, exposed_links=1.0, ramp_s=2e-6))
    assert float(ramped.links_s) == pytest.approx((9e-6**0.5 + 4e-6**0.5) ** 2)
    # Ten like ones take ten times as long.
    ten = step_terms(work * 10.0, H100, replace(IDEAL, exposed_links=1.0, ramp_s=2e-6))
    assert float(ten.links_s) == pytest.approx(10 * float(ramped.links_s))
    assert float(step_terms(work, H100, IDEAL).links_s) == pytest.approx(9e-6)
    # A chip alone takes no time for links, to the last digit.
    assert float(step_terms(Work(matmul_flops=1.0), H100, IDEAL).links_s) == 0
