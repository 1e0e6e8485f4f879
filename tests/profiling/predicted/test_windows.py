"""Windows over whole contexts: what a windowed layer sees and keeps of a prompt and a thought."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooflink.model.architecture import Architecture, shape_of
from rooflink.profiling.predicted.model_shape import NamedShape
from rooflink.profiling.predicted.phase_lengths import Lengths
from rooflink.profiling.predicted.query import PredictionRequest
from rooflink.profiling.predicted.slices import predict_on_slice
from rooflink.profiling.predicted.step.attention_work import seen_positions
from rooflink.profiling.predicted.step.step_work import Spread, step_work
from rooflink.profiling.predicted.step.work import Widths, prefill_load
from rooflink.tpu_configs.slice import parse_slice

SIZES = {
    "layers": 32, "embed_dim": 4096, "query_heads": 32, "kv_heads": 8, "head_dim": 128,
    "mlp_dim": 14336, "vocab_size": 32000,
}  # fmt: skip
POSITION_BYTES = 2 * 32 * 8 * 128 * 2  # keys and values, in bfloat16


def windowed(window: int, share: float) -> NamedShape:
    model = Architecture(name="windowed", window=window, windowed_share=share, **SIZES)
    return NamedShape("windowed", shape_of(model))


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_a_windowed_layer_sees_the_last_positions(own: int, shared: int, window: int) -> None:
    """Counted one by one."""
    context = ["shared"] * shared + ["own"] * own
    last = context[-window:]
    seen = seen_positions(windowed(window, 1.0).shape, float(own), float(shared))
    assert seen == (last.count("own"), last.count("shared"))


@given(st.integers(0, 200), st.integers(1, 200), st.integers(1, 150))
@settings(max_examples=60, deadline=None)
def test_attention_in_a_window_over_history_and_prompt(past: int, new: int, window: int) -> None:
    """Each query sees itself and `window` positions before it, counted one by one."""
    seen = sum(min(past + i, window) + 1 for i in range(new))
    load = prefill_load(1.0, float(new), float(past))
    work = step_work(windowed(window, 1.0).shape, load, Widths(2.0, 2.0, 2.0), Spread())
    assert work.attention_flops == pytest.approx(4 * seen * 32 * 128 * 32)


@pytest.mark.parametrize(
    ("prompt", "think", "attempts", "share", "positions"),
    [
        (8192, 8192, 1, 1.0, 4096),  # the thought alone fills the window
        (8192, 1024, 1, 1.0, 4096),  # a part of the prompt is still seen
        (512, 512, 1, 1.0, 1024),
        (8192, 8192, 1, 0.5, 0.5 * 4096 + 0.5 * 16384),
        (8192, 1024, 4, 1.0, 4 * 1024 + 3072),  # what is left of the prompt is held once
    ],
)
def test_kv_of_a_windowed_model(
    prompt: int, think: int, attempts: int, share: float, positions: float
) -> None:
    lengths = Lengths(1.0, float(attempts), float(prompt), float(think), 1.0)
    request = PredictionRequest(windowed(4096, share), lengths, ideal=True)
    predicted = predict_on_slice(request, parse_slice("h200"))
    assert predicted.fit.kv_bytes == positions * POSITION_BYTES


def test_a_batch_that_fits_is_not_refused() -> None:
    """64 sequences of 4,096 positions are 34.4 GB beside 14.2 GB of weights, on 80 GB."""
    lengths = Lengths(64.0, 1.0, 8192.0, 8192.0, 1.0)
    predicted = predict_on_slice(PredictionRequest(windowed(4096, 1.0), lengths),
                                 parse_slice("h100"))  # fmt: skip
    assert predicted.fit.kv_bytes == 64 * 4096 * POSITION_BYTES


def test_a_step_reads_the_window_once() -> None:
    """One step of the answer: weights, 4,096 positions read and one written."""
    lengths = Lengths(1.0, 1.0, 8192.0, 8192.0, 2.0)
    request = PredictionRequest(windowed(4096, 1.0), lengths, ideal=True)
    plain = PredictionRequest(windowed(10**6, 1.0), lengths, ideal=True)
    near, far = (
        predict_on_slice(each, parse_slice("h200")).phases[-1] for each in (request, plain)
    )
    steps = near.steps
    unseen = (8192 + 8191 + (steps - 1) / 2) - 4096  # positions that the plain model reads besides
    assert far.memory_bytes - near.memory_bytes == pytest.approx(
        unseen * steps * POSITION_BYTES, rel=1e-9
    )
