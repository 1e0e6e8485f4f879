"""Small facts: bounds, shares, texts."""

import pytest

from rooflink.profiling.records import MeasuredCost, Profile, Spread
from rooflink.profiling.render import facts
from rooflink.profiling.render.tiles import tiles


def cost(bandwidth: float, flops: float) -> MeasuredCost:
    time = Spread(median=1.0, low=1.0, high=1.0, repeats=[1.0])
    return MeasuredCost(
        time_s=time,
        tokens_per_s=1.0,
        flops_per_s=1.0,
        bytes_per_s=1.0,
        bandwidth_share=bandwidth,
        flops_share=flops,
    )


def test_single_run_has_no_range() -> None:
    assert facts.spread_text(cost(0.5, 0.5)) == "1 run"


def test_idle_and_padding_shares(profile: Profile) -> None:
    prefill, think, _ = profile.phases
    assert facts.idle_share(think) == pytest.approx(481 / 2048)
    assert facts.padded_share(prefill) == pytest.approx(77 / 352)


def test_outcome_in_words(profile: Profile) -> None:
    assert profile.outcome
    text = facts.accuracy_text(profile.outcome)
    assert text == "31 % (95 % interval 14 % to 56 %, 5 of 16 attempts at 4 prompts)"
    unchecked = profile.outcome.model_copy(update={"accuracy": None})
    assert facts.accuracy_text(unchecked) == ""
    stops = facts.stop_text(profile.outcome)
    assert stops == "9 closed by a marker, 6 cut off by the budget, 1 ended the text"


def test_no_right_answer_still_shows_its_interval(profile: Profile) -> None:
    assert profile.outcome
    none = {"correct": 0, "accuracy": 0.0, "accuracy_low": 0.0, "accuracy_high": 0.19}
    outcome = profile.outcome.model_copy(update=none)
    assert (
        facts.accuracy_text(outcome)
        == "0 % (95 % interval 0 % to 19 %, 0 of 16 attempts at 4 prompts)"
    )
    shown = tiles(profile.model_copy(update={"outcome": outcome}))
    assert "0 % to 19 %, 16 attempts at 4 prompts" in [tile.lens for tile in shown]
