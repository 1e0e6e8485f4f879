"""A closed loop of requests: Little's law, the settled batch, and steps that serve two ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.serving import (
    first_token_mix,
    loop_times,
    mix_s,
    mixed,
    queue_s,
    running_batch,
    token_mix,
)
from rooflink.profiling.predicted.step.hardware import Efficiency
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.work import Widths, decode_load, prefill_load

SECONDS = st.floats(1e-6, 1e2)
COUNTS = st.floats(1, 1e6)


def test_a_published_serving_runs_what_little_says() -> None:
    """Qwen3-32B fp8 on one H100 with TensorRT-LLM: 64 in flight, 1,024 tokens in and 128 out, the
    first after 466.177 ms and each other after 57.6986 ms."""
    assert running_batch(64, 0.466177, 0.0576986, 128) == pytest.approx(60.2, abs=0.05)


def test_alone_a_request_waits_for_its_own_prompt() -> None:
    assert mix_s(first_token_mix(1), 0.01, 0.2) == 0.2
    assert mix_s(token_mix(1, 100), 0.01, 0.2) == 0.01


def test_before_a_first_token_some_prompts_are_read() -> None:
    """Of 64 requests one's own prompt, others that come with it, and half of the 63 that would be
    read before it if all arrived at once; on four copies, of the 16 of each, four at a time."""
    assert first_token_mix(64) == (0.5, 1.0, 1 - 1 / 64, 31.5, 1.0)
    assert first_token_mix(64, copies=4) == (0.5, 4.0, 4 * (1 - 1 / 16), 4 * 7.5, 1.0)


def test_a_stack_has_its_shares_of_those_that_wait() -> None:
    """64 in flight, 10 ms a step and 200 ms a prompt: half a step, 1 + 2 x 63/64 + 0.1 x 31.5
    prompts, and 50 ms to arrive."""
    fitted = Efficiency(bunched=2.0, queued=0.1, request_s=0.05)
    expected = 0.005 + (1 + 1.96875 + 3.15) * 0.2 + 0.05
    assert mix_s(first_token_mix(64), 0.01, 0.2, fitted) == pytest.approx(expected)
    alone_s = mix_s(first_token_mix(1), 0.01, 0.2, fitted)
    assert alone_s == pytest.approx(0.2 + 0.05)


def test_all_chips_are_busy_with_what_the_requests_ask_for() -> None:
    """64 answers of 100 tokens, in steps of 10 ms and prompts of 5 ms: 100 tokens take 100 steps
    and the prompts of the 63 others."""
    assert 100 * mix_s(token_mix(64, 100), 0.010, 0.005) == pytest.approx(100 * 0.010 + 63 * 0.005)


def test_those_who_wait_follow_at_the_rate_that_others_end() -> None:
    """Eight places, each taken for 2 s: 4 end in a second, and 12 that wait follow in 3."""
    assert queue_s(20, 8, ttft_s=1.0, tpot_s=0.01, output_tokens=100) == pytest.approx(3.0)
    assert queue_s(8, 20, ttft_s=1.0, tpot_s=0.01, output_tokens=100) == 0


@given(COUNTS, COUNTS, COUNTS, SECONDS, SECONDS)
def test_a_request_that_waits_takes_no_less(
    concurrency: float, room: float, tokens: float, decode_s: float, prompt_s: float
) -> None:
    held, seconds = min(concurrency, room), (decode_s, prompt_s)
    fitted = Efficiency(bunched=1.5, queued=0.2, request_s=0.01)
    ttft_s, tpot_s, waited_s = loop_times(concurrency, held, 1.0, tokens, *seconds, fitted)
    assert ttft_s >= prompt_s + waited_s - 1e-9 * ttft_s
    assert tpot_s >= decode_s
    assert (waited_s > 0) == (concurrency > held)
    running = running_batch(concurrency, ttft_s, tpot_s, tokens)
    assert 0 < running <= min(concurrency, held * (1 + 1e-9))


def test_a_mixed_step_reads_the_weights_once() -> None:
    shape, widths = named_shape("qwen3-30b-a3b").shape, Widths(2.0, 2.0, 2.0)
    decode = step_work(shape, decode_load(16.0, 1000.0), widths, Spread())
    chunk = step_work(shape, prefill_load(1.0, 512.0, 1024.0), widths, Spread())
    both = mixed(decode, chunk)
    assert both.flops == pytest.approx(decode.flops + chunk.flops)
    assert both.kv_bytes == pytest.approx(decode.kv_bytes + chunk.kv_bytes)
    assert both.weight_bytes == max(decode.weight_bytes, chunk.weight_bytes)
    assert both.idle_expert_bytes <= chunk.idle_expert_bytes
    saved = decode.on_chip_bytes + chunk.on_chip_bytes - both.on_chip_bytes
    assert saved == pytest.approx(min(decode.weight_bytes, chunk.weight_bytes))
    assert (both.steps, both.kernels, both.sequences) == (1.0, decode.kernels, 17.0)


def test_mixes_are_of_numbers_and_of_arrays_alike() -> None:
    running = np.array([1.0, 8.0, 64.0])
    several = mix_s(token_mix(running, 32.0), 0.01, 0.1)
    assert several == pytest.approx([mix_s(token_mix(n, 32.0), 0.01, 0.1) for n in running])
