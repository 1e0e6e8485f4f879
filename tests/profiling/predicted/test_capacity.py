"""What a chip must hold, against published worked problems (JAX scaling book, 'inference')."""

import pytest

from rooflink.model.architecture import shape_of
from rooflink.model.config import preset
from rooflink.profiling.predicted.step.attention_work import capacity
from rooflink.profiling.predicted.step.collectives import Parallelism
from rooflink.profiling.predicted.step.work import Widths


def test_kv_of_a_llama2_13b_sequence_is_the_books():
    held = capacity(
        shape_of(preset("llama2-13b")),
        Widths(2.0, 2.0, 2.0),
        Parallelism(tensor=8),
        16e9,
        16.0,
        8192.0,
    )
    assert float(held.kv_bytes) * 8 / 16 == pytest.approx(6.7e9, rel=0.01)
    assert float(held.weight_bytes) * 8 == pytest.approx(26e9, rel=0.01)
    assert held.left_bytes < 0


def test_the_largest_batch_fits_and_the_next_does_not():
    shape, widths, split = (
        shape_of(preset("llama3-8b")),
        Widths(2.0, 2.0, 2.0),
        Parallelism(tensor=8),
    )
    most = float(capacity(shape, widths, split, 17.2e9, 1.0, 4096.0).largest_batch)
    assert most > 100
    assert capacity(shape, widths, split, 17.2e9, most, 4096.0).left_bytes >= 0
    assert capacity(shape, widths, split, 17.2e9, most + 1, 4096.0).left_bytes < 0


def test_kv_is_copied_where_heads_are_fewer_than_chips():
    shape, widths = shape_of(preset("llama3-8b")), Widths(2.0, 2.0, 2.0)
    eight, sixteen = (
        capacity(shape, widths, Parallelism(tensor=n), 17.2e9, 4.0, 1000.0) for n in (8, 16)
    )
    assert float(sixteen.kv_bytes) == float(eight.kv_bytes)


def test_attempts_hold_their_prompt_once():
    shape, widths = shape_of(preset("llama3-8b")), Widths(2.0, 2.0, 2.0)
    shared = capacity(shape, widths, Parallelism(), 80e9, 16.0, 100.0, 1000.0, 16.0)
    apart = capacity(shape, widths, Parallelism(), 80e9, 16.0, 1100.0)
    assert float(shared.kv_bytes) / float(apart.kv_bytes) == pytest.approx(
        (1600 + 1000) / (16 * 1100)
    )
