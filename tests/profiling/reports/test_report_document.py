"""A document's data: columns write themselves on one scale, empty parts are left out."""

from rooflink.profiling.records.base import Interval
from rooflink.profiling.reports import units
from rooflink.profiling.reports.document import (
    Beside,
    Column,
    Details,
    Document,
    Facts,
    Paragraph,
    Section,
    Table,
)


def times() -> Column:
    return Column("time", [44e-6, None, 13.7e-3], units.seconds, lens="measured", name="time_s")


def test_a_column_keeps_its_values_and_writes_them_on_one_scale():
    assert times().cells == ["0.0440 ms", "", "13.7 ms"]
    assert times().numbers == [44e-6, None, 13.7e-3]
    assert (times().heading, times().key, times().numeric) == ("time (measured)", "time_s", True)


def test_intervals_show_median_bounds_or_both():
    one = [Interval(median=2.0, low=1.0, high=4.0)]
    shown = {
        show: Column("t", one, units.seconds, show=show).cells
        for show in ("median", "bounds", "both")
    }
    assert shown == {
        "median": ["2.00 s"],
        "bounds": ["1.00 to 4.00 s"],
        "both": ["2.00 s (1.00 to 4.00 s)"],
    }
    assert Column("t", one, units.seconds).numbers == [2.0]


def test_words_are_set_left_and_numbers_right():
    assert not Column("chip", ["TPU v5e"]).numeric
    assert Column("chips", [4]).numeric


def test_a_table_leaves_out_columns_without_a_cell():
    table = Table(
        "Costs", [Column("phase", ["think", "answer", "total"]), times(), Column("x", [None] * 3)]
    )
    assert [column.title for column in table.shown] == ["phase", "time"]
    assert table.rows[0] == ["think", "0.0440 ms"]
    assert table.key == "costs"


def test_a_document_leaves_out_what_is_empty():
    empty = Table("none", [])
    document = Document(
        "t", "h",
        [
            Section("Gone", [empty, Facts("f", [("name", "")]), Details("d", [Beside([empty])])]),
            Section("Kept", [empty, Paragraph("words"), Section("Inner", [Table("a", [times()])])]),
        ],
    )  # fmt: skip
    assert [section.key for section in document.filled] == ["kept"]
    assert [type(block).__name__ for block in document.blocks()] == ["Paragraph", "Table"]
