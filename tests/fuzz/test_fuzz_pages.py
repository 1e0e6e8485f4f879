"""Documents with any text in them: no renderer raises, and none lets markup or controls through."""

import json
import re
from collections.abc import Callable
from io import StringIO
from random import Random

from fuzzing import ODD_TEXTS, any_text, assert_reads_or_refuses, changed_text, seeded
from hostile_runs import PAYLOAD
from html_page import parsed
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rooflink.profiling.reports import document as doc
from rooflink.profiling.reports import units
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.renderers.html import body
from rooflink.profiling.reports.renderers.markdown import markdown

TAGS = {
    "p", "span", "figure", "figcaption", "div", "script", "section", "h3", "h4", "table", "caption",
    "thead", "tbody", "tr", "th", "td", "button", "ul", "ol", "li", "dl", "dt", "dd", "pre", "code",
    "article", "details", "summary", "abbr",
}  # fmt: skip
HANDLER = re.compile(r"on\w+|href|src|srcdoc")
VALID = [
    PAYLOAD, "plain words", "```\n<b>\n```", "[a](javascript:x)", "| a | b |", "&lt;", "a\n\n# b",
    "\x1b]8;;http://x\x07y", "</script>", "HBM and FLOP/B, the 'bound' of decode",
]  # fmt: skip


@seeded
def documents(by: Random) -> doc.Document:
    """Every kind of block, with texts of any kind where a record's and a user's may stand."""

    def text() -> str:
        odd = by.choice((*VALID, *ODD_TEXTS))
        return by.choice((changed_text(by, by.choice(VALID)), odd, any_text(by, 40)))

    def either() -> bool:
        return by.choice((False, True))

    one, other, third = text(), text(), text()
    rows = [{"name": one, "value": 1.0, other: third}]
    table = doc.Table(
        text(),
        [doc.Column(text(), [one, other], help=text()),
         doc.Column("time", [1.0, None], units.seconds, lens=text(), missing=third)],
        note=text(), has_total=either(), whole=True,
    )  # fmt: skip
    blocks: list[doc.Block] = [
        table, doc.Facts(one, [(other, third)]), doc.Paragraph(text(), either()),
        doc.Bullets([text()]), doc.Terms({one: other}), doc.Code(text()),
        doc.Tiles([doc.Tile(one, other, third)]), doc.Example(one, [(other, third), (third, one)]),
        doc.Findings([doc.Advice(one, other, third, text(), text())]),
        doc.Chart(doc.slug(one), other, third, lambda: {"data": {"values": rows}, "title": one},
                  note=text()),
        doc.Details(one, [doc.Paragraph(other)]), doc.Beside([doc.Paragraph(third)]),
    ]  # fmt: skip
    sections = [doc.Section(one, blocks), doc.Section(other, [doc.Section(third, blocks[:2])])]
    return doc.Document(text(), text(), sections, text(), [doc.Paragraph(one)], text())


def assert_printable(text: str) -> None:
    """Lines of characters that neither steer a terminal nor are halves of a pair."""
    text.encode()
    odd = {c for c in text if not c.isprintable()} - {"\n"}
    assert odd == set(), odd


def as_markdown(document: doc.Document) -> str:
    return markdown(document, "charts")


def rendered(render: Callable[[doc.Document], str], document: doc.Document) -> str:
    """Printable text, which no document is refused."""
    text = assert_reads_or_refuses(render, document)
    assert isinstance(text, str)
    assert_printable(text)
    return text


@given(documents())
def test_markdown_holds_no_html_and_no_links(document: doc.Document) -> None:
    text = rendered(as_markdown, document)
    assert "<" not in text
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?\n\1$", "", text)
    links = re.findall(r"(?<!\\)\]\(([^)]*)\)", outside)
    assert all(re.fullmatch(r"charts/[a-z0-9-]+\.svg", link) for link in links)


@given(documents())
def test_a_page_holds_our_own_elements_alone(document: doc.Document) -> None:
    text = rendered(body, document)
    page = parsed(text)
    assert set(page.tags) <= TAGS
    assert not [name for name, _ in page.attributes if HANDLER.fullmatch(name)]
    scripts = re.findall(r'(?s)<script type="application/json">(.*?)</script>', text)
    assert len(scripts) == page.tags.count("script")
    assert all(isinstance(json.loads(script), dict) for script in scripts)


@given(documents(), st.sampled_from([40, 80, 160]))
def test_a_terminal_gets_text_alone(document: doc.Document, width: int) -> None:
    """Of a terminal with colours only those of ours: nothing in a text is rich's markup."""

    def on_terminal(document: doc.Document) -> str:
        console = Console(file=(file := StringIO()), width=width, color_system=None)
        show(document, console)
        return file.getvalue()

    text = rendered(on_terminal, document)
    if "[bold]" in document.title:
        assert "[bold]" in re.sub(r"\s", "", text)
