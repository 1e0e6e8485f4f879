"""One document in Markdown, in a terminal and as a page."""

import json
import re
from io import StringIO

import altair
import pytest
from rich.console import Console

from rooflink.profiling.reports import terms, theme, units
from rooflink.profiling.reports.charts import chart_parts as kit
from rooflink.profiling.reports.charts.chart_parts import Bar, Part, bars, spaced_log
from rooflink.profiling.reports.document import (
    Advice,
    Chart,
    Code,
    Column,
    Document,
    Example,
    Facts,
    Findings,
    Section,
    Table,
    Tile,
    Tiles,
    printable,
)
from rooflink.profiling.reports.renderers.console import show, show_table
from rooflink.profiling.reports.renderers.html import Glossary, html, script_safe
from rooflink.profiling.reports.renderers.markdown import fenced, inline, markdown
from rooflink.profiling.reports.renderers.vega import cache_folder, png, svg, vega_bundle

HOSTILE = '<script>alert("x")</script> | *b* `c`'


def chart() -> Chart:
    blue = theme.colour("blue")
    rows = [Bar("think", [Part(2.0, "think", blue, {"time": "2 s"})], "2 s", (1.5, 2.5))]
    return Chart("time", "Time", "think took 2 s", lambda: bars(rows, "time"))


def document() -> Document:
    table = Table(
        "Costs",
        [
            Column("phase", [HOSTILE, "answer", "total"]),
            Column("time", [2.0, 0.5, 2.5], units.seconds, terms.MEASURED, name="time_s"),
            Column("spread", ["1 to 3 s", "", ""], priority=2),
        ],
        has_total=True,
    )
    return Document(
        "a profile",
        "Thinking waits for HBM.",
        [
            Section("Phases", [table, chart()]),
            Section("Findings", [Findings([Advice("Shorten it.", "31 %", "why", "--flag 3")])]),
            Section("Words", [Facts("Model", [("name", HOSTILE)]), Code("a ``` b"),
                              Example("Sample 1", [("Prompt", HOSTILE), ("Answer, right", "4")])]),
        ],
        lead=[Tiles([Tile("2 s", "time", terms.MEASURED)])],
    )  # fmt: skip


def printed(width: int) -> str:
    console = Console(file=StringIO(), width=width)
    show(document(), console)
    return console.file.getvalue()


def test_markdown_has_every_table_and_no_markup_of_the_record():
    text = markdown(document())
    assert "| **total** | **2.50 s** |  |" in text.splitlines()
    assert "<script" not in re.sub(r"(`{3,})text\n.*?\n\1", "", text, flags=re.DOTALL)
    assert "````text\na ``` b\n````" in text
    assert ".svg" not in text
    assert "![think took 2 s](charts/time.svg)" in markdown(document(), "charts").splitlines()


def test_inline_and_fenced_keep_text_text():
    assert inline("a|b\n<i>") == r"a\|b &lt;i>"
    assert fenced("a ``` b").startswith("````")


def test_a_narrow_terminal_drops_the_columns_needed_least():
    columns = [Column("phase", ["think"]), Column("time", [2.0], units.seconds),
               Column("words", ["w" * 30], priority=1),
               Column("more", ["m" * 30], priority=2)]  # fmt: skip
    dropped = {
        width: [
            c.title for c in show_table(Table("t", columns), Console(file=StringIO(), width=width))
        ]
        for width in (90, 60, 30)
    }
    assert dropped == {90: [], 60: ["more"], 30: ["words", "more"]}


def test_a_terminal_shows_words_and_leaves_out_charts():
    lines = printed(80).splitlines()
    assert "  1. 31 %: Shorten it." in [line.rstrip() for line in lines]
    assert all(len(line) <= 80 for line in lines)


def test_control_characters_do_not_reach_the_terminal():
    assert printable("a\x1b[31m\nb") == "a [31m b"


def test_a_page_keeps_the_record_text_and_its_charts_as_specifications():
    page = html(document())
    assert HOSTILE not in page
    found = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found.group(1)) == json.loads(json.dumps(chart().spec))
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page.replace(vega_bundle(), ""))


def test_cells_sort_by_value():
    keys = re.findall(r'data-key="([^"]*)"', html(document()))
    assert keys[1::3] == ["2.0", "0.5", "2.5"]


def test_a_term_is_explained_where_it_comes_first():
    note = Glossary({"HBM": 'main "memory"', "KV cache": "keys"})
    first = note("HBM, the KV cache, HBM")
    assert first == (
        '<abbr title="main &#34;memory&#34;" tabindex="0">HBM</abbr>, the '
        '<abbr title="keys" tabindex="0">KV cache</abbr>, HBM'
    )
    assert note("HBM & <b>") == "HBM &amp; &lt;b&gt;"


def test_a_script_cannot_be_closed_from_within():
    assert "</script" not in script_safe("a = '</script>'").lower()


def test_stills_need_no_browser():
    assert png(chart()).startswith(b"\x89PNG")
    assert theme.COLOURS["blue"][1] in svg(chart(), dark=True)


def test_every_colour_of_a_chart_is_the_themes():
    used = set(re.findall(r"#[0-9a-f]{6}", json.dumps(chart().spec)))
    assert used <= set(theme.dark_of())


def test_the_bundle_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path))
    vega_bundle.cache_clear()
    (kept,) = [vega_bundle(), *cache_folder().iterdir()][1:]
    kept.write_text("kept")
    vega_bundle.cache_clear()
    assert vega_bundle() == "kept"
    vega_bundle.cache_clear()


@pytest.mark.parametrize("gap", [10, 200])
def test_labels_are_moved_apart_inside_the_axis(gap):
    places = spaced_log([100, 101, 1000], gap, 300, [1, 1e4])
    assert sorted(places) == places
    assert min(places) > 0
    if gap == 10:
        assert places[1] / places[0] >= 10 ** (4 * 10 / 300) * 0.999


def test_channels_told_by_their_class_are_those_that_altair_finds_out() -> None:
    def drawn(chart: object) -> object:
        chosen = kit.alt.selection_point(name="chosen", fields=["phase"])
        faded = kit.alt.condition(chosen, kit.alt.value(1), kit.alt.value(0.2))
        dark = kit.alt.condition("datum.x > 1", kit.alt.value("black"), kit.alt.value("grey"))
        made = chart(kit.data([{"x": 1}])).mark_bar().encode(  # type: ignore[operator]
            x="x:Q", x2=kit.alt.datum(1), y=kit.alt.value(3), opacity=faded, color=dark,
            tooltip=kit.tips("phase"), xOffset="phase:N",
        )  # fmt: skip
        return made.to_dict()["encoding"]

    assert drawn(kit.alt.Chart) == drawn(altair.Chart)
