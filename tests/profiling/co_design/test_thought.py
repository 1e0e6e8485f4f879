"""Crossovers along a thought, by hand; the map against its own points."""

from dataclasses import replace

import pytest
from sample_settings import sample_setting

from rooflink.model.architecture import shape_of
from rooflink.model.config import preset
from rooflink.profiling.co_design.crossovers import (
    BATCHES,
    CONTEXTS,
    _sentences,
    bound_map,
    left_bytes,
    step_at,
    thought_crossovers,
)
from rooflink.profiling.predicted.arrays import mapped


def test_kv_overtakes_weights_where_their_bytes_are_equal():
    known = sample_setting(where="h100", prompts=8.0, attempts=1.0)
    shape = shape_of(preset("llama3-8b"))
    read = (shape.layers * (shape.attention_parameters + shape.mlp_parameters)
            + shape.head_parameters + shape.vector_parameters) * 2  # fmt: skip
    per_token = 2 * 32 * 8 * 128 * 2
    # A step reads its context's KV and writes one position's: both count.
    expected = read / (8 * per_token)
    assert thought_crossovers(known).kv_over_weights_tokens == pytest.approx(expected, rel=1e-3)


def test_memory_is_full_where_nothing_is_left():
    known = sample_setting(where="h100", prompts=8.0, attempts=1.0)
    found = thought_crossovers(known)
    assert float(left_bytes(known.point, 8.0, found.memory_full_tokens)) == pytest.approx(
        0, abs=1e6
    )
    assert found.largest_batch["1024"] > found.largest_batch["16384"] > 0
    assert found.links_over_memory_batch is None


def test_a_context_beyond_the_models_is_said_and_a_batch_of_one_is_none() -> None:
    known = sample_setting(where="h100", prompts=8.0, attempts=1.0)
    trained = known.request.model.context_length
    assert trained == preset("llama3-8b").context_length
    found = thought_crossovers(known)
    assert found.kv_over_weights_tokens > trained
    assert f"tokens (trained for {trained:,})" in found.sentences[0]
    own = replace(known.request.model, context_length=None)
    unknown = replace(known, request=replace(known.request, model=own))
    assert not any("trained for" in words for words in thought_crossovers(unknown).sentences)
    assert _sentences(known, 1.0, None, 1.0) == [
        "8 sequences on h100:1 read more KV than weights at any context.",
        "At any batch, links on h100:1 take longer than HBM at the full context.",
    ]


def test_the_map_is_each_step_by_itself():
    known = sample_setting()
    grid = bound_map(known, 4.0)
    efficiency = mapped(lambda leaf: leaf[0], known.draws.efficiency)
    for row, column in ((0, 0), (6, 8), (12, 20)):
        batch, context = BATCHES[row], CONTEXTS[column]
        work, terms = step_at(known.point, efficiency, batch, context, min(4.0, batch))
        assert grid.step_s[row][column] == pytest.approx(float(terms.time_s), rel=1e-5)
        share = float(work.kv_bytes / work.memory_bytes)
        assert grid.kv_share[row][column] == pytest.approx(share, abs=1e-4)
    assert len(grid.bound) == len(BATCHES)
    assert not grid.fits[-1][-1]
    assert grid.fits[0][0]
