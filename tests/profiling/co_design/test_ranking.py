"""Asks: ranked on the same draws, odds that agree with them, a quality that is said."""

import re

import numpy as np
import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.levers import NOT_MEASURED
from rooflink.profiling.co_design.ranking import (
    ASKS,
    hardware_asks,
    hardware_candidates,
    model_asks,
)
from rooflink.profiling.predicted.draws import probability


def test_asks_are_ranked_and_their_odds_are_those_of_the_draws():
    known = sample_setting()
    asks = hardware_asks([known])
    ratios = {each.change: each.log_ratio for each in hardware_candidates([known], "usd")}
    assert [ask.rank for ask in asks] == list(range(1, len(asks) + 1))
    assert 0 < len(asks) <= ASKS
    for ask in asks:
        odds = probability(ratios[ask.change] < ratios[ask.next_change])
        assert ask.beats_next == odds
        assert ask.saving.median == pytest.approx(
            1 - np.exp(np.median(ratios[ask.change])), abs=1e-6
        )
        said = re.search(r"saves ([\d.-]+) % \(([\d.-]+) % to ([\d.-]+) %\)", ask.sentence)
        assert said is not None
        saved = (ask.saving.median, ask.saving.low, ask.saving.high)
        for words, share in zip(said.groups(), saved, strict=True):
            assert float(words) == pytest.approx(100 * share, abs=0.5)
        assert any(line.startswith("predicted lens") for line in ask.evidence)
    means = [np.mean(ratios[ask.change]) for ask in asks]
    assert means == sorted(means)


def test_over_several_cases_each_counts_alike():
    one, two = sample_setting(), sample_setting(where="h100")
    both = {each.name: each.log_ratio for each in hardware_candidates([one, two], "usd")}
    single = [
        {each.name: each.log_ratio for each in hardware_candidates([case], "usd")}
        for case in (one, two)
    ]
    for name, values in both.items():
        np.testing.assert_allclose(values, (single[0][name] + single[1][name]) / 2, rtol=1e-6)


def test_model_asks_say_what_was_not_measured_and_never_ask_for_what_is_dearer():
    asks = model_asks([sample_setting()])
    assert len(asks) == ASKS
    for ask in asks:
        assert ask.saving.median > 0
        assert (ask.quality == "not measured") == (NOT_MEASURED in ask.sentence)
        assert ask.name != "shared_prompt"
