"""Asks: ranked on the same draws, odds that agree with them, a quality that is said."""

from dataclasses import replace

import numpy as np
import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.costs import Logs, by_resource, costs_of, terms_of, work_steps
from rooflink.profiling.co_design.design_point import scaled
from rooflink.profiling.co_design.levers import NOT_MEASURED
from rooflink.profiling.co_design.ranking import (
    ASKS,
    STEP,
    _mean_change,
    hardware_asks,
    hardware_candidates,
    model_asks,
)
from rooflink.profiling.predicted.draws import likely, probability
from rooflink.profiling.predicted.step.time_model import BOUNDS
from rooflink.profiling.records.base import percent
from rooflink.tpu_configs.slice import parse_slice


def test_asks_are_ranked_by_what_is_printed_and_their_odds_are_those_of_the_draws() -> None:
    known = sample_setting()
    asks = hardware_asks([known])
    candidates = {each.change: each for each in hardware_candidates([known], "usd")}
    ratios = {change: each.log_ratio for change, each in candidates.items()}
    assert [ask.rank for ask in asks] == list(range(1, len(asks) + 1))
    assert 0 < len(asks) <= ASKS
    for ask in asks:
        odds = probability(ratios[ask.change] < ratios[ask.next_change])
        assert ask.beats_next == odds
        assert likely(odds, len(known.draws.prefill) - 1) in ask.sentence
        assert ask.saving.median == pytest.approx(
            1 - np.exp(np.median(ratios[ask.change])), abs=1e-6
        )
        assert ask.time_saving.median == pytest.approx(
            1 - np.exp(np.median(candidates[ask.change].log_time)), abs=1e-6
        )
        said = ask.sentence.removeprefix(ask.change[:1].upper() + ask.change[1:])
        assert percent(ask.saving.median) not in said, "the saving stands beside it"
        assert any(line.startswith("predicted lens") for line in ask.evidence)
    medians = [ask.saving.median for ask in asks]
    assert medians == sorted(medians, reverse=True)


def test_asks_are_at_the_batch_of_their_case() -> None:
    """There capacity serves nothing; more of what limits it saves most of the time."""
    known = sample_setting()
    rows = {each.name: each for each in hardware_candidates([known], "time")}
    assert rows["hbm_capacity"].saving.median == pytest.approx(0.0, abs=1e-12)
    before, wider = (
        costs_of(point, known.draws).query_s[0]
        for point in (known.point, scaled(known.point, {"hbm_bandwidth": STEP}, known.costs))
    )
    assert np.exp(rows["hbm_bandwidth"].log_time[0]) == pytest.approx(wider / before)


def test_what_acts_on_the_bound_is_among_the_asks_even_where_it_saves_nothing() -> None:
    known = sample_setting()
    plain = hardware_asks([known])
    for bound in ("links", "compute", "memory", "overhead"):
        asks = hardware_asks([known], bound)
        assert [ask.saving for ask in asks[: len(plain)]] == [ask.saving for ask in plain]
        assert any(ask.acts_on == bound for ask in asks)
        assert len(asks) <= ASKS + 1


def test_collective_overhead_relieves_links_where_they_are_the_bound() -> None:
    """It is in each stage of a collective's pipeline, so the links' own time falls with it."""
    known = sample_setting()
    steps = [
        by_resource(terms_of(point, known.draws, work_steps(point)[1])).mean(-1)
        for point in (known.point, scaled(known.point, {"collective_overhead": 0.8}, known.costs))
    ]
    links = BOUNDS.index("links")
    assert steps[1][links] < steps[0][links]
    for bound, acts_on in (("links", "links"), ("overhead", "overhead"), ("memory", "overhead")):
        rows = {each.name: each for each in hardware_candidates([known], "time", bound)}
        assert rows["collective_overhead"].acts_on == acts_on
    acting = [ask for ask in hardware_asks([known], "links") if ask.acts_on == "links"]
    assert (
        acting[0].name
        == max(
            (
                each
                for each in hardware_candidates([known], "usd", "links")
                if each.acts_on == "links"
            ),
            key=lambda each: each.saving.median,
        ).name
    )


@pytest.mark.parametrize(
    ("odds", "draws", "words"),
    [
        (0.52, 512, "about 50 % likely"),
        (0.63, 512, "about 65 % likely"),
        (0.97, 512, "about 97 % likely"),
        (1 - 3 / 512, 512, "over 99 % likely"),
        (1 - 3 / 63, 63, "over 95 % likely"),
        (3 / 512, 512, "under 1 % likely"),
        (0.5, 1, "over 50 % likely"),
    ],
)
def test_odds_are_said_to_what_the_draws_tell(odds: float, draws: int, words: str) -> None:
    assert likely(odds, draws) == words


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


def test_workloads_of_a_mix_count_by_what_they_take_of_it() -> None:
    """Of 100 queries 90 take 1 s and 10 take 8 s each: 90 and 80 s. A change that halves the long
    ones saves 40 of 170 s; counted each alike it would save 1 - sqrt(1 / 2), 29 %."""
    short, long = sample_setting(think=128.0), sample_setting(think=2048.0)
    cases = [replace(short, share=0.9), replace(long, share=0.1)]
    before = [logs_of_seconds(1.0), logs_of_seconds(8.0)]
    ratios = [{"time": np.ones((4, 2))}, {"time": np.full((4, 2), 0.5)}]
    mixed = _mean_change(cases, before, ratios, "time")
    assert 1 - np.exp(mixed) == pytest.approx(40 / 170)
    alike = _mean_change([short, long], before, ratios, "time")
    assert 1 - np.exp(alike) == pytest.approx(1 - np.sqrt(1 / 2))
    elsewhere = replace(short, query=replace(short.query, slice=parse_slice("h100-8")))
    apart = _mean_change([elsewhere, cases[1]], before, ratios, "time")
    assert apart == pytest.approx(alike), "slices count alike"


def logs_of_seconds(time_s: float) -> Logs:
    """Of a query on two draws."""
    logs = np.log(np.full((4, 2), time_s))
    return Logs(logs, logs, logs)
