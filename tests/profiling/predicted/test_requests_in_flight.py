"""Prefixes that are cached, prompts in chunks, and requests in flight: terms of a query."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.records import Prediction
from rooflink.tpu_configs.slice import parse_slice

LENGTHS = Lengths(4.0, 1.0, 1000.0, 200.0, 50.0)
REQUEST = PredictionRequest(named_shape("llama3-8b"), LENGTHS, stack="vLLM")


def predicted(where: str = "h100", **changes: object) -> Prediction:
    """The request, with lengths' fields and its own changed."""
    lengths = {name: changes.pop(name) for name in [*changes] if hasattr(LENGTHS, name)}
    request = replace(REQUEST, lengths=replace(LENGTHS, **lengths), **changes)
    return predict_on_slice(request, parse_slice(where))


def in_flight(concurrency: float, **changes: object) -> Prediction:
    return predicted(prompts=concurrency, concurrency=concurrency, **changes)


def test_times_of_a_batch_are_those_of_its_phases() -> None:
    found = predicted(ideal=True)
    prefill, think, answer = found.phases
    assert found.ttft_s == prefill.time_s
    decoding_s = think.time_s.median + answer.time_s.median
    assert found.tpot_s.median == pytest.approx(decoding_s / (200 + 50 - 1))
    assert predicted(think_tokens=0.0, answer_tokens=1.0).tpot_s is None


def test_cached_tokens_are_read_and_not_computed() -> None:
    whole, hit = predicted(ideal=True), predicted(ideal=True, prefix_tokens=600.0)
    shape = REQUEST.model.shape
    layers = 2 * 4 * 600 * (shape.parameters - shape.head_parameters - shape.embedding_parameters)
    pairs = 4 * 600 * 601 / 2
    attention = 4 * pairs * shape.query_heads * shape.head_dim * shape.layers
    saved = whole.phases[0].flops - hit.phases[0].flops
    assert saved == pytest.approx(layers + attention, rel=1e-3)
    assert hit.ttft_s.median < 0.5 * whole.ttft_s.median
    assert hit.phases[1:] == whole.phases[1:]
    assert hit.fit == whole.fit


@pytest.mark.parametrize("cached", [1000.0, 2000.0, -1.0])
def test_some_of_a_prompt_is_always_read(cached: float) -> None:
    with pytest.raises(ProfileInputError, match="its last one is always read"):
        predicted(prefix_tokens=cached)


def test_chunks_read_the_weights_again_and_the_cache_before_them() -> None:
    """A prompt of 1,000 tokens in chunks of 250: the weights 4 times; the KV of the first 250, 500
    and 750 positions read back."""
    whole = predicted(ideal=True, prompts=1.0).phases[0]
    chunked = predicted(ideal=True, prompts=1.0, prefill_chunk=250.0).phases[0]
    shape = REQUEST.model.shape
    weights = 2 * (shape.parameters - shape.embedding_parameters)
    cache = (250 + 500 + 750) * 2 * shape.kv_elements_per_token
    assert chunked.steps == pytest.approx(4)
    assert chunked.memory_bytes - whole.memory_bytes == pytest.approx(3 * weights + cache, rel=0.02)
    head = 2 * 3 * shape.head_parameters  # of each chunk's last position
    assert chunked.flops == pytest.approx(whole.flops + head)


def test_short_prompts_share_a_chunk_and_a_large_chunk_is_none() -> None:
    assert predicted(prefill_chunk=2000.0).phases[0].steps == pytest.approx(2)
    assert predicted(prefill_chunk=300.0).phases[0].steps == pytest.approx(4 * 4)
    large, none = predicted(prefill_chunk=1e9), predicted()
    assert large.ttft_s.median == pytest.approx(none.ttft_s.median)
    assert large.phases[1:] == none.phases[1:]


def test_one_request_in_flight_is_a_batch_of_one() -> None:
    alone = predicted(prompts=1.0, ideal=True)
    for chunk in (None, 400.0):
        one = in_flight(1.0, ideal=True, prefill_chunk=chunk)
        assert one.tpot_s.median == pytest.approx(alone.tpot_s.median)
        assert one.queue_s.median == 0
    assert in_flight(1.0, ideal=True).ttft_s.median == pytest.approx(alone.ttft_s.median)


def test_a_token_waits_for_the_prompts_of_others() -> None:
    """64 in flight: a step, and 63 prompts for each token's share of 249."""
    found = in_flight(64.0, ideal=True)
    prefill, think, answer = found.phases
    step_s = (think.time_s.median + answer.time_s.median) / 249
    assert found.tpot_s.median == pytest.approx(step_s + 63 / 249 * prefill.time_s.median / 64)
    assert 0 < found.running.median < 64


def test_chunks_that_ride_along_save_reading_the_weights() -> None:
    apart, mixed = in_flight(64.0), in_flight(64.0, prefill_chunk=1000.0)
    assert mixed.tpot_s.median < apart.tpot_s.median
    assert sum(p.flops for p in mixed.phases) == pytest.approx(sum(p.flops for p in apart.phases))


def test_who_finds_no_room_waits() -> None:
    """As many at a time as the slice holds, the others in line."""
    few = in_flight(10_000.0)
    most = few.fit.largest_batch
    assert few.prompts == most < 10_000
    full = in_flight(float(most))
    assert full.queue_s.median == 0
    assert few.tpot_s == full.tpot_s
    assert few.ttft_s.median > few.queue_s.median > full.ttft_s.median


@given(st.floats(1, 5000), st.sampled_from([None, 64.0, 2048.0]), st.sampled_from([0.0, 900.0]))
@settings(deadline=None)
def test_more_in_flight_never_answer_sooner(
    concurrency: float, chunk: float | None, cached: float
) -> None:
    split = Parallelism(tensor=4, data=2)
    less, more = (
        in_flight(number, where="h100-8", split=split, prefill_chunk=chunk, prefix_tokens=cached)
        for number in (concurrency + 2, concurrency * 1.5 + 2)
    )
    for before, after in ((less.ttft_s, more.ttft_s), (less.tpot_s, more.tpot_s)):
        assert 0 < before.median <= after.median * (1 + 1e-9)
    assert more.running.median <= more.prompts * (1 + 1e-9)


def test_a_single_token_is_never_decoded() -> None:
    with pytest.raises(ProfileInputError, match="never decode: take a longer --answer"):
        in_flight(8.0, think_tokens=0.0, answer_tokens=1.0)
