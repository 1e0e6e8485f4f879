"""Where a phase's bound flips, by hand on a bare roofline."""

import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.costs import costs_of
from rooflink.profiling.co_design.crossovers import bound_flips
from rooflink.profiling.reports import units


def test_factor_is_the_ratio_of_the_two_longest_terms():
    known = sample_setting(where="h100", prompts=8.0, ideal=True)
    terms = costs_of(known.point, known.draws).terms
    think = 1
    others = max(float(x[think, 0]) for x in (terms.compute_s, terms.on_chip_s, terms.links_s))
    expected = float(terms.memory_s[think, 0]) / others
    (flip,) = (f for f in bound_flips(known) if f.phase == "think")
    assert (flip.parameter, flip.before) == ("hbm_bandwidth", "memory")
    assert flip.factor.median == pytest.approx(expected, rel=1e-4)
    assert flip.factor.low == flip.factor.median == flip.factor.high
    assert flip.sentence.startswith(f"beyond {units.ratio(expected)} HBM bandwidth, think becomes")


def test_draws_give_an_interval():
    for flip in bound_flips(sample_setting()):
        assert flip.factor.low <= flip.factor.median <= flip.factor.high
        assert flip.before != flip.after
        assert 0 < flip.flips <= 1
