"""A validation as tables, Markdown, terminal and plots."""

from io import StringIO
from xml.etree import ElementTree

import pytest
from rich.console import Console
from sample_validation import sample_row, sample_validation

from rooflink.profiling.render.plot_validation import validation_plot
from rooflink.profiling.render.validation_console import show_validation
from rooflink.profiling.render.validation_markdown import error_markdown, validation_markdown
from rooflink.profiling.render.validation_png import validation_png
from rooflink.profiling.render.validation_tables import percent, rows_table

SVG = "{http://www.w3.org/2000/svg}"


def shown(width: int) -> str:
    stream = StringIO()
    show_validation(sample_validation(), Console(file=stream, width=width))
    return stream.getvalue()


def test_the_error_table_sets_held_out_and_fitted_side_by_side() -> None:
    table = error_markdown(sample_validation())
    assert "| decode | 2 | 30 % | -20 % | 50 % | 1 | 5.0 % | +5.0 % | 100 % |" in table


@pytest.mark.parametrize(("value", "said"), [(0.123, "+12 %"), (-0.034, "-3.4 %"), (0.0, "0 %")])
def test_a_signed_share_keeps_its_sign(value: float, said: str) -> None:
    assert percent(value, signed=True) == said


def test_rows_carry_measured_predicted_interval_and_error() -> None:
    table = rows_table(sample_validation().rows, "held out")
    assert table.rows[0][3:] == ["20.0 ms", "22.0 ms", "17.6 to 28.6 ms", "+10 %", "yes"]
    assert table.rows[1][-2:] == ["-50 %", "no"]
    assert table.rows[2][3] == "90 J"
    assert len(rows_table(sample_validation().rows, "fitted").rows) == 1


def test_the_report_has_every_part_and_escapes_what_it_quotes() -> None:
    text = validation_markdown(sample_validation())
    for said in ("no chip file for X", "how many?", "rooflink --ideal", "17.6 to 28.6 ms"):
        assert said in text
    assert "a &lt;model>" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_terminal_shows_verdicts_at_every_width(width: int) -> None:
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    assert "no chip file for X" in text
    assert "1 of 1 solved within their tolerance" in text
    assert "22.0 ms" in text


def test_of_many_rows_the_worst_are_shown() -> None:
    rows = [sample_row(f"mine.csv:{i}", 1.0, 1.0 + i / 100) for i in range(50)]
    stream = StringIO()
    console = Console(file=stream, width=120)
    show_validation(sample_validation().model_copy(update={"rows": rows}), console)
    assert "mine.csv:49" in stream.getvalue()
    assert "mine.csv:10 " not in stream.getvalue()


def test_the_plot_has_a_point_and_an_interval_for_each_row_of_its_unit() -> None:
    drawing = ElementTree.fromstring(validation_plot(sample_validation().rows, "s", "held out"))
    points = [c for c in drawing.iter(f"{SVG}circle") if c.find(f"{SVG}title") is not None]
    assert len(points) == 2
    intervals = [e for e in drawing.iter(f"{SVG}line") if "interval" in e.get("class", "")]
    assert len(intervals) == 2
    # 20 ms lies right of 2 ms, and 22 ms predicted above 1 ms.
    right, left = (float(point.get("cx", "0")) for point in points)
    upper, lower = (float(point.get("cy", "0")) for point in points)
    assert right > left
    assert upper < lower


def test_nothing_to_draw_is_no_drawing() -> None:
    assert validation_plot([], "s", "held out") == ""
    assert validation_png([], "held out") is None


def test_the_image_is_a_png() -> None:
    image = validation_png(sample_validation().rows, "held out")
    assert image is not None
    assert image.startswith(b"\x89PNG")
