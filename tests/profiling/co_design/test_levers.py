"""Levers against what they must do to bytes, time and the waves of a workload."""

import jax.numpy as jnp
import numpy as np
import pytest
from real_records import real_profile
from sample_settings import sample_setting

from rooflink.profiling.co_design.costs import costs_of, expected_tokens
from rooflink.profiling.co_design.design_point import summary
from rooflink.profiling.co_design.levers import (
    NOT_MEASURED,
    levers,
    measured_effect,
)
from rooflink.profiling.co_design.workload_on_slice import prediction_of
from rooflink.profiling.predicted.model_shape import named_shape


def checked(name, task, think_budget, accuracy):
    """A run of which the answers were checked: accuracy with its interval."""
    run = real_profile()
    work = run.workload.model_copy(update={"task": task, "think_budget": think_budget})
    figures = dict(zip(("accuracy", "accuracy_low", "accuracy_high"), accuracy, strict=True))
    outcome = run.outcome.model_copy(update=figures)
    return run.model_copy(update={"name": name, "workload": work, "outcome": outcome})


def by_name(known, name):
    return next(lever for lever in levers(known) if lever.name == name)


def test_costs_are_the_predicted_lens():
    known = sample_setting()
    found, predicted = costs_of(known.point, known.draws), prediction_of(known)
    for values, interval in (
        (found.query_s, predicted.time_s),
        (found.query_j, predicted.energy_j),
    ):
        own = summary(values)
        assert (own.median, own.low, own.high) == pytest.approx(
            (interval.median, interval.low, interval.high), rel=1e-5
        )


def test_half_the_bytes_halve_the_time_of_a_bare_roofline_that_is_memory_bound():
    known = sample_setting(where="h100", prompts=1.0, attempts=1.0, think=64.0, ideal=True)
    weights = next(x for x in levers(known) if x.change == "weights bfloat16 -> int8").by_phase[
        "think"
    ]
    found = costs_of(known.point, known.draws).work
    share = float(found.weight_bytes[1] / found.memory_bytes[1])
    assert weights.median == pytest.approx(1 - share / 2, rel=1e-3)


def test_fewer_kv_heads_and_a_narrower_mlp_are_the_smaller_models_parameters():
    known = sample_setting()
    shape = known.point.shape.with_kv_heads(4.0)
    assert float(shape.attention_parameters) == 4096 * 128 * (2 * 32 + 2 * 4)
    assert float(known.point.shape.with_mlp(0.5).mlp_parameters) == 3 * 4096 * 14336 / 2
    assert float(named_shape("llama3-8b").shape.kv_heads) == 8.0


@pytest.mark.parametrize(
    ("acceptance", "drafted", "tokens"), [(0.8, 4, 3.3616), (0.0, 4, 1.0), (1.0, 4, 5.0)]
)
def test_expected_tokens_of_a_round(acceptance, drafted, tokens):
    # Leviathan et al. 2023, equation 1: (1 - 0.8^5) / 0.2 = 3.3616
    assert float(expected_tokens(jnp.float32(acceptance), drafted)) == pytest.approx(
        tokens, rel=1e-2
    )


def test_a_shared_prompt_is_cheaper_than_one_held_by_each_attempt():
    assert by_name(sample_setting(), "shared_prompt").whole.time.low > 1.0


def test_what_does_not_fit_at_once_goes_in_waves_and_half_the_attempts_halve_them():
    known = sample_setting(model="llama3-70b", where="v5e-16", prompts=1.0, attempts=64.0,
                           think=8192.0)  # fmt: skip
    assert known.waves > 1
    assert known.waves * float(known.query.lengths.attempts) == 64.0
    whole = by_name(known, "attempts").whole.time
    assert (whole.low, whole.median, whole.high) == pytest.approx((0.5, 0.5, 0.5))


def test_quality_is_measured_or_said_not_to_be():
    known = sample_setting()
    for lever in levers(known):
        assert (lever.evidence == NOT_MEASURED) == (lever.quality == "not measured")
    long = checked("a", "sums", 64, (0.9, 0.8, 0.95))
    short = checked("b", "sums", 32, (0.7, 0.6, 0.8))
    other = checked("c", "chain", 16, (0.1, 0.0, 0.2))
    quality, said = measured_effect([short, long, other], "think_budget")
    assert quality == "measured"
    assert "90 % (80 to 95 %) at think budget 64, 70 % (60 to 80 %) at 32 (profiles a, b)" in said
    assert measured_effect([long, other], "attempts") == ("not measured", NOT_MEASURED)


def test_arrows_start_at_the_phase_and_move_it():
    arrow = by_name(sample_setting(), "weight_dtype").arrows[0]
    assert arrow.start.phase == arrow.end.phase == arrow.phase
    assert not np.isclose(arrow.start.intensity, arrow.end.intensity, rtol=0.02)
