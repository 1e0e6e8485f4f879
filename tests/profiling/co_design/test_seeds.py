"""Seeds: figures by hand, verdicts that follow from them."""

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.co_design.claims import _verdict, dollars_per_operation, memory_bound_on_kv


def test_dollars_of_an_operation_at_peak_are_price_over_peak():
    seed = dollars_per_operation(sample_calibration(), None)
    rows = {row.label: row.value for row in seed.rows}
    assert rows["TPU v5e at peak"] == pytest.approx(1.2 / 3600 / 197e12)
    thinking = [value for label, value in rows.items() if "thinking" in label]
    assert len(thinking) == 2
    assert min(thinking) > rows["TPU v5e at peak"]


def test_kv_share_grows_with_the_thought():
    seed = memory_bound_on_kv(sample_calibration(), None)
    shares = [row.value for row in seed.rows[:4]]
    assert shares == sorted(shares)
    assert seed.verdict == "holds"


def test_verdicts():
    assert _verdict([True, True]) == "holds"
    assert _verdict([True, False]) == "holds in part"
    assert _verdict([False]) == "does not hold"
