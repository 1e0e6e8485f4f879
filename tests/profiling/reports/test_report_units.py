"""Numbers as text: prefixes, one scale a column, intervals."""

import pytest

from rooflink.profiling.records.base import Interval
from rooflink.profiling.reports import units
from rooflink.profiling.reports.document import Column


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0132, "13.2 ms"), (1.52, "1.52 s"), (1284, "21.4 min"), (11160, "3.10 h"), (0, "0 s"),
     (12, "12.0 s"), (4.4e-5, "44.0 µs"), (0.9996, "1.00 s"), (599, "599 s")],
)  # fmt: skip
def test_seconds(value, text):
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.07e9, "1.07 GB"), (999.6e6, "1.00 GB"), (12, "12 B"), (0, "0 B"), (6.95e10, "69.5 GB"),
     (-2.5e6, "-2.50 MB"), (8.9e24, "8,900 ZB")],
)  # fmt: skip
def test_bytes(value, text):
    assert units.bytes_(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.3, "$12.3"), (0.0456, "$0.0456"), (0.00218, "$2.18 per 1,000"),
     (5.12e-6, "$5.12 per million"), (0, "$0")],
)  # fmt: skip
def test_money_below_a_cent_is_told_by_the_thousand_or_the_million(value, text):
    assert units.usd(value) == text


def test_money_per_something():
    assert units.usd_per(0.0456, "query", "queries") == "$0.0456 per query"
    assert units.usd_per(5.12e-6, "query", "queries") == "$5.12 per million queries"


@pytest.mark.parametrize(
    ("title", "text"),
    [("cost per query", "cost per million queries"),
     ("cost per correct answer", "cost per million correct answers"),
     ("cost per query, v5e-8", "cost per million queries, v5e-8"),
     ("cost on v5e-8", "cost on v5e-8, per million")],
)  # fmt: skip
def test_a_heading_says_of_how_many_a_columns_dollars_are(title, text):
    values = [5.12e-6, Interval(median=1.25e-5, low=1e-5, high=2e-5), None]
    column = Column(title, values, units.usd, show="both")
    assert column.label == text
    assert column.cells == ["$5.12", "$12.5 ($10.0 to $20.0)", ""]


def test_a_column_has_one_scale():
    write = units.seconds.for_column([44e-6, 9.1e-3, 13.7e-3])
    assert [write(v) for v in (44e-6, 9.1e-3, 13.7e-3)] == ["0.0440 ms", "9.10 ms", "13.7 ms"]
    money = units.usd.for_column([5.12e-6, 1.25e-5])
    assert [money(v) for v in (5.12e-6, 1.25e-5)] == ["$5.12 per million", "$12.5 per million"]


def test_a_column_whose_values_differ_too_much_has_a_scale_for_each():
    write = units.bytes_.for_column([12, 4e12])
    assert [write(v) for v in (12, 4e12)] == ["12 B", "4.00 TB"]


def test_a_scale_is_small_enough_for_the_smallest_of_a_column():
    write = units.bytes_.for_column([1.98e6, 21.4e9])
    assert [write(v) for v in (1.98e6, 21.4e9)] == ["1.98 MB", "21,400 MB"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.62, "62 %"), (0.031, "3.1 %"), (0, "0 %"), (4e-4, "<0.1 %"), (-4e-4, "about 0 %")],
)
def test_share(value, text):
    assert units.share(value) == text


def test_change_has_a_sign():
    texts = [units.change(v) for v in (0.14, -0.003, 2e-4)]
    assert texts == ["+14 %", "-0.3 %", "about 0 %"]


def test_intervals():
    interval = Interval(median=1.31, low=1.2, high=1.53)
    assert units.with_bounds(interval, units.seconds) == "1.31 s (1.20 to 1.53 s)"
    cost = Interval(median=0.0122, low=0.00877, high=0.0244)
    assert units.with_bounds(cost, units.usd) == "$12.2 per 1,000 ($8.77 to $24.4 per 1,000)"
    assert units.dollars(5.12e-6) == "$0.00000512"
    assert units.bounds(Interval(median=1, low=1, high=1), units.seconds) == ""
    assert units.with_bounds(None, units.seconds) == "unknown"
    assert units.span("$0.10", "$0.12") == "$0.10 to $0.12"
    assert units.span("940 ms", "1.02 s") == "940 ms to 1.02 s"
